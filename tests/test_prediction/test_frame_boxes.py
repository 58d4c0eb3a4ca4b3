"""Boxes of the frames of a film, by --boxes."""

import json

import cv2
import numpy as np
import pytest

from rampose.cli.main import main


@pytest.fixture
def film(tmp_path, photo):
    writer = cv2.VideoWriter(str(tmp_path / 'film.mp4'), cv2.VideoWriter.fourcc(*'mp4v'), 25, (320, 240))
    for number in range(5):
        writer.write(np.roll(photo, 3 * number, axis=1))
    writer.release()
    return tmp_path / 'film.mp4'


def predict(film, out, *options):
    return main(['predict', str(film), '--no-draw', '--out', str(out), *map(str, options)])


def records(folder) -> list:
    return [json.loads(line) for line in (folder / 'frames.jsonl').read_text().splitlines()]


def test_motchallenges_lines(film, tmp_path):
    (tmp_path / 'det.txt').write_text('1,-1,10,20,100,150,0.9,-1,-1,-1\n1,-1,50,20,90,150,0.1,-1,-1,-1\n'
                                      '3,7,12,20,100,150,-1\n5 7 14 20 100 150\n')
    assert predict(film, tmp_path / 'out', '--boxes', tmp_path / 'det.txt') == 0
    boxes = [[one['bbox'] for one in record['instances']] for record in records(tmp_path / 'out')]
    assert boxes == [[[10, 20, 110, 170]], [], [[12, 20, 112, 170]], [], [[14, 20, 114, 170]]]
    assert [record['instances'][0]['bbox_score'] for record in records(tmp_path / 'out')[::2]] == [0.9, 1, 1]


def test_the_boxes_of_an_earlier_run(film, tmp_path):
    (tmp_path / 'det.txt').write_text('1,-1,10,20,100,150,0.9\n4,-1,10,20,100,150,0.8\n')
    assert predict(film, tmp_path / 'first', '--boxes', tmp_path / 'det.txt') == 0
    assert predict(film, tmp_path / 'second', '--boxes', tmp_path / 'first/frames.jsonl') == 0
    assert records(tmp_path / 'second') == records(tmp_path / 'first')


@pytest.mark.parametrize(('name', 'text', 'message'), [
    ('det.txt', '1,2,3', 'line 1: ValueError'), ('det.txt', '0,1,2,3,4,5', '0 is no number of a frame'),
    ('frames.jsonl', '{}', 'line 1: KeyError'),
    ('frames.jsonl', '{"name": "other.mp4", "frame_id": 0, "instances": []}', 'none of .*film.mp4')],
    ids=['short', 'zero', 'empty', 'other'])
def test_other_files_are_one_line(film, tmp_path, capsys, name, text, message):
    import re
    (tmp_path / name).write_text(text)
    assert predict(film, tmp_path / 'out', '--boxes', tmp_path / name) == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count('\n') == 1
