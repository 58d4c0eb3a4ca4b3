"""`rampose finetune` beside two other ways to spend the same minutes: the same network from random weights, and
MMPose's stock recipe for HRNet-W32 at 256x192, from random weights, too, since its ImageNet weights must be downloaded.

    OMP_NUM_THREADS=1 python docs/finetune_compare.py $RAMPOSE_TEST_DATA --out work_dirs/finetune_compare
    python docs/finetune_compare.py $RAMPOSE_TEST_DATA --out work_dirs/finetune_compare --table

Leeds Sports Pose Extended (14 keypoints) with 50, 200 and 1,000 images, and COCO's people with five keypoints. Each way
trains as many samples as it gets through in `MINUTES` on one core of the idle machine, which is measured first, so that
a busy machine does not change the result; PCK@0.2 (of the box's longer side) on 250 validation images, five times on
the way and at the end. What is done is not done again.
"""

import argparse
import json
import shutil
from pathlib import Path

from suggest_loop import write_subset

MINUTES, BATCH, VAL = 4, 16, 250
FIVE = ('nose', 'left_wrist', 'right_wrist', 'left_ankle', 'right_ankle')
STOCK = 'configs/body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py'
RUNS = [(data, number, way) for data, numbers in (('lspet', (200, 50, 1000)), ('coco5', (200, ))) for number in numbers
        for way in ('finetune', 'random', 'stock')]


def make_data(source, name, number, folder):
    """Annotations of so many training images and of the validation images."""
    place = source / ('lspet' if name == 'lspet' else 'coco_people')
    for split, count in (('train', number), ('val', VAL)):
        path = place / f'annotations/{split}.json'
        content = json.loads(path.read_text())
        content['annotations'] = [one for one in content['annotations'] if one.get('num_keypoints')]
        labelled = {one['image_id'] for one in content['annotations']}
        images = [image for image in content['images'] if image['id'] in labelled]
        target = folder / f'annotations/{split}.json'
        write_subset(path, {image['file_name'] for image in images[::max(1, len(images) // count)][:count]}, target)
        if name == 'coco5':
            content = json.loads(target.read_text())
            kind = content['categories'][0]
            chosen = [kind['keypoints'].index(keypoint) for keypoint in FIVE]
            content['categories'] = [dict(kind, keypoints=list(FIVE), skeleton=[])]
            for one in content['annotations']:
                one['keypoints'] = [value for k in chosen for value in one['keypoints'][3 * k:3 * k + 3]]
                one['num_keypoints'] = sum(v > 0 for v in one['keypoints'][2::3])
            content['annotations'] = [one for one in content['annotations'] if one['num_keypoints']]
            target.write_text(json.dumps(content))
    if not (folder / 'images').exists():
        (folder / 'images').symlink_to((place / 'images').resolve())


def run(source, out, speeds, name, number, way):
    place = out / f'{name}-{number}-{way}'
    if (place / 'result.json').is_file():
        return
    import mmpose
    from mmengine import Config

    import rampose.plugin  # noqa: F401
    from rampose.checkpoints.zoo import config_of, default_name, fetch, find_weights
    from rampose.core.metainfo import keypoint_names
    from rampose.datasets.labels.reading import read_labels
    from rampose.datasets.labels.writing import metainfo_text
    from rampose.datasets.metainfo import config_metainfo
    from rampose.lab.finetuning.plan import INPUTS, Plan, train_boxes, write_config
    from rampose.lab.finetuning.start import write_start
    from rampose.lab.finetuning.training import train
    shutil.rmtree(place, ignore_errors=True)
    folder = place / 'data'
    make_data(source, name, number, folder)
    labels = read_labels(folder / 'annotations/train.json', folder / 'images')
    (folder / 'metainfo.py').write_text(metainfo_text(labels, name))
    objects = len(list(train_boxes(json.loads((folder / 'annotations/train.json').read_text()))))
    stock = way == 'stock'
    size = (192, 256) if stock else INPUTS['upright']
    if stock:
        base = Config.fromfile(Path(mmpose.__file__).parent / '.mim' / STOCK)
    else:
        base = Config.fromfile(config_of(find_weights(default_name())))
    key = 'stock' if stock else 'ours'
    if key not in speeds:
        from rampose.lab.finetuning.plan import measure
        speeds[key] = measure(base, size, 4)
    steps = -(-objects // BATCH)
    epochs = max(1, int(MINUTES * 60 / speeds[key] / (steps * BATCH)))
    plan = Plan(size, BATCH, epochs, max(1, epochs // 6), epochs * steps, speeds[key])
    start = place / 'start.pth'
    write_start(fetch(find_weights(default_name()), 'torch'), keypoint_names(config_metainfo(
        Config.fromfile(config_of(find_weights(default_name()))))), labels.keypoints, start)
    path = write_config(base, plan, folder, len(labels.keypoints), start, place / 'config.py')
    config = Config.fromfile(path)
    if way != 'finetune':
        config.load_from = None
    if stock:  # its own learning rate, for its batch of 512, scaled to ours as MMPose does it
        config.optim_wrapper.optimizer.lr = 5e-4 * BATCH / 512
    if way == 'random':
        config.model.backbone.frozen_stages = -1
    config.val_evaluator = config.test_evaluator = [
        config.val_evaluator, dict(type='PCKAccuracy', thr=0.2, norm_item='bbox')]
    config.dump(path)
    train(path, place / 'train', place / 'train.log', lambda *_: None, lambda *_: None)
    curve = [(json.loads(line)['step'] * steps * BATCH * speeds[key] / 60, json.loads(line)['PCK'])
             for file in (place / 'train').glob('*/vis_data/scalars.json') for line in file.read_text().splitlines()
             if '"PCK"' in line]
    (place / 'result.json').write_text(json.dumps(dict(
        data=name, images=number, objects=objects, way=way, samples=epochs * objects, curve=curve)))
    for done in ('train', 'start.pth', 'data'):
        shutil.rmtree(place / done) if (place / done).is_dir() else (place / done).unlink()
    print((place / 'result.json').read_text(), flush=True)


def show(out):
    print('| data | images | way | samples | PCK@0.2 | minutes to 80 % |\n| --- | ---: | --- | ---: | ---: | ---: |')
    for name, number, way in sorted(RUNS):
        file = out / f'{name}-{number}-{way}/result.json'
        if file.is_file():
            result = json.loads(file.read_text())
            reached = next((f'{minutes:.1f}' for minutes, pck in result['curve'] if pck >= 0.8), '-')
            print(f'| {name} | {number} | {way} | {result["samples"]} | {100 * result["curve"][-1][1]:.1f} | '
                  f'{reached} |')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data', type=Path)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--table', action='store_true', help='print what is done')
    args = parser.parse_args()
    kept = args.out / 'seconds_a_sample.json'
    known = json.loads(kept.read_text()) if kept.is_file() else {}
    for one in [] if args.table else RUNS:
        run(args.data, args.out, known, *one)
        kept.write_text(json.dumps(known))
    show(args.out)
