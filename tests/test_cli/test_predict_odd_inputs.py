"""What people's folders, films and files of boxes hold beside the usual: the rest is done, and each is named."""

import json
import os
import socket
import struct

import cv2
import numpy as np
import pytest

from rampose.cli.main import main
from rampose.prediction import inputs


@pytest.fixture
def folder(tmp_path, photo):
    path = tmp_path / 'photos'
    path.mkdir()
    cv2.imwrite(str(path / 'good.jpg'), photo)
    return path


@pytest.fixture
def predict(tmp_path, onnx_model, capsys):
    def call(*arguments, people=('--whole-image', )):
        status = main(['predict', *map(str, arguments), '--config', str(onnx_model), '--out', str(tmp_path / 'out'),
                       '--no-flip-test', *map(str, people)])
        return status, capsys.readouterr()
    return call


def errors(tmp_path) -> dict:
    path = tmp_path / 'out/errors.jsonl'
    return {entry['name']: entry['reason'] for entry in map(json.loads, path.read_text().splitlines())}


def records(tmp_path) -> list:
    return [json.loads(line) for line in (tmp_path / 'out/frames.jsonl').read_text().splitlines()]


def film(path, photo, num_frames=10, fps=25., size=None) -> None:
    size = size or (photo.shape[1], photo.shape[0])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), fps, size)
    assert writer.isOpened()
    for number in range(num_frames):
        writer.write(cv2.resize(np.roll(photo, 5 * number, axis=1), size))
    writer.release()


def saying(monkeypatch, change) -> None:
    """Films that say something else of themselves, as `change` makes it of what they say."""
    real = cv2.VideoCapture

    class Capture:
        def __init__(self, *arguments):
            self._real = real(*arguments)

        def get(self, what):
            return change(what, self._real.get(what))

        def __getattr__(self, name):
            return getattr(self._real, name)

    monkeypatch.setattr(cv2, 'VideoCapture', Capture)


def test_what_is_no_regular_file_does_not_hold_up_the_rest(predict, folder, tmp_path):
    os.mkfifo(folder / 'pipe.jpg')
    os.mkfifo(folder / 'pipe.mp4')
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / 'socket.png'))
    status, printed = predict(folder)
    assert status == 1 and '1 people in 1 images' in printed.out
    found = errors(tmp_path)
    assert set(found) == {'pipe.jpg', 'pipe.mp4', 'socket.png'}
    assert 'a named pipe, not a regular file' in found['pipe.jpg'] and 'a socket' in found['socket.png']


def test_a_long_name_is_drawn_under_a_shorter_one(predict, folder, tmp_path, photo):
    """250 characters and .bmp are 254 bytes; with .jpg behind them they would be 258, too many for any disk."""
    name = 'ä' * 125 + '.bmp'
    cv2.imwrite(str(folder / 'x.bmp'), photo)
    (folder / 'x.bmp').rename(folder / name)
    status, _ = predict(folder)
    assert status == 0 and {record['name'] for record in records(tmp_path)} == {name, 'good.jpg'}
    drawn = {path.name for path in (tmp_path / 'out/visualizations').iterdir()}
    assert len(drawn) == 2 and all(len(os.fsencode(one)) <= 255 for one in drawn)


def test_two_images_are_never_drawn_to_one_file(predict, folder, tmp_path, photo):
    for name in ('a.gif', 'a.gif.jpg'):
        cv2.imwrite(str(folder / 'x.png'), photo)
        (folder / 'x.png').rename(folder / name)
    status, _ = predict(folder)
    assert status == 0
    drawn = {path.name for path in (tmp_path / 'out/visualizations').iterdir()}
    assert drawn == {'good.jpg', 'a.gif.jpg', 'a.gif~2.jpg'}


@pytest.mark.parametrize('fps', [66.667, 239.76])
def test_films_of_any_rate_are_drawn(predict, folder, tmp_path, photo, fps, monkeypatch):
    film(folder / 'slow motion.mp4', photo, fps=60)
    saying(monkeypatch, lambda what, value: (
        fps if what == cv2.CAP_PROP_FPS else value * 60 / fps if what == cv2.CAP_PROP_POS_MSEC else value))
    status, printed = predict(folder)
    assert status == 0, printed.err
    monkeypatch.undo()
    drawn = cv2.VideoCapture(str(tmp_path / 'out/visualizations/slow motion.mp4'))
    assert drawn.get(cv2.CAP_PROP_FRAME_COUNT) == 10 and drawn.get(cv2.CAP_PROP_FPS) == pytest.approx(fps, rel=0.01)


