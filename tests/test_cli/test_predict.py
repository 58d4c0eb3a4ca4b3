"""tools/predict.py, as a user calls it."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from rampose.cli.main import main


@pytest.fixture
def predict(root, pose_config, pose_checkpoint, tmp_path, monkeypatch, capsys):
    """Call it in this process; returns exit status and what it printed."""

    def call(*arguments, out='out', people=('--whole-image', )):
        argv = ['predict.py', *map(str, arguments), '--config', pose_config, '--checkpoint', pose_checkpoint, '--out',
                tmp_path / out, '--device', 'cpu', '--no-flip-test', *people]
        monkeypatch.setattr(sys, 'argv', [str(argument) for argument in argv])
        monkeypatch.setattr(signal, 'signal', lambda *_: None)
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(root / 'tools/predict.py'), run_name='__main__')
        return left.value.code, capsys.readouterr()

    return call


@pytest.fixture
def photos(tmp_path, photo):
    folder = tmp_path / 'photos'
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f'{number}.jpg'), np.roll(photo, 20 * number, axis=1))
    return folder


def write_video(path, photo, num_frames):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 25, (photo.shape[1], photo.shape[0]))
    for number in range(num_frames):
        writer.write(np.roll(photo, 2 * number, axis=1))
    writer.release()


def records(folder):
    return [json.loads(line) for line in (folder / 'frames.jsonl').read_text(encoding='utf-8').splitlines()]


def test_a_folder(predict, photos, tmp_path, predictor):
    code, printed = predict(photos)
    assert code == 0 and '3 people in 3 images' in printed.out
    out = tmp_path / 'out'
    assert sorted(path.name for path in out.iterdir()) == [
        'frames.jsonl', 'images.json', 'keypoints.json', 'rampose_run.json', 'visualizations']
    assert sorted(path.name for path in (out / 'visualizations').iterdir()) == ['0.jpg', '1.jpg', '2.jpg']
    results = json.loads((out / 'keypoints.json').read_text())
    assert [result['image_id'] for result in results] == [0, 1, 2]  # the numbers in the file names
    model = predictor.pose_model.model
    model.test_cfg['flip_test'] = False
    try:
        keypoints, scores = predictor(photos / '1.jpg', [[0, 0, 320, 240]])
    finally:
        model.test_cfg['flip_test'] = True
    triples = np.array(results[1]['keypoints']).reshape(17, 3)
    np.testing.assert_allclose(triples, np.hstack([keypoints[0], scores[0][:, None]]), atol=1e-3)


@pytest.mark.needs_torch('2.5')
def test_an_exported_model(predict, photos, tmp_path, pose_config, pose_checkpoint, monkeypatch, root, capsys):
    from rampose.export.exporting import export
    path = export(pose_config, pose_checkpoint, tmp_path / 'model').path
    assert predict(photos, out='from_config')[0] == 0
    argv = ['predict.py', str(photos), '--config', str(path), '--out', str(tmp_path / 'exported'), '--whole-image',
            '--no-flip-test']
    monkeypatch.setattr(sys, 'argv', argv)
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(root / 'tools/predict.py'), run_name='__main__')
    assert left.value.code == 0
    results = [json.loads((tmp_path / name / 'keypoints.json').read_text()) for name in ('from_config', 'exported')]
    for one, other in zip(*results):
        np.testing.assert_allclose(one['keypoints'], other['keypoints'], atol=1e-3)
    for added, message in (['--checkpoint', 'x.pth'], 'leave --checkpoint out'), (['--attention'], 'do not give their'):
        monkeypatch.setattr(sys, 'argv', argv + added)
        with pytest.raises(SystemExit):
            runpy.run_path(str(root / 'tools/predict.py'), run_name='__main__')
        assert message in capsys.readouterr().err


def test_bad_files_among_good_ones(predict, photos, photo, tmp_path):
    rgb = Image.fromarray(photo[..., ::-1])
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save(photos / 'turned.jpg', exif=exif)
    rgb.convert('CMYK').save(photos / 'cmyk.jpg')
    rgb.convert('P').save(photos / 'palette.png')
    rgb.convert('RGBA').save(photos / 'rgba.png')
    rgb.convert('L').save(photos / 'grey and Ünïcødé 照片.png')
    cv2.imwrite(str(photos / '16 bit.png'), photo.astype(np.uint16) * 256)
    rgb.save(photos / 'moving.gif', save_all=True, append_images=[rgb])
    rgb.save(photos / 'lossy.webp')
    rgb.resize((1, 1)).save(photos / 'dot.png')
    write_video(photos / 'film.mp4', photo, 5)
    (photos / 'notes.txt').write_text('of another kind')
    whole = (photos / '0.jpg').read_bytes()
    (photos / 'truncated.jpg').write_bytes(whole[:len(whole) // 2])
    (photos / 'text.jpg').write_text('text')
    (photos / 'empty.png').touch()
    (photos / 'headless.mp4').write_bytes((photos / 'film.mp4').read_bytes()[:2000])

    code, printed = predict(photos)
    assert code == 1 and '17 people in 17 images and frames' in printed.out
    assert '1 files of other kinds' in printed.out
    errors = [json.loads(line) for line in (tmp_path / 'out/errors.jsonl').read_text().splitlines()]
    assert sorted(error['name'] for error in errors) == ['empty.png', 'headless.mp4', 'text.jpg', 'truncated.jpg']
    assert all(error['name'] in printed.err for error in errors)
    drawn = {path.name for path in (tmp_path / 'out/visualizations').iterdir()}
    assert drawn == {'0.jpg', '1.jpg', '2.jpg', 'turned.jpg', 'cmyk.jpg', 'palette.png', 'rgba.png', '16 bit.png',
                     'grey and Ünïcødé 照片.png', 'moving.gif.jpg', 'lossy.webp.jpg', 'dot.png', 'film.mp4'}
    turned = next(record for record in records(tmp_path / 'out') if record['name'] == 'turned.jpg')
    assert (turned['width'], turned['height']) == (240, 320)

    # What was done is not done again; what was bad is tried again, and now one file is good.
    (photos / 'text.jpg').write_bytes(whole)
    code, printed = predict(photos, '--resume')
    assert code == 1 and '18 people in 18 images' in printed.out
    names = [(record['name'], record['frame_id']) for record in records(tmp_path / 'out')]
    assert len(names) == len(set(names)) == 18
    errors = [json.loads(line) for line in (tmp_path / 'out/errors.jsonl').read_text().splitlines()]
    assert sorted(error['name'] for error in errors) == ['empty.png', 'headless.mp4', 'truncated.jpg']


def test_other_weights_do_not_go_on(predict, photos, pose_checkpoint, tmp_path):
    weights = tmp_path / 'weights.pth'
    weights.write_bytes(pose_checkpoint.read_bytes())
    people = ('--whole-image', '--checkpoint', weights)
    assert predict(photos, '--limit', 1, people=people)[0] == 0
    os.utime(weights, (1, 1))  # as if written anew
    code, printed = predict(photos, '--resume', people=people)
    assert code == 2 and 'checkpoint was' in printed.err


def test_results_among_the_inputs_are_no_inputs(predict, photos):
    assert predict(photos, out='photos')[0] == 0
    code, printed = predict(photos, '--resume', out='photos')
    assert code == 0 and '3 people in 3 images' in printed.out


def test_boxes_of_a_file(predict, photos, tmp_path):
    good = [10, 10, 100, 200]
    boxes = {'0.jpg': [[*good, 0.9], [*good, 0.2]],
             '1.jpg': [[100, 10, 10, 200], [10, 10, 10, 10], good, [float('nan'), 0, 5, 5], [900, 900, 950, 950],
                       [*good, float('nan')]]}
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    people = ('--boxes', tmp_path / 'boxes.json')
    code, printed = predict(photos, people=people)
    assert code == 1  # some boxes were left out
    assert [len(record['instances']) for record in records(tmp_path / 'out')] == [1, 1]  # no ghosts
    *errors, last = [json.loads(line) for line in (tmp_path / 'out/errors.jsonl').read_text().splitlines()]
    assert [error['reason'].split('] ')[1].split(':')[0].split(' of ')[0] for error in errors] == [
        'is reversed', 'has no area', 'is not finite', 'lies outside', 'has a score that is no number']
    assert {error['name'] for error in errors} == {'1.jpg'} and last['name'] == '2.jpg'
    code, _ = predict(photos / '0.jpg', '--min-score', 0.1, out='more', people=people)
    assert code == 0 and [len(record['instances']) for record in records(tmp_path / 'more')] == [2]
    # 2.jpg is in no list: it is left out, not taken for empty.
    assert [record['name'] for record in records(tmp_path / 'out')] == ['0.jpg', '1.jpg']


@pytest.mark.real_data
def test_photographs_with_people_and_without(predict, test_data, tmp_path):
    """coco_mini: 80 pictures, 44 of them without anybody; crowds are nobody."""
    annotations = next((test_data / 'coco_mini/annotations').glob('*.json'))
    code, _ = predict(test_data / 'coco_mini/train2017', '--no-draw', people=('--boxes', annotations))
    content = json.loads(annotations.read_text())
    expected = {image['id']: 0 for image in content['images']}
    for annotation in content['annotations']:
        expected[annotation['image_id']] += not annotation['iscrowd']
    found = {record['image_id']: len(record['instances']) for record in records(tmp_path / 'out')}
    assert code == 0 and found == expected and list(found.values()).count(0) >= 44
    results = COCO(str(annotations)).loadRes(str(tmp_path / 'out/keypoints.json'))
    assert len(results.anns) == sum(expected.values())


@pytest.mark.real_data
def test_the_official_detection_file(predict, test_data, tmp_path):
    detections = test_data / 'coco_tiny/test_coco_det_AP_H_56.json'
    code, printed = predict(test_data / 'coco_tiny', '--min-score', 0, people=('--boxes', detections))
    assert code == 0 and '118 people in 4 images' in printed.out
    results = COCO(str(test_data / 'coco_tiny/test_coco.json')).loadRes(str(tmp_path / 'out/keypoints.json'))
    assert len(results.anns) == 118


def test_attention(predict, photos, tmp_path):
    code, _ = predict(photos / '0.jpg', '--attention')
    folder = tmp_path / 'out/attention'
    assert code == 0 and sorted(path.name for path in folder.iterdir()) == ['0.jpg.json', '0.jpg.person0.png']
    person, = json.loads((folder / '0.jpg.json').read_text())
    assert {unit: np.array(matrix).shape for unit, matrix in person['weights'].items()} == {
        'stage2.0': (2, 2), 'stage3.0': (3, 3), 'stage4.0': (4, 4)}
    assert cv2.imread(str(folder / '0.jpg.person0.png')).std() > 0


def test_tracking_numbers_people_and_changes_nothing_else(some_tracker, predict, photo, tmp_path):
    write_video(tmp_path / 'film.mp4', photo, 12)
    assert predict(tmp_path / 'film.mp4', out='plain')[0] == 0
    assert predict(tmp_path / 'film.mp4', '--track', out='tracked')[0] == 0
    assert predict(tmp_path / 'film.mp4', '--track', '--smooth', out='smooth')[0] == 0
    for plain, tracked, smooth in zip(*(records(tmp_path / name) for name in ('plain', 'tracked', 'smooth'))):
        track_id = 0 if tracked['frame_id'] else some_tracker
        assert [person.pop('track_id') for person in tracked['instances']] == [track_id]
        assert tracked == plain
        assert smooth['instances'][0]['keypoints_unsmoothed'] == plain['instances'][0]['keypoints']
    assert smooth['instances'][0]['keypoints'] != plain['instances'][0]['keypoints']


def test_each_video_has_people_of_its_own(some_tracker, predict, photo, tmp_path):
    for name in 'ab':
        write_video(tmp_path / f'{name}.mp4', photo, 5)
    assert predict(tmp_path / 'a.mp4', tmp_path / 'b.mp4', '--track')[0] == 0
    found = [(record['name'], record['frame_id'], record['instances'][0]['track_id'])
             for record in records(tmp_path / 'out')]
    assert found == [(f'{name}.mp4', number, 0 if number else some_tracker) for name in 'ab' for number in range(5)]
    assert len(list((tmp_path / 'out/visualizations').iterdir())) == 2


def test_a_stopped_video_goes_on_as_if_it_had_not_been(some_tracker, predict, photo, tmp_path):
    write_video(tmp_path / 'film.mp4', photo, 30)
    options = ['--track', '--smooth', '--attention']
    assert predict(tmp_path / 'film.mp4', *options, out='whole')[0] == 0
    assert predict(tmp_path / 'film.mp4', *options, '--limit', 13)[0] == 0
    assert len(records(tmp_path / 'out')) == 13
    assert predict(tmp_path / 'film.mp4', *options, '--resume')[0] == 0
    assert predict(tmp_path / 'film.mp4', *options, '--resume')[0] == 0  # nothing is left to do
    for one, other in zip(records(tmp_path / 'whole'), records(tmp_path / 'out')):
        assert one['frame_id'] == other['frame_id']
        for person, same in zip(one['instances'], other['instances']):
            assert person['track_id'] == same['track_id']
            np.testing.assert_allclose(person['keypoints'], same['keypoints'], atol=0.01)
    assert len(records(tmp_path / 'out')) == 30
    capture = cv2.VideoCapture(str(tmp_path / 'out/visualizations/film.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 30
    assert len(list((tmp_path / 'out/attention/film.mp4').glob('*.json'))) == 30


def test_unusable_calls(predict, photos, photo, tmp_path, root, pose_config, pose_checkpoint):
    (tmp_path / 'broken.py').write_text('model = dict(')
    # Tensors beyond the model's are no matter.
    (tmp_path / 'hrnet.py').write_text(f"_base_ = '{pose_config}'\nmodel = dict(backbone=dict(with_attention=False))")
    (tmp_path / 'nothing').mkdir()
    (tmp_path / 'others.json').write_text('{"other.jpg": [[1, 2, 3, 4]]}')
    write_video(tmp_path / 'film.mp4', photo, 3)
    whole = ('--whole-image', )
    coco = root / 'configs/body_2d_keypoint/topdown_heatmap/coco'
    other_config = coco / 'td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'
    for arguments, people, message in [
        ([tmp_path / 'nothing'], whole, 'no image and no video'),
        ([tmp_path / 'missing.jpg'], whole, 'does not exist'),
        ([photos], (), 'nothing says where the people are'),
        ([photos], (*whole, '--boxes', tmp_path / 'others.json'), 'more than one thing says'),
        ([photos], ('--boxes', tmp_path / 'others.json'), 'names none of the 3 images'),
        ([photos], ('--boxes', tmp_path / 'missing.json'), 'cannot be read'),
        ([tmp_path / 'film.mp4'], ('--boxes', tmp_path / 'others.json'), 'of a video, --boxes takes the .jsonl'),
        ([photos], ('--det-checkpoint', tmp_path / 'missing.pth'), 'missing.pth'),
        ([photos], ('--det-config', 'x.py'), '--det-config needs --det-checkpoint'),
        ([photos, '--smooth'], whole, '--smooth needs --track'),
        ([photos, '--limit', 0], whole, 'at least 1'),
        ([photos, '--min-score', 'nan'], whole, 'from 0 to 1'),
        ([photos, '--min-keypoint-score', '2'], whole, '--min-keypoint-score 2.0; needed is a number from 0 to 1'),
        ([photos, '--config', other_config], whole, 'belongs to another model'),
        ([photos, '--checkpoint', photos / '0.jpg'], whole, '0.jpg'),
        ([photos, '--device', 'abacus'], whole, "device 'abacus'"),
        (['0', '--resume'], whole, 'a webcam cannot be resumed'),
        ([photos, '0'], whole, 'a webcam goes alone'),
        ([photos, '--config', pose_checkpoint], whole, 'needed is a file .py'),
        ([photos, '--config', tmp_path / 'broken.py'], whole, 'SyntaxError'),
        ([photos, '--config', tmp_path / 'hrnet.py', '--attention'], whole, 'no ResolutionWiseAttention'),
        ([photos, '--out', photos / '0.jpg'], whole, 'FileExistsError'),
    ]:
        code, printed = predict(people=(*people, *map(str, arguments)))
        assert code == 2 and message in printed.err.splitlines()[-1], (arguments, printed.err)
        assert not (tmp_path / 'out').exists()
    assert predict(photos)[0] == 0
    code, printed = predict(photos)
    assert code == 2 and 'holds results already' in printed.err


def start(root, pose_config, pose_checkpoint, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, 'tools/predict.py', *map(str, arguments), '--config', str(pose_config), '--checkpoint',
         str(pose_checkpoint), '--device', 'cpu', '--whole-image'], cwd=root, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.slow
@pytest.mark.parametrize('kill', [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_and_kill(root, pose_config, pose_checkpoint, photo, tmp_path, kill):
    write_video(tmp_path / 'film.mp4', photo, 400)
    out = tmp_path / 'out'
    arguments = (tmp_path / 'film.mp4', '--out', out)
    process = start(root, pose_config, pose_checkpoint, *arguments)
    deadline = time.monotonic() + 120
    journal = out / 'frames.jsonl'
    while time.monotonic() < deadline and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.05)
    process.send_signal(kill)
    _, stderr = process.communicate(timeout=60)
    if kill == signal.SIGINT:
        assert process.returncode == 130 and '--resume goes on' in stderr
        assert not [path for path in out.rglob('*') if path.is_file() and path.name not in (
            'frames.jsonl', 'rampose_run.json', 'errors.jsonl')]
    assert 0 < len((out / 'frames.jsonl').read_bytes().splitlines()) < 400
    process = start(root, pose_config, pose_checkpoint, *arguments, '--resume')
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert [record['frame_id'] for record in records(out)] == list(range(400))
    assert cv2.VideoCapture(str(out / 'visualizations/film.mp4')).get(cv2.CAP_PROP_FRAME_COUNT) == 400
    assert len(json.loads((out / 'keypoints.json').read_text())) == 400


@pytest.mark.slow
def test_no_room_on_the_disk(root, pose_config, pose_checkpoint, photo, tmp_path):
    """A limit on the size of files, which the system enforces as it does a full disk: the write fails."""
    resource = pytest.importorskip('resource')  # not on Windows
    write_video(tmp_path / 'film.mp4', photo, 200)
    out = tmp_path / 'out'
    arguments = (tmp_path / 'film.mp4', '--out', out, '--no-draw')

    def limit_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    process = start(root, pose_config, pose_checkpoint, *arguments, preexec_fn=limit_files)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 3, stderr
    assert 'results could not be written' in stderr.splitlines()[-1] and 'Traceback' not in stderr
    done = len((out / 'frames.jsonl').read_bytes().splitlines())
    assert 0 < done < 200 and os.path.getsize(out / 'frames.jsonl') <= 50_000
    process = start(root, pose_config, pose_checkpoint, *arguments, '--resume')
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert [record['frame_id'] for record in records(out)] == list(range(200))


def test_a_run_that_an_older_version_began_is_resumed(onnx_model, photo, tmp_path):
    """Options that it did not have are as if they were not given."""
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    call = ['predict', str(tmp_path / 'photo.png'), '--config', str(onnx_model), '--whole-image', '--no-draw', '--out',
            str(tmp_path / 'out')]
    assert main(call) == 0
    path = tmp_path / 'out/rampose_run.json'
    content = json.loads(path.read_text())
    assert 'uncertainty' in json.dumps(content)
    del content['settings']['uncertainty']
    path.write_text(json.dumps(content))
    assert main([*call, '--resume']) == 0
