"""Labelling by suggestion against labelling at random, on Leeds Sports Pose Extended: 100 labelled images to start,
then five rounds of 50 more.

    OMP_NUM_THREADS=1 python docs/suggest_loop.py $RAMPOSE_TEST_DATA/lspet --out work_dirs/suggest --seeds 0 1 2
    python docs/suggest_loop.py $RAMPOSE_TEST_DATA/lspet --out work_dirs/suggest --plot docs/images/suggest.png

The first training run starts from the packaged model, each round from the round before, as `rampose finetune --from`
does, with as many samples whatever the number of images, so that rounds differ by the images alone. Both ways start
from the same 100 and choose from the same 1,500; all are judged on the 500 of val, by which nothing is chosen. What is
done is not done again.
"""

import argparse
import json
import random
import shutil
from pathlib import Path

import numpy as np

START, ROUNDS, EACH, POOL = 100, 5, 50, 1500
INPUT, FIRST_SAMPLES, SAMPLES, BATCH = (96, 128), 8000, 3200, 16


def write_subset(source, names, path):
    """Annotations of some images."""
    content = json.loads(source.read_text())
    images = [image for image in content['images'] if image['file_name'] in names]
    ids = {image['id'] for image in images}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(content, images=images, annotations=[
        one for one in content['annotations'] if one['image_id'] in ids])))


def train_and_judge(data, place, names, name, before=None):
    """PCK@0.2 and AP on val of a model that is trained on the images named, from the one in the folder `before`; its
    files stay in `place`."""
    if (place / 'result.json').is_file():
        return
    from mmengine import Config

    import rampose.plugin  # noqa: F401
    from rampose.checkpoints.publishing import publish
    from rampose.checkpoints.zoo import config_of, default_name, fetch, find_weights
    from rampose.core.metainfo import keypoint_names
    from rampose.datasets.labels.reading import read_labels
    from rampose.datasets.labels.writing import metainfo_text
    from rampose.datasets.metainfo import config_metainfo, parse_metainfo
    from rampose.export.exporting import export
    from rampose.lab.finetuning import result
    from rampose.lab.finetuning.plan import Plan, write_config
    from rampose.lab.finetuning.start import write_start
    from rampose.lab.finetuning.training import train
    folder = place / 'data'
    write_subset(data / 'annotations/train.json', names, folder / 'annotations/train.json')
    shutil.copyfile(data / 'annotations/val.json', folder / 'annotations/val.json')
    if not (folder / 'images').exists():
        (folder / 'images').symlink_to((data / 'images').resolve())
    labels = read_labels(folder / 'annotations/train.json', data / 'images')
    (folder / 'metainfo.py').write_text(metainfo_text(labels, 'lspet'))
    metainfo = parse_metainfo(dict(from_file=str(folder / 'metainfo.py')))
    weights = find_weights(default_name())
    base = Config.fromfile(config_of(weights))
    known = labels.keypoints if before else keypoint_names(config_metainfo(base))
    write_start(before / 'model.pth' if before else fetch(weights, 'torch'), known, labels.keypoints,
                place / 'start.pth')
    steps = -(-len(names) // BATCH)
    epochs = (SAMPLES if before else FIRST_SAMPLES) // (steps * BATCH)
    write_config(base, Plan(INPUT, BATCH, epochs, epochs + 1, epochs * steps, 0.), folder, len(labels.keypoints),
                 place / 'start.pth', place / 'config.py')
    train(place / 'config.py', place / 'train', place / 'train.log', lambda *_: None, lambda *_: None)
    checkpoint = Path((place / 'train/last_checkpoint').read_text())
    publish(checkpoint, place / 'model').replace(place / 'model.pth')
    export(place / 'config.py', place / 'model.pth', place, inputs='uint8')
    _, model, _ = result.evaluate(place / 'model.onnx', folder, np.asarray(metainfo['sigmas']), place / 'found.jsonl')
    (place / 'result.json').write_text(json.dumps(dict(
        name=name, images=len(names), pck=float(np.nanmean(model.pck())), ap=model.numbers['AP'])))
    for done in ('train', 'start.pth', 'found.jsonl'):
        shutil.rmtree(place / done) if (place / done).is_dir() else (place / done).unlink(missing_ok=True)
    print(name, (place / 'result.json').read_text(), flush=True)


def suggest(data, place, names, pool):
    """The next images by what the last model says."""
    from rampose.apis.exported_model import ExportedPoseModel
    from rampose.prediction.suggestion import choose, look_at
    model = ExportedPoseModel(place / 'model.onnx', num_threads=1)
    content = json.loads((data / 'annotations/train.json').read_text())
    ids = {image['file_name']: image['id'] for image in content['images']}
    boxes = {one['image_id']: [one['bbox'][0], one['bbox'][1], one['bbox'][0] + one['bbox'][2],
                               one['bbox'][1] + one['bbox'][3]] for one in content['annotations']}
    seen = {name: look_at(data / 'images' / name, model, lambda path, _: [boxes[ids[path.name]]])
            for name in [*sorted(names), *pool]}
    free = [name for name in pool if name not in names]
    chosen = choose([seen[name] for name in free], [seen[name] for name in sorted(names)], EACH)
    return {free[number] for number in chosen}


def run(data, out, seed):
    content = json.loads((data / 'annotations/train.json').read_text())
    everything = sorted(image['file_name'] for image in content['images'])
    lot = random.Random(seed)
    drawn = lot.sample(everything, START + POOL)
    first, pool = set(drawn[:START]), drawn[START:]
    train_and_judge(data, out / f'{seed}/start', first, f'seed {seed}, start')
    for number in range(1, ROUNDS + 1):
        for way in ('suggested', 'random'):
            place = out / f'{seed}/{way}{number}'
            before = out / f'{seed}' / (f'{way}{number - 1}' if number > 1 else 'start')
            kept = place / 'names.json'
            if not kept.is_file():
                old = first if number == 1 else set(json.loads((before / 'names.json').read_text()))
                new = (set(lot.sample(sorted(set(pool) - old), EACH)) if way == 'random' else
                       suggest(data, before, old, pool))
                place.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(sorted(old | new)))
            train_and_judge(data, place, set(json.loads(kept.read_text())), f'seed {seed}, {way} {number}', before)


def plot(out, path):
    """PCK by the number of labelled images: a line for each seed, and their mean."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(6, 3.6), layout='constrained')
    ax = figure.subplots()
    numbers = [START + EACH * number for number in range(ROUNDS + 1)]
    for way, color in (('suggested', 'tab:blue'), ('random', 'tab:orange')):
        files = [[seed / place / 'result.json' for place in ('start', *(f'{way}{n}' for n in range(1, ROUNDS + 1)))]
                 for seed in sorted(out.iterdir())]
        curves = [[100 * json.loads(file.read_text())['pck'] for file in of_seed] for of_seed in files
                  if all(file.is_file() for file in of_seed)]
        for curve in curves:
            ax.plot(numbers, curve, color=color, lw=0.8, alpha=0.6)
        mean = np.mean(curves, axis=0)
        ax.plot(numbers, mean, color=color, lw=2.2, marker='o', ms=4, label=f'{way}, mean of {len(curves)}')
        print(way, [round(float(value), 1) for value in mean], 'of', len(curves))
    ax.set_xlabel('labelled images')
    ax.set_ylabel('PCK@0.2 on 500 others')
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(path, dpi=110)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data', type=Path)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--plot', type=Path, metavar='FILE', help='draw what is done')
    args = parser.parse_args()
    if args.plot:
        plot(args.out, args.plot)
    for one in [] if args.plot else args.seeds:
        run(args.data, args.out, one)
