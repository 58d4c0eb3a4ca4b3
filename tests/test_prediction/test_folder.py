import json
import threading
import time

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from pycocotools.coco import COCO
from xtcocotools.coco import COCO as XtCOCO

from rampose.core.files import PART_PREFIX, written_whole
from rampose.core.pose_result import PoseResult
from rampose.prediction.folder import ClosedError, ResultFolder
from rampose.prediction.inputs import Source
from rampose.prediction.media import VideoFile, save_picture
from rampose.prediction.records import as_instances

PICTURE, FILM = Source('/photos/a.jpg', 'a.jpg', 'picture'), Source('/photos/film.mp4', 'film.mp4', 'video')


@pytest.fixture(scope='module')
def meta():
    return parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))


@pytest.fixture
def open_folder(tmp_path, meta):

    last = []

    def open_it(resume=False, **settings) -> ResultFolder:
        if last:
            last.pop().close()
        last.append(ResultFolder(tmp_path / 'out', settings, meta, resume))
        return last[0]

    return open_it


def record(source, frame_id=None, people=1, image_id=None):
    rng = np.random.default_rng(0)
    bboxes, keypoints = rng.uniform(0, 90, (people, 4)), rng.uniform(0, 90, (people, 17, 2))
    instances = as_instances(PoseResult(keypoints, np.full((people, 17), 0.8), bboxes, np.full(people, 0.5)))
    return dict(input=source.path, name=source.name, frame_id=frame_id, width=100, height=80, image_id=image_id,
                instances=instances)


def test_a_persons_score_is_cocometrics():
    scores = np.array([[0.9, 0.5, 0.2, 0.1]])  # what does not exceed 0.2 does not count
    person, = as_instances(PoseResult(np.zeros((1, 4, 2)), scores, np.zeros((1, 4)), np.array([0.5])))
    assert person['score'] == 0.35
    nobody, = as_instances(PoseResult(np.zeros((1, 4, 2)), np.zeros((1, 4)), np.zeros((1, 4)), np.array([0.5])))
    assert nobody['score'] == 0


@pytest.mark.parametrize('coco', [COCO, XtCOCO])
def test_coco_tools_read_the_results(open_folder, tmp_path, coco):
    folder = open_folder()
    folder.add(record(PICTURE, people=2))
    for frame_id in range(3):
        folder.add(record(FILM, frame_id, people=frame_id))
    folder.finish()
    dataset = coco(str(tmp_path / 'out/images.json'))
    results = dataset.loadRes(str(tmp_path / 'out/keypoints.json'))
    assert len(results.anns) == 5 and sorted(dataset.imgs) == [1, 2, 3, 4]
    assert [len(results.getAnnIds(imgIds=[number])) for number in (1, 2, 3, 4)] == [2, 0, 1, 2]
    assert dataset.imgs[3]['file_name'] == 'film.mp4' and dataset.imgs[3]['frame_id'] == 1
    assert dataset.cats[1]['keypoints'][0] == 'nose' and [16, 14] in dataset.cats[1]['skeleton']
    first = record(PICTURE, people=2)['instances'][0]
    assert results.anns[1]['keypoints'][:3] == [*first['keypoints'][0], 0.8] and results.anns[1]['score'] == 0.4


@pytest.mark.parametrize(('sources', 'image_ids', 'expected'), [
    (['000000000785.jpg', '7.jpg'], [None, None], [785, 7]),
    (['a/1.jpg', 'b/1.jpg'], [None, None], [1, 2]),  # not each once
    (['1.jpg', 'x.jpg'], [None, None], [1, 2]),
    (['x.jpg', 'y.jpg'], [9, 4], [9, 4]),  # from the file of boxes
])
def test_image_ids(open_folder, tmp_path, sources, image_ids, expected):
    folder = open_folder()
    for name, image_id in zip(sources, image_ids):
        folder.add(record(Source(f'/photos/{name}', name, 'picture'), image_id=image_id))
    folder.finish()
    images = json.loads((tmp_path / 'out/images.json').read_text())['images']
    assert [image['id'] for image in images] == expected


def test_nothing_found_is_an_empty_list(open_folder, tmp_path):
    folder = open_folder()
    folder.add(record(PICTURE, people=0))
    folder.finish()
    assert json.loads((tmp_path / 'out/keypoints.json').read_text()) == []
    assert not (tmp_path / 'out/errors.jsonl').exists()


def test_going_on_after_a_kill(open_folder, tmp_path):
    folder = open_folder()
    folder.add(record(PICTURE))
    for frame_id in range(4):
        folder.add(record(FILM, frame_id))
    lines = (tmp_path / 'out/frames.jsonl').read_bytes()
    (tmp_path / 'out/frames.jsonl').write_bytes(lines[:-30])  # killed while it wrote the last record
    (tmp_path / 'out' / f'{PART_PREFIX}run.json').write_text('{')

    folder = open_folder(resume=True)
    assert folder.num_frames == 4 and folder.num_people == 4
    assert folder.num_done(PICTURE) == 1 and folder.num_done(FILM) == 0  # not to its end
    assert [stored['frame_id'] for stored in folder.stored_frames(FILM)] == [0, 1, 2]
    assert not list((tmp_path / 'out').glob(f'{PART_PREFIX}*'))
    folder.add(record(FILM, 3))
    folder.finish_video(FILM)
    assert (tmp_path / 'out/frames.jsonl').read_bytes() == lines
    assert open_folder(resume=True).num_done(FILM) == 4