def test_a_film_that_is_too_wide_to_draw_has_its_keypoints(predict, folder, tmp_path, photo, monkeypatch):
    film(folder / 'wide.mp4', photo)
    monkeypatch.setattr('rampose.prediction.media.MAX_SIDE_H264', 300)
    status, printed = predict(folder)
    assert status == 1 and '11 people in 11 images and frames' in printed.out
    assert 'the codec takes 300 px at most; its keypoints are written' in errors(tmp_path)['wide.mp4']
    assert {path.name for path in (tmp_path / 'out/visualizations').iterdir()} == {'good.jpg'}


def slow_down(path, first: int, factor: int) -> None:
    """Let all frames from `first` on last longer, as a variable rate does: MP4's table of times, written anew."""
    data = path.read_bytes()

    def changed(start: int, end: int) -> bytes:
        parts = b''
        while start < end:
            size, kind = struct.unpack('>I4s', data[start:start + 8])
            body = (changed(start + 8, start + size) if kind in (b'moov', b'trak', b'mdia', b'minf', b'stbl') else
                    data[start + 8:start + size])
            if kind == b'stts':
                count, delta = struct.unpack('>II', body[8:16])
                body = body[:4] + struct.pack('>IIIII', 2, first, delta, count - first, delta * factor)
            if kind != b'edts':  # which says where the film ended before
                parts += struct.pack('>I4s', 8 + len(body), kind) + body
            start += size
        return parts

    assert data.index(b'mdat') < data.index(b'moov'), 'offsets stay'
    path.write_bytes(changed(0, len(data)))


def test_a_variable_rate_keeps_its_times_and_its_length(predict, tmp_path, photo):
    film(tmp_path / 'phone.mp4', photo, num_frames=20)
    slow_down(tmp_path / 'phone.mp4', 10, 8)  # ten frames of 0.04 s, ten of 0.32 s
    status, printed = predict(tmp_path / 'phone.mp4')
    assert status == 0, printed.err
    times = [record['time'] for record in records(tmp_path)]
    np.testing.assert_allclose(times, [*np.arange(10) * 0.04, *(0.4 + np.arange(10) * 0.32)], atol=0.002)
    drawn = cv2.VideoCapture(str(tmp_path / 'out/visualizations/phone.mp4'))
    seconds = drawn.get(cv2.CAP_PROP_FRAME_COUNT) / drawn.get(cv2.CAP_PROP_FPS)
    assert seconds == pytest.approx(3.6, abs=0.5)


def test_an_estimated_number_of_frames_is_no_damage(predict, tmp_path, photo, monkeypatch):
    """Containers such as WebM give duration and rate alone: 0.4 s at 600 frames a second for 10 frames."""
    film(tmp_path / 'screen.mp4', photo)
    saying(monkeypatch, lambda what, value: {cv2.CAP_PROP_FPS: 600., cv2.CAP_PROP_FRAME_COUNT: 240.}.get(what, value))
    status, printed = predict(tmp_path / 'screen.mp4', '--no-draw')
    assert status == 0, printed.err


def coco(path, category: int, names: dict, people=((1, [10, 10, 100, 200]), )) -> None:
    path.write_text(json.dumps(dict(
        images=[dict(id=1, file_name='val2017/good.jpg', width=320, height=240)],
        categories=[dict(id=number, name=name) for number, name in names.items()],
        annotations=[dict(id=number, image_id=1, category_id=category if number else 0, bbox=bbox)
                     for number, bbox in people])))


@pytest.mark.parametrize(('category', 'names'), [
    (0, {0: 'person'}), (2, {1: 'dog', 2: 'Person'}), (54, {54: 'animal'})])
def test_boxes_of_any_category(predict, folder, tmp_path, category, names):
    """CVAT, Roboflow and Label Studio number from 0 or 2; results are under the labels' number, to be evaluated."""
    coco(tmp_path / 'labels.json', category, names)
    status, printed = predict(folder, people=('--boxes', tmp_path / 'labels.json'))
    assert status == 0 and '1 people in 1 images' in printed.out
    (result, ) = json.loads((tmp_path / 'out/keypoints.json').read_text())
    assert result['category_id'] == category
    (listed, ) = json.loads((tmp_path / 'out/images.json').read_text())['categories']
    assert listed['id'] == category and listed['name'] == names[category]


