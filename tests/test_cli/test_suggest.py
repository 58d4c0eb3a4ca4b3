"""`rampose suggest`: which images come first, and the task that annotators get."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rampose.apis import TopdownPredictor
from rampose.cli.main import main
from rampose.core.images import read_image
from rampose.core.pose_result import PoseResult
from rampose.datasets.labels.reading import read_labels
from rampose.prediction.suggestion import Candidate, choose, look_at


def candidate(doubt: float, look: float, name: str = 'a.jpg') -> Candidate:
    """One of a grey, with an object whose two keypoints are where all have them."""
    result = PoseResult(np.array([[[2., 3], [5, 5]]]), np.ones((1, 2)), np.array([[0., 0, 10, 10]]))
    return Candidate(Path(name), 10, 10, result, np.array([doubt]), np.full(768, look))


def test_the_most_doubtful_that_are_unlike_each_other():
    images = [candidate(0.1, 0.5), candidate(0.4, 0.1), candidate(0.39, 0.1), candidate(0.2, 0.9)]
    assert choose(images, [], 3) == [1, 3, 0]
    assert choose(images, [candidate(0.4, 0.12)], 1) == [3]  # such images are labelled
    assert sorted(choose(images, [], 10)) == [0, 1, 2, 3]
    assert choose([candidate(0.1, 0.5)] * 2, [], 2) == [0, 1]  # nothing tells them from each other


def test_disagreement_with_an_earlier_model_counts(onnx_model, tmp_path, photo):
    model = TopdownPredictor(onnx_model).pose_model
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), photo)

    def look(before=None):
        return look_at(path, model, lambda path, image: [[10, 10, 200, 220], [50, 20, 300, 230]], before)

    class Other:
        crop = model.crop

        def __call__(self, crops):
            keypoints, scores = model(crops)
            return keypoints + (0, 30), scores

    alone, same, other = look(), look(model), look(Other())
    np.testing.assert_allclose(same.doubts, alone.doubts)
    assert (other.doubts > alone.doubts).all()
    np.testing.assert_array_equal(other.result.keypoints, TopdownPredictor(onnx_model).predict(
        [path], [alone.result.bboxes])[0].keypoints)
    assert look_at(path, model, lambda path, image: np.zeros((0, 4))) is None


@pytest.fixture
def photos(tiny_sample, tmp_path) -> Path:
    """Twenty-four images, of which four are labelled."""
    shutil.copytree(tiny_sample / 'train', tmp_path / 'photos')
    content = json.loads((tiny_sample / 'annotations/person_keypoints_train.json').read_text())
    (tmp_path / 'boxes.json').write_text(json.dumps(content))
    some = content['images'][:4]
    ids = [image['id'] for image in some]
    (tmp_path / 'labelled').mkdir()
    (tmp_path / 'labelled/labels.json').write_text(json.dumps(dict(
        content, images=some, annotations=[one for one in content['annotations'] if one['image_id'] in ids])))
    shutil.copytree(tiny_sample / 'train', tmp_path / 'labelled/images')
    return tmp_path


def test_the_task_reads_back_as_labels(photos, onnx_model, capsys):
    (photos / 'photos/broken.jpg').write_bytes(b'nothing')
    boxes = json.loads((photos / 'boxes.json').read_text())
    kept = {image['id'] for image in json.loads((photos / 'labelled/labels.json').read_text())['images']}
    new = next(image for image in boxes['images'] if image['id'] not in kept)
    name = 'a #1 & b+c%41.png'  # what an address must quote
    (photos / 'photos' / new['file_name']).rename(photos / 'photos' / name)
    new['file_name'] = name
    flat = next(one for one in boxes['annotations'] if one['image_id'] not in {*kept, new['id']})
    flat['bbox'] = [5, 5, 0, 40]
    (photos / 'boxes.json').write_text(json.dumps(boxes))
    out = photos / 'next'
    call = ['suggest', str(onnx_model), str(photos / 'photos'), '--boxes', str(photos / 'boxes.json'), '--labelled',
            str(photos / 'labelled'), '--count', '19', '--out', str(out)]
    assert main(call) == 1  # something is left out
    printed = capsys.readouterr()
    assert 'broken.jpg' in printed.err and 'has no area' in printed.err
    assert '19 of 19 images' in printed.out and '4 are labelled already' in printed.out
    names = [line.split(',')[1] for line in (out / 'suggested.csv').read_text().splitlines()[1:]]
    done = {image['file_name'] for image in json.loads((photos / 'labelled/labels.json').read_text())['images']}
    assert len(set(names)) == len(names) >= 19 and name in names and not done & set(names)
    assert sorted(path.name for path in (out / 'images').iterdir()) == sorted(names)
    assert min(read_image(out / 'contact_sheet.jpg').shape[:2]) > 200

    coco = read_labels(out / 'annotations.json')  # what CVAT takes, and would give back
    tasks = json.loads((out / 'label_studio.json').read_text())
    for task in tasks:  # as somebody who agrees sends it
        task['annotations'] = task.pop('predictions')
    (photos / 'agreed.json').write_text(json.dumps(tasks))
    studio = read_labels(photos / 'agreed.json', out / 'images')
    assert studio.keypoints == coco.keypoints and studio.category == coco.category == 'person'
    for image, same in zip(coco.images, studio.images):
        expected = TopdownPredictor(onnx_model).predict(
            [image.path], [[[x, y, x + w, y + h] for x, y, w, h in (one.bbox for one in image.objects)]])[0]
        assert image.path.name == same.path.name and len(image.objects) == len(same.objects) > 0
        for number, (one, other) in enumerate(zip(image.objects, same.objects)):
            np.testing.assert_allclose(one.keypoints[:, :2], expected.keypoints[number], atol=0.01)
            np.testing.assert_allclose(one.keypoints, other.keypoints, atol=0.01)
            np.testing.assert_allclose(one.bbox, other.bbox, atol=0.01)
    config = (out / 'label_studio_config.xml').read_text()
    assert all(f'<Label value="{name}"/>' in config for name in (*coco.keypoints, 'person'))

    assert main([*call, '--count', '3']) == 1  # a second call writes it anew
    assert len(list((out / 'images').iterdir())) == 3
    (out / 'mine.txt').write_text('dear')
    assert main(call) == 2
    assert 'something that we did not make, mine.txt' in capsys.readouterr().err


def test_it_needs_no_torch(photos, onnx_model):
    code = ('import sys\nclass No:\n    def find_spec(self, name, *_):\n'
            '        if name.split(".")[0] in ("torch", "mmengine", "mmpose", "matplotlib"):\n'
            '            raise ImportError(name)\nsys.meta_path.insert(0, No())\n'
            f'from rampose.cli.main import main\nsys.exit(main(["suggest", {str(onnx_model)!r}, '
            f'{str(photos / "photos")!r}, "--whole-image", "--count", "2", "--out", {str(photos / "next")!r}]))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_labels_whose_images_are_elsewhere(photos, onnx_model, capsys):
    shutil.rmtree(photos / 'labelled/images')
    call = ['suggest', str(onnx_model), str(photos / 'photos'), '--whole-image', '--count', '2', '--out',
            str(photos / 'next'), '--labelled', str(photos / 'labelled')]
    assert main(call) == 0
    assert '2 of 20 images' in capsys.readouterr().out
    assert main(['suggest', str(onnx_model), str(photos / 'next/images'), *call[3:]]) == 2
    assert 'which is written anew; name another --out' in capsys.readouterr().err


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--whole-image', '--count', '0'), 'got --count 0; needed is at least 1'),
    ((), 'one of the arguments --whole-image --boxes --detector is required'),
    (('--whole-image', '--before', '{other}'), 'finds other keypoints than'),
    (('--whole-image', '--labelled', 'gone.json'), 'gone.json does not exist'),
    (('--boxes', 'gone.json'), 'gone.json')], ids=['count', 'places', 'before', 'labelled', 'boxes'])
def test_bad_calls_are_one_line(photos, onnx_model, capsys, arguments, message):
    other = 'td-hm_ram-hrnet-w16-gpr_1xb16-40e_lspet-128x96'
    try:
        status = main(['suggest', str(onnx_model), str(photos / 'photos'), '--out', str(photos / 'next'),
                       *(argument.format(other=other) for argument in arguments)])
    except SystemExit as error:
        status = error.code
    assert status == 2 and message in capsys.readouterr().err and not (photos / 'next').exists()


def test_a_folder_that_is_no_model(photos, capsys):
    assert main(['suggest', str(photos), str(photos / 'photos'), '--whole-image', '--out', str(photos / 'next')]) == 2
    assert 'holds no model.onnx; needed is the folder of a finished `rampose finetune`' in capsys.readouterr().err
