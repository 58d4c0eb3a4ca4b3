"""A pack: the people of the images, where the annotations say, the same in every process."""

import json
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cv2
import numpy as np
import pytest

from rampose.cli.main import main
from rampose.datasets.packing import PackOptions, PackReader, crop_window, pack_person, write_pack

pytest.importorskip('lmdb')
NAMES = [f'point_{i}' for i in range(3)]
POINTS = [(150, 100), (170, 180), (140, 260)]


def picture():
    """Grey, with a white dot at each keypoint."""
    image = np.full((400, 300, 3), 60, np.uint8)
    for x, y in POINTS:
        cv2.circle(image, (x, y), 5, (255, 255, 255), -1)
    return image


def person(number=7, **changes):
    keypoints = [value for x, y in POINTS[:2] for value in (x, y, 2)] + [0, 0, 0]
    return dict(dict(id=number, image_id=1, category_id=1, bbox=[110, 70, 80, 220], keypoints=keypoints,
                     num_keypoints=2, area=17600, iscrowd=0), **changes)


@pytest.fixture
def data(tmp_path):
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/a.png'), picture())
    content = dict(images=[dict(id=1, file_name='a.png', width=300, height=400)],
                   annotations=[person(), person(8, num_keypoints=0, keypoints=[0] * 9), person(9, iscrowd=1)],
                   categories=[dict(id=1, name='person', keypoints=NAMES, skeleton=[])])
    (tmp_path / 'people.json').write_text(json.dumps(content))
    return tmp_path


def dot_at(crop, x, y):
    """Centre of the white dot nearest to a point, px."""
    count, _, _, centers = cv2.connectedComponentsWithStats((crop[..., 0] > 170).astype(np.uint8))
    return min(centers[1:count], key=lambda center: np.hypot(*(center - (x, y))))


@pytest.mark.parametrize('max_height', [384, 150])
def test_keypoints_lie_where_they_lay(max_height):
    content, image, packed = pack_person(picture(), person(), PackOptions(max_height=max_height))
    crop = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert crop.shape[:2] == (image['height'], image['width'])
    for x, y, visible in np.reshape(packed['keypoints'], (-1, 3))[:2]:
        assert visible == 2 and np.abs(dot_at(crop, x, y) - (x, y)).max() < 0.3
    assert packed['keypoints'][6:] == [0, 0, 0]
    factor = min(1, max_height / (220 * 1.25))
    assert packed['bbox'][3] == pytest.approx(220 * factor, rel=0.01)
    assert packed['area'] == pytest.approx(17600 * factor**2, rel=0.02)
    assert (packed['source_image_id'], packed['image_id']) == (1, 7)


def test_the_window_holds_every_turn():
    """Corners of the widest input, turned by any angle, lie in the window, or outside of the image."""
    options = PackOptions()
    left, top, right, bottom, _ = crop_window([400, 400, 60, 150], (1000, 1000), options)
    h = 150 * options.padding * options.max_scale
    for angle in np.linspace(0, np.pi, 25):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [h * options.aspect / 2, h / 2] @ turn + [430, 475]
        assert (corners >= [left, top]).all() and (corners <= [right, bottom]).all()


def sum_of_crop(reader):
    return reader.read('7.webp').sum()


def test_written_and_read_in_other_processes(data):
    from mmpose.registry import DATASETS
    content = json.loads((data / 'people.json').read_text())
    out = data / 'out/train.lmdb'
    number, size = write_pack(content, data / 'images', out, PackOptions())
    assert (number, size) == (1, out.stat().st_size) and size < 200_000
    assert sorted(path.name for path in out.parent.iterdir()) == ['train.json', 'train.lmdb']
    reader = PackReader(out)
    here = reader.read('7.webp').sum()
    assert pickle.loads(pickle.dumps(reader)).read('7.webp').sum() == here
    # As a data loader's worker has it: the parent has it open.
    with ProcessPoolExecutor(1, mp_context=get_context('fork')) as pool:
        assert pool.submit(sum_of_crop, reader).result() == here
    with pytest.raises(OSError, match=r'8\.webp is missing in .*train\.lmdb'):
        reader.read('8.webp')
    metainfo = dict(dataset_name='three', keypoint_info={
        i: dict(name=name, id=i, color=[0, 0, 0], type='', swap='') for i, name in enumerate(NAMES)},
        skeleton_info={}, joint_weights=[1.] * 3, sigmas=[0.05] * 3)
    dataset = DATASETS.build(dict(type='PackedCocoDataset', pack='train.lmdb', ann_file='train.json', metainfo=metainfo,
                                  data_root=str(out.parent), pipeline=[dict(type='LoadImage')]))
    sample = dataset[0]
    x, y = sample['keypoints'][0, 0]
    assert len(dataset) == 1 and np.abs(dot_at(sample['img'], x, y) - (x, y)).max() < 0.3


def test_the_command(data, capsys):
    out = data / 'train.lmdb'
    call = ['pack', str(data / 'images'), str(data / 'people.json'), '--out', str(out)]
    assert main(call) == 0 and '1 people' in capsys.readouterr().out
    before = out.read_bytes()
    cv2.imwrite(str(data / 'images/b.png'), picture())
    (data / 'images/a.png').write_bytes(b'no image')
    assert main(call) != 0 and 'a.png' in capsys.readouterr().err
    assert out.read_bytes() == before and not list(data.glob('.rampose-part*'))
    (data / 'other').write_text('something else')
    with pytest.raises(ValueError, match='other cannot be read.*rampose pack'):
        PackReader(data / 'other')
    assert main([*call[:1], str(data / 'nowhere'), *call[2:]]) == 2
    assert 'nowhere is no folder' in capsys.readouterr().err
    assert main([*call, '--quality', '0']) == 2 and 'quality 0' in capsys.readouterr().err