def test_which_category_counts_is_asked_for(predict, folder, tmp_path):
    coco(tmp_path / 'labels.json', 3, {0: 'cat', 3: 'dog'}, ((0, [0, 0, 50, 50]), (1, [10, 10, 100, 200])))
    status, printed = predict(folder, people=('--boxes', tmp_path / 'labels.json'))
    assert status == 2 and 'has boxes of the categories 0 (cat), 3 (dog); name the one that counts by --category' in (
        printed.err)
    status, _ = predict(folder, people=('--boxes', tmp_path / 'labels.json', '--category', '3'))
    assert status == 0 and records(tmp_path)[0]['instances'][0]['bbox'] == [10, 10, 110, 210]


def test_entries_that_cannot_be_used_are_left_out(predict, folder, tmp_path):
    coco(tmp_path / 'labels.json', 1, {1: 'person'}, ((1, [10, 10, 100, 200]), (2, [5, 5, 60, 70])))
    content = json.loads((tmp_path / 'labels.json').read_text())
    del content['annotations'][0]['bbox']
    content['annotations'].append(dict(id=7, image_id=1.9, category_id=1, bbox=[1, 2, 30, 40]))
    (tmp_path / 'labels.json').write_text(json.dumps(content))
    status, printed = predict(folder, people=('--boxes', tmp_path / 'labels.json'))
    assert status == 0 and len(records(tmp_path)[0]['instances']) == 1
    assert "left out entry 0 (id 1, image 1): no 'bbox'" in printed.err
    assert 'left out entry 2 (id 7, image 1.9): 1.9 is no whole number of an image' in printed.err


def test_detections_by_number_of_images_by_name(predict, folder, tmp_path):
    """A file name that is another number must not bring the boxes of another image."""
    (folder / 'good.jpg').rename(folder / '000002.jpg')
    (tmp_path / 'detections.json').write_text(json.dumps([
        dict(image_id=1, category_id=1, bbox=[10, 10, 100, 200], score=0.9),
        dict(image_id=2, category_id=1, bbox=[50, 50, 20, 20], score=0.9)]))
    (tmp_path / 'images.json').write_text(json.dumps(dict(images=[dict(id=1, file_name='000002.jpg')])))
    status, _ = predict(folder, people=('--boxes', tmp_path / 'detections.json', '--boxes-images',
                                        tmp_path / 'images.json'))
    assert status == 0
    assert records(tmp_path)[0]['instances'][0]['bbox'] == [10, 10, 110, 210] and records(tmp_path)[0]['image_id'] == 1


def test_files_that_need_a_plugin_are_named_and_other_endings_are_known(predict, folder, tmp_path, photo):
    (folder / 'phone.heic').write_bytes(b'\0' * 99)
    (folder / 'web.jfif').write_bytes((folder / 'good.jpg').read_bytes())
    for name in ('camera.MTS', 'old.3gp', 'stream.ts'):
        film(folder / 'x.mp4', photo, 3)
        (folder / 'x.mp4').rename(folder / name)
    status, printed = predict(folder)
    assert status == 1 and 'pip install pillow-heif' in errors(tmp_path)['phone.heic']
    assert {record['name'] for record in records(tmp_path)} == {'good.jpg', 'web.jfif', 'camera.MTS', 'old.3gp',
                                                                'stream.ts'}


@pytest.mark.parametrize(('address', 'message'), [
    ('https://example.org/photo.jpg?size=2', 'is the address of an image; download it'),
    ('s3://bucket/film.mp4', 'is an address of s3; streams of http, https, rtmp')])
def test_addresses_are_streams_or_are_refused(predict, address, message):
    status, printed = predict(address)
    assert status == 2 and message in printed.err


def test_a_stream_is_read_like_a_webcam():
    (source, ), _ = inputs.find_sources(['rtsp://me:secret@camera.local:554/live?channel=1'])
    assert (source.kind, source.path) == ('webcam', 'rtsp://me:secret@camera.local:554/live?channel=1')
    assert source.name == 'camera.local_554_live' and source.drawn == 'camera.local_554_live.mp4'


def test_keypoints_that_are_no_numbers_are_left_out(predict, folder, tmp_path, monkeypatch):
    from rampose.apis.exported_model import ExportedPoseModel
    call = ExportedPoseModel.__call__

    def overflowing(self, crops):
        keypoints, scores = call(self, crops)
        scores[0, 3] = np.nan
        return keypoints, scores

    monkeypatch.setattr(ExportedPoseModel, '__call__', overflowing)
    status, printed = predict(folder)
    assert status == 1 and '0 people in 1 images' in printed.out
    assert 'keypoints that are no numbers' in errors(tmp_path)['good.jpg']
    assert json.loads((tmp_path / 'out/keypoints.json').read_text()) == []
