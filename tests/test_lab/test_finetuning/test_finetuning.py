"""From labels to a model of one's own keypoints."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine import Config
from mmpose.registry import MODELS

from rampose.apis import TopdownPredictor
from rampose.checkpoints.loading import CheckpointError
from rampose.checkpoints.zoo import config_of, default_name, fetch, find_weights
from rampose.cli.main import main
from rampose.datasets.labels.labelled import LabelledImage
from rampose.lab.comparison.coco_metric import Labels
from rampose.lab.comparison.data import LabelledImages
from rampose.lab.finetuning import result
from rampose.lab.finetuning.plan import INPUTS, choose_input, make_plan, measure, write_config
from rampose.lab.finetuning.start import find_start, keep_split, write_start

pytestmark = pytest.mark.needs_torch('2.5')  # which exporting needs

NAMES = ('a', 'b')


def labelled(*people) -> LabelledImages:
    """An image of objects: keypoints ``(2, 3)`` and a box each."""
    keypoints = np.array([points for points, _ in people], float)
    boxes = np.array([box for _, box in people], float)
    nobody = np.zeros(len(people), bool)
    return LabelledImages((1, ), ('a.jpg', ), ((100, 100), ), (Labels(
        keypoints, boxes, boxes[:, 2] * boxes[:, 3], nobody, nobody), ), NAMES, (), np.full(2, 0.05), 1)


def test_the_input_is_shaped_like_the_objects():
    for name, (w, h) in dict(upright=(50, 100), square=(90, 100), lying=(160, 80)).items():
        assert choose_input(np.tile([0, 0, w, h], (5, 1))) == INPUTS[name]
    assert all(w % 32 == 0 and h % 32 == 0 and 24_000 < w * h < 26_000 for w, h in INPUTS.values())


def test_plans_keep_to_the_minutes():
    few = make_plan(48, (160, 160), 0.05, minutes=10)
    assert (few.batch_size, few.epochs, few.num_steps) == (16, 66, 198) and few.minutes == pytest.approx(2.64)
    assert make_plan(48, (160, 160), 0.05, minutes=1).minutes <= 0.8
    assert make_plan(48, (160, 160), 0.05, minutes=0.01).epochs == 1
    assert make_plan(5, (160, 160), 0.05, minutes=10).batch_size == 5
    many = make_plan(1000, (160, 160), 0.001, minutes=100)
    assert many.epochs * 1000 <= 20_000 and many.evaluate_every * 10 >= many.epochs
    assert make_plan(50_000, (160, 160), 1e-5, minutes=100).epochs == 3


def test_known_keypoints_keep_their_part_of_the_last_layer(tmp_path):
    weights = find_weights(default_name())
    checkpoint = fetch(weights, 'torch')
    old = torch.load(checkpoint, weights_only=True)['state_dict']
    old_names = [str(number) for number in range(17)]
    assert write_start(checkpoint, old_names, ['tail', '5', '0'], tmp_path / 'start.pth') == ['5', '0']
    new = torch.load(tmp_path / 'start.pth', weights_only=True)['state_dict']
    key = 'head.final_layer.weight'
    assert new[key].shape[0] == 3 and new[key][0].abs().max() < 0.01
    torch.testing.assert_close(new[key][1:], old[key][[5, 0]].float())
    assert set(new) == set(old)
    with pytest.raises(CheckpointError, match='no last layer of 3 keypoints'):
        write_start(checkpoint, NAMES + ('c', ), NAMES, tmp_path / 'other.pth')


@pytest.fixture
def data(tmp_path, tiny_sample) -> Path:
    assert main(['convert-data', str(tiny_sample), '--out', str(tmp_path / 'data')]) == 0
    return tmp_path / 'data'


@pytest.mark.parametrize('number', [0, 1])
def test_configs_build_and_train(tmp_path, data, number):
    from rampose.checkpoints import zoo
    weights = zoo.all_weights()[number]
    base = Config.fromfile(config_of(weights))
    plan = make_plan(24, INPUTS['lying'], 0.05, minutes=1)
    path = write_config(base, plan, data, 17, fetch(weights, 'torch'), tmp_path / 'config.py', 30)
    config = Config.fromfile(path)
    model = MODELS.build(config.model)
    assert model.head.out_channels == 17
    maps = model.head(model.backbone(torch.zeros(1, 3, 128, 192)))
    assert maps.shape == (1, 17, 32, 48) and tuple(config.codec.heatmap_size) == (48, 32)
    for loader in (config.train_dataloader, config.val_dataloader):
        assert not any(step.type == 'RandomHalfBody' for step in loader.dataset.pipeline)
        assert all(tuple(step.input_size) == (192, 128) for step in loader.dataset.pipeline if 'input_size' in step)
    assert 0 < measure(base, INPUTS['square'], 2) < 10
    stops, = (hook for hook in config.custom_hooks if hook.type == 'LearnedEarlyStoppingHook')
    assert (stops.monitor, stops.patience) == ('coco/AP', 4)
    assert config.train_cfg.val_interval % config.default_hooks.checkpoint.interval == 0
    again = Config.fromfile(write_config(config, plan, data, 17, path, tmp_path / 'again.py', 30))  # --from such a run
    assert again.model == config.model and again.custom_hooks == config.custom_hooks
    few = Config.fromfile(write_config(config, plan, data, 17, path, tmp_path / 'few.py', 29))
    assert len(few.custom_hooks) == len(config.custom_hooks) - 1  # AP of so few does not say when to stop


def test_images_stay_for_what_an_earlier_run_had_them_for(tmp_path):
    def image(name, content=None, split=None):
        path = tmp_path / 'now' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or name)
        return LabelledImage(path, 10, 10, split=split)

    earlier = dict(train=('a', 'b', 'x/c', 'run.mp4_1.jpg'), val=('y/c', 'e', 'walk.mp4_1.jpg'), test=('t', ))
    for split, names in earlier.items():
        for name in names:
            path = tmp_path / 'earlier/data/images' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        (tmp_path / 'earlier/data/annotations').mkdir(exist_ok=True)
        (tmp_path / f'earlier/data/annotations/{split}.json').write_text(json.dumps(dict(
            images=[dict(file_name=name, width=10, height=10) for name in names])))
    place = str(tmp_path / 'earlier')
    wanted = {'a': 'train', 'z/c': 'train', 'e': 'val', 'new': 'train', 'walk.mp4_2.jpg': 'val',
              'run.mp4_2.jpg': 'train', 't': 'test'}
    images = [image(name, 'x/c' if name == 'z/c' else None) for name in wanted]  # by content, not by name
    images.append(image('mine', split='val'))  # as its labels say
    assert keep_split(images, place) == 4
    assert [one.split for one in images] == [*wanted.values(), 'val']
    new = [image('n1'), image('n2')]
    assert keep_split(new, place) == 0 and new[0].split is None  # by lot
    with pytest.raises(ValueError, match='was trained on 1 of the images and validated on none of them'):
        keep_split([image('a'), image('n1')], place)
    with pytest.raises(ValueError, match='has no config.py; needed is the folder of a finished'):
        find_start(place)
    (tmp_path / 'earlier/data/images/e').unlink()
    with pytest.raises(ValueError, match='e is missing, so nobody can tell what the model has seen'):
        keep_split(new, place)


def test_the_model_that_one_starts_from_is_kept(tmp_path, tiny_sample, capsys):
    first = tmp_path / 'first'
    first.mkdir()
    for name in ('config.py', 'model.pth', 'finetune.json'):
        (first / name).write_text('dict()')
    for out in (first, first / 'below', tmp_path):
        assert main(['finetune', str(tiny_sample), '--from', str(first), '--out', str(out), '--fresh']) == 2
        assert 'needed are two folders, since the first is kept' in capsys.readouterr().err
    assert (first / 'model.pth').is_file()


def test_quality_by_hand():
    truth = [[[20, 30, 2], [60, 70, 2]], [10, 20, 60, 100]]
    data = labelled(truth, [[[0, 0, 0], [50, 50, 1]], [40, 40, 20, 40]])
    shape = result.mean_shape(data)
    np.testing.assert_allclose(shape, [[1 / 6, 0.1], [(50 / 60 + 0.5) / 2, (0.5 + 0.25) / 2]])
    average = result.quality(result.by_mean_shape(shape, data), data)
    np.testing.assert_allclose(average.errors[0, 0], 0, atol=1e-9)
    off = np.array([[10 + shape[1, 0] * 60 - 60, 20 + shape[1, 1] * 100 - 70],
                    [40 + shape[1, 0] * 20 - 50, 40 + shape[1, 1] * 40 - 50]])
    np.testing.assert_allclose(average.errors[:, 1], np.linalg.norm(off, axis=1))
    assert list(average.sizes) == [100, 40] and np.isnan(average.errors[1, 0])
    np.testing.assert_allclose(average.pck(0.2), [1, (np.linalg.norm(off, axis=1) <= [20, 8]).mean()])
    perfect = [result.Found(data.labels[0].keypoints[..., :2], np.ones(2), np.ones((2, 2)))]
    best = result.quality(perfect, data)
    assert best.min_keypoint_score() == 0.3  # all scores are 1, and more than the usual is not asked for
    best.scores[:] = [[0.2, 0.1], [0.05, 0.1]]
    assert best.min_keypoint_score() == pytest.approx(np.quantile([0.2, 0.1, 0.1], 0.1))
    assert best.numbers['AP'] == pytest.approx(1) and np.nanmax(best.errors) == 0
    numbers = result.as_numbers(NAMES, best, average)
    text = result.card('mine', NAMES, numbers, dict(finds='two'))
    assert '| AP | 100.0 | ' in text and '| b | 2 | 0.0 | 0.000 | 100.0 |' in text


def call(*arguments, **options) -> subprocess.Popen:
    # Where the tests run in the background of a shell, SIGINT is ignored, and children would inherit that.
    options.setdefault('preexec_fn', lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    return subprocess.Popen([sys.executable, '-m', 'rampose', 'finetune', *map(str, arguments)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


@pytest.mark.long
def test_from_labels_to_a_model_with_a_kill_in_between(tmp_path, tiny_sample, photo):
    out = tmp_path / 'figures'
    arguments = (tiny_sample, '--out', out, '--minutes', '0.4')
    process = call(*arguments, start_new_session=True)
    for _ in range(600):
        if (out / 'train/last_checkpoint').is_file() or process.poll() is not None:
            break
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130 and 'the same call goes on' in output, output
    process = call(*arguments)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    assert (out / 'train.log').read_text().count('Training command is') == 2  # it was resumed
    assert 'resumed epoch' in (out / 'train.log').read_text()
    metrics = json.loads((out / 'metrics.json').read_text())
    assert set(metrics['model']['keypoints']) == set(metrics['average_position']['keypoints'])
    for name in ('README.md', 'pck.png', 'training.png', 'worst.png', 'validation/best.png', 'model.pth'):
        assert (out / name).stat().st_size > 500
    exported = TopdownPredictor(out / 'model.onnx').predict([photo], [[[10, 10, 200, 220]]])[0]
    eager = TopdownPredictor(out / 'config.py', out / 'model.pth', flip_test=True).predict(
        [photo], [[[10, 10, 200, 220]]])[0]
    assert exported.keypoints.shape == (1, 17, 2)
    assert 0.02 <= TopdownPredictor(out / 'model.onnx').pose_model.info.min_keypoint_score <= 0.3
    assert np.abs(exported.keypoint_scores - eager.keypoint_scores).max() < 0.05
    more = tmp_path / 'more'
    process = call(tiny_sample, '--out', more, '--minutes', '0.2', '--from', out)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0 and '32 of 32 images are those of' in output, output
    for split in ('train', 'val'):
        names = [{image['file_name'] for image in json.loads(
            (folder / f'data/annotations/{split}.json').read_text())['images']} for folder in (out, more)]
        assert names[0] == names[1]
    assert json.loads((more / 'metrics.json').read_text())['model']['AP'] > 0.8 * metrics['model']['AP']
    process = call(tiny_sample, '--out', out, '--minutes', '0.5')
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2 and 'other options (minutes 0.4, now 0.5)' in output


def test_spoiled_data_stops_it_before_anything_is_trained(tmp_path, tiny_sample, capsys):
    content = json.loads((tiny_sample / 'annotations/person_keypoints_train.json').read_text())
    for one in content['annotations']:  # where most programs write x, y, width, height
        x, y, w, h = one['bbox']
        one['bbox'] = [x + 2 * w, y, w, h]
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations/labels_train.json').write_text(json.dumps(content))
    out = tmp_path / 'out'
    assert main(['finetune', str(tmp_path / 'annotations/labels_train.json'), '--images', str(tiny_sample / 'train'),
                 '--out', str(out)]) == 1
    printed = capsys.readouterr()
    assert 'lie outside of their boxes' in printed.out and 'nothing was trained' in printed.err
    assert not (out / 'train').exists()
    # Nothing was begun, so options may change.
    assert main(['finetune', str(tmp_path / 'gone'), '--out', str(out)]) == 2
    assert 'gone does not exist' in capsys.readouterr().err


def test_the_folder_of_a_run(tmp_path, tiny_sample):
    from rampose.core.locking import FolderLock, LockedError
    from rampose.lab.finetuning import run as steps
    labels, out = tmp_path / 'labels.json', tmp_path / 'out'
    labels.write_text('{}')
    options = steps.Options(labels, None, None, None, 0.2, 0, 'x', 1.)
    lock = steps.open_folder(out, options, False)
    with pytest.raises(LockedError):
        steps.open_folder(out, options, True)
    lock.release()
    (out / 'plan.json').write_text('{}')
    steps.open_folder(out, options, False).release()
    labels.write_text('{"edited": 1}')
    with pytest.raises(ValueError, match='other options .labels_sha256'):
        steps.open_folder(out, options, False)
    assert FolderLock(out).acquire().release() is None  # it is not held
    steps.open_folder(out, options, True).release()
    assert not (out / 'plan.json').exists() and (out / steps.MARKER).is_file()


def test_an_older_torch_is_told_before_anything_is_trained(tmp_path, tiny_sample, capsys, monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.1.2')
    assert main(['finetune', str(tiny_sample), '--out', str(tmp_path / 'out')]) == 2
    assert 'exporting needs torch >= 2.5; here is 2.1.2' in capsys.readouterr().err
    assert not (tmp_path / 'out/train').exists()



@pytest.mark.parametrize(('arguments', 'message'), [
    (('missing.json', ), 'missing.json does not exist'),
    (('{labels}', '--from', 'hrnet'), "no weights are called 'hrnet'"),
    (('{labels}', '--metainfo', 'gone.py'), 'gone.py does not exist'),
    (('{labels}', '--metainfo', '{metainfo}'), 'has the keypoints a, b; the labels have nose'),
    (('{labels}', '--minutes', '0'), r'got --minutes 0.0; needed is a number from'),
    (('{labels}', '--out', '{full}'), 'something that we did not make, mine.txt')],
    ids=['missing', 'from', 'no metainfo', 'metainfo', 'minutes', 'folder'])
def test_bad_calls_are_one_line(tmp_path, tiny_sample, capsys, arguments, message):
    import re
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full/mine.txt').write_text('dear')
    keypoints = {number: dict(name=name, id=number, color=[0, 0, 0]) for number, name in enumerate(NAMES)}
    (tmp_path / 'two.py').write_text(f"dataset_info = {dict(dataset_name='two', paper_info={}, skeleton_info={})!r}\n"
                                     f'dataset_info.update(keypoint_info={keypoints!r}, joint_weights=[1., 1.], '
                                     'sigmas=[0.1, 0.1])')
    places = dict(labels=tiny_sample, full=tmp_path / 'full', metainfo=tmp_path / 'two.py')
    call = [argument.format(**places) for argument in arguments]
    try:
        status = main(['finetune', '--out', str(tmp_path / 'out'), *call])
    except SystemExit as error:
        status = error.code
    assert status == 2
    assert re.search(message, capsys.readouterr().err)
    assert (tmp_path / 'full/mine.txt').read_text() == 'dear'