def test_errors_of_what_is_done_are_kept(open_folder):
    folder = open_folder()
    folder.add(record(PICTURE))
    folder.add_error(PICTURE, 'box is reversed', bbox=['1', '2'])
    folder.add_error(Source('/photos/b.jpg', 'b.jpg', 'picture'), 'cannot be read')  # will be tried again
    folder.add_error(FILM, 'breaks off')
    with (folder.path / 'errors.jsonl').open('ab') as file:
        file.write(b'{"input": "/pho')  # killed
    assert [error['reason'] for error in open_folder(resume=True).errors] == ['box is reversed']


def test_what_is_there_is_not_lost(open_folder, tmp_path):
    open_folder(checkpoint='a.pth').add(record(PICTURE))
    with pytest.raises(ValueError, match='holds results already; resume them with --resume'):
        open_folder(checkpoint='a.pth')
    with pytest.raises(ValueError, match=r"checkpoint was 'a\.pth' and now is 'b\.pth'"):
        open_folder(resume=True, checkpoint='b.pth')
    (tmp_path / 'out/rampose_run.json').write_text('{')
    with pytest.raises(ValueError, match=r'rampose_run\.json is missing or damaged'):
        open_folder(resume=True, checkpoint='a.pth')
    assert len((tmp_path / 'out/frames.jsonl').read_bytes().splitlines()) == 1


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / 'new/file.json'
    with pytest.raises(KeyboardInterrupt), written_whole(path) as file:
        file.write(b'half')
        raise KeyboardInterrupt
    assert list(path.parent.iterdir()) == []
    path.write_text('old')
    with pytest.raises(OSError, match='disk'), written_whole(path) as file:
        file.write(b'half')
        raise OSError('disk')
    assert path.read_text() == 'old'
    with written_whole(path) as file:
        file.write(b'new')
    assert path.read_text() == 'new'


def test_two_runs_do_not_write_to_one_folder(open_folder, tmp_path, meta):
    open_folder().add(record(PICTURE))
    with pytest.raises(ValueError, match='another run is writing to'):
        ResultFolder(tmp_path / 'out', {}, meta, resume=True)
    assert open_folder(resume=True).num_frames == 1


def test_a_closed_folder_takes_nothing_more(open_folder, tmp_path):
    """As after a second Ctrl-C, which leaves the thread that writes behind."""
    folder, ended = open_folder(), []

    def write():
        try:
            for frame_id in range(100_000):
                folder.add(record(FILM, frame_id))
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    while not folder.num_frames:
        time.sleep(0.001)
    folder.close()
    content = (tmp_path / 'out/frames.jsonl').read_bytes()
    thread.join(30)
    assert [type(error) for error in ended] == [ClosedError]
    assert (tmp_path / 'out/frames.jsonl').read_bytes() == content
    assert all(json.loads(line) for line in content.splitlines()) and content.endswith(b'\n')
    for late in (lambda: folder.add_error(PICTURE, 'late'), lambda: folder.finish_video(FILM)):
        with pytest.raises(ClosedError):
            late()
    assert not (tmp_path / 'out/errors.jsonl').read_bytes()


def test_names_that_are_no_utf_8(open_folder, tmp_path):
    source = Source('/photos/caf\udce9.jpg', 'caf\udce9.jpg', 'picture')
    folder = open_folder()
    folder.add(record(source))
    folder.add_error(source, 'caf\udce9 is bad')
    folder.finish()
    assert open_folder(resume=True).num_done(source) == 1
    assert json.loads((tmp_path / 'out/images.json').read_text())['images'][0]['file_name'] == 'caf\udce9.jpg'


def test_names_as_long_as_may_be(tmp_path, photo):
    save_picture(tmp_path / f'{"x" * 251}.jpg', photo)
    assert len(next(tmp_path.iterdir()).name) == 255


@pytest.mark.parametrize(('name', 'written'), [('a.jpg', 'a.jpg'), ('a.PNG', 'a.PNG'), ('a.gif', 'a.gif.jpg')])
def test_pictures(tmp_path, photo, name, written):
    save_picture(tmp_path / name, photo)
    assert [path.name for path in tmp_path.iterdir()] == [written]


def test_videos(tmp_path, photo):
    import cv2
    video = VideoFile(tmp_path / 'film.avi', fps=10)
    for side in (100, 100, 60):  # scaled to the first
        video.add(cv2.resize(photo, (side, side)))
    assert not (tmp_path / 'film.avi.mp4').exists()
    video.finish()
    capture = cv2.VideoCapture(str(tmp_path / 'film.avi.mp4'))
    frames = [frame.shape for more, frame in iter(capture.read, (False, None)) if more]
    assert frames == [(100, 100, 3)] * 3 and capture.get(cv2.CAP_PROP_FPS) == 10
    thin = VideoFile(tmp_path / 'thin.mp4', fps=10)
    thin.add(photo[:, :1])
    thin.finish()
    (tmp_path / 'thin.mp4').unlink()
    half = VideoFile(tmp_path / 'half.mp4', fps=10)
    half.add(photo)
    half.discard()
    assert [path.name for path in tmp_path.iterdir()] == ['film.avi.mp4']
