import cv2
import numpy as np
import pytest

from rampose.prediction.inputs import Failure, Frame, VideoEnd, count_frames, find_sources, read_frames


def write_video(path, num_frames, codec='mp4v', size=(64, 48)):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 25, size)
    for number in range(num_frames):
        writer.write(np.full((size[1], size[0], 3), 4 * number % 256, np.uint8))
    writer.release()


@pytest.fixture
def folder(tmp_path, photo):
    (tmp_path / 'a/b').mkdir(parents=True)
    for name in ('a/2.jpg', 'a/b/1.PNG', 'a/x [1].jpg'):
        cv2.imwrite(str(tmp_path / name), photo)
    (tmp_path / 'a/notes.txt').write_text('not a picture')
    write_video(tmp_path / 'a/film.mp4', 12)
    return tmp_path / 'a'


def names(sources):
    return [source.name for source in sources]


def test_folders_patterns_and_files(folder):
    sources, num_others = find_sources([str(folder)])
    assert names(sources) == ['2.jpg', 'b/1.PNG', 'film.mp4', 'x [1].jpg'] and num_others == 1
    assert [source.kind for source in sources] == ['picture', 'picture', 'video', 'picture']
    assert names(find_sources([f'{folder}/*.jpg'])[0]) == ['2.jpg', 'x [1].jpg']
    assert names(find_sources([f'{folder}/**/*.PNG'])[0]) == ['1.PNG']
    assert names(find_sources([f'{folder}/x [1].jpg'])[0]) == ['x [1].jpg']  # a name, not a pattern
    # Each once, in the order given; equal names below different folders stay apart.
    assert names(find_sources([f'{folder}/b/1.PNG', f'{folder}/2.jpg', str(folder / 'b')])[0]) == ['b/1.PNG', '2.jpg']
    assert find_sources(['3'])[0][0].kind == 'webcam'


def test_linked_folders_are_gone_through_once(folder, tmp_path):
    (tmp_path / 'linked').mkdir()
    (tmp_path / 'linked/there').symlink_to(folder / 'b')
    (tmp_path / 'linked/around').symlink_to(tmp_path / 'linked')
    assert names(find_sources([str(tmp_path / 'linked')])[0]) == ['1.PNG']


def test_folders_of_drawn_pictures_are_left_out(folder):
    (folder / 'b').rename(folder / 'visualizations')
    assert 'visualizations/1.PNG' in names(find_sources([str(folder)])[0])  # a folder of the user's
    (folder / 'rampose_run.json').touch()
    assert names(find_sources([str(folder)])[0]) == ['2.jpg', 'film.mp4', 'x [1].jpg']


def test_nothing_there(folder, tmp_path):
    (tmp_path / 'nothing').mkdir()
    for text, message in [
        ('', 'empty INPUT'),
        (f'{tmp_path}/nothing', 'no image and no video'),
        (f'{tmp_path}/missing.jpg', 'does not exist'),
        (f'{folder}/*.gif', 'no image and no video'),
    ]:
        with pytest.raises(ValueError, match=message):
            find_sources([text])


def test_frames_of_pictures_and_videos(folder):
    sources, _ = find_sources([str(folder)])
    assert count_frames(sources) == 15
    items = list(read_frames(sources))
    frames = [item for item in items if isinstance(item, Frame)]
    assert [frame.frame_id for frame in frames] == [None, None, *range(12), None]
    assert [frame.fps for frame in frames[1:3]] == [None, 25]
    assert [type(item) for item in items].index(VideoEnd) == 14 and items[14].complete
    assert abs(int(frames[2 + 10].image.mean()) - 40) <= 3


def test_a_limit_counts_pictures_and_frames(folder):
    sources, _ = find_sources([str(folder)])
    items = list(read_frames(sources, limit=5))
    assert sum(isinstance(item, Frame) for item in items) == 5
    assert items[-1] == VideoEnd(sources[2], complete=False)
    done = {sources[0].path: 1, sources[1].path: 1}
    items = list(read_frames(sources, limit=5, num_done=lambda source: done.get(source.path, 0)))
    assert [item.frame_id for item in items if isinstance(item, Frame)] == [0, 1, 2]
    done[sources[2].path] = 12
    assert list(read_frames(sources, limit=14, num_done=lambda source: done.get(source.path, 0))) == []
    assert len(list(read_frames(sources, limit=15, num_done=lambda source: done.get(source.path, 0)))) == 1


def test_damaged_videos(tmp_path):
    write_video(tmp_path / 'film.avi', 60, 'MJPG')
    whole = (tmp_path / 'film.avi').read_bytes()
    (tmp_path / 'broken.avi').write_bytes(whole[:len(whole) // 2])
    write_video(tmp_path / 'film.mp4', 60)
    whole = (tmp_path / 'film.mp4').read_bytes()
    (tmp_path / 'headless.mp4').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'empty.mp4').touch()
    (tmp_path / 'film.mov').symlink_to(tmp_path / 'gone.mov')
    (tmp_path / 'dir').mkdir()
    (tmp_path / 'dir/\udce9.mp4').touch()  # a name that is no UTF-8
    for name, reason in [('film.avi', None), ('broken.avi', 'breaks off after {} of 60 frames'),
                         ('headless.mp4', 'header is missing'), ('empty.mp4', 'empty')]:
        sources, _ = find_sources([str(tmp_path / name)])
        assert (count_frames(sources) == 60) == name.endswith('avi')
        items = list(read_frames(sources))
        num_frames = sum(isinstance(item, Frame) for item in items)
        assert (num_frames > 10) == name.endswith('avi')
        failures = [item.reason for item in items if isinstance(item, Failure)]
        if reason is None:
            assert failures == [] and num_frames == 60
        else:
            assert len(failures) == 1 and name in failures[0] and reason.format(num_frames) in failures[0]
            assert not any(isinstance(item, VideoEnd) and item.complete for item in items)
    for folder, reason in [('dir', 'UTF-8'), ('', 'no such file')]:
        sources = [source for source in find_sources([str(tmp_path / folder)])[0]
                   if source.name in ('\udce9.mp4', 'film.mov')]
        assert count_frames(sources) == 0
        failure, = read_frames(sources)
        assert reason in failure.reason


def test_a_video_of_changing_size_comes_in_the_size_of_its_first_frame(tmp_path, photo):
    with (tmp_path / 'changing.mjpg').open('wb') as file:
        for side in (64, 96, 48):
            file.write(cv2.imencode('.jpg', cv2.resize(photo, (side, side)))[1].tobytes())
    sources, _ = find_sources([str(tmp_path / 'changing.mjpg')])
    assert count_frames(sources) is None  # the file does not say
    items = list(read_frames(sources))
    assert [item.image.shape for item in items if isinstance(item, Frame)] == [(64, 64, 3)] * 3
    assert not any(isinstance(item, Failure) for item in items)


def test_no_such_webcam():
    items = list(read_frames(find_sources(['97'])[0]))
    assert [type(item) for item in items] == [Failure] and 'webcam97 cannot be opened' in items[0].reason


def test_a_damaged_picture_does_not_stop_the_others(folder):
    (folder / '3.jpg').write_text('text')
    items = list(read_frames(find_sources([f'{folder}/*.jpg'])[0]))
    assert [type(item) for item in items] == [Frame, Failure, Frame]
