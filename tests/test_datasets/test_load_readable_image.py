"""Broken pictures in training: an error that names them, or a few left out and counted."""

import copy

import numpy as np
import pytest
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from rampose.datasets.transforms import LoadReadableImage


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / 'broken.jpg'
    path.write_bytes(b'no picture')
    return dict(img_path=str(path), id=7)


def test_the_first_one_is_an_error_that_names_it(broken):
    with pytest.raises(OSError, match=r'broken\.jpg \(annotation 7\) cannot be read: failed to load image.*'
                                      r'rampose check-data'):
        LoadReadableImage()(broken)
    with pytest.raises(OSError, match=r'none\.jpg \(annotation None\) cannot be read: .*No such file'):
        LoadReadableImage()(dict(img_path='none.jpg'))


def test_a_share_is_left_out_and_then_it_stops(broken, tiny_sample):
    good = dict(img_path=str(next((tiny_sample / 'train').iterdir())), id=1)
    load = LoadReadableImage(max_bad_share=0.02)
    assert load(broken) is None and load(copy.copy(good))['img'].dtype == np.uint8 and load(broken) is None
    with pytest.raises(OSError, match=r'broken\.jpg \(annotation 7\) cannot be read, as 3 of 4 pictures could not: '
                                      r'more than the share of 0\.02'):
        load(broken)


def test_kept_pictures_are_read_once_and_cannot_be_spoiled(tiny_sample, tmp_path):
    path = tmp_path / 'picture.png'
    path.write_bytes(next((tiny_sample / 'train').iterdir()).read_bytes())
    load = LoadReadableImage(keep=True)
    first = load(dict(img_path=str(path)))
    expected = first['img'].copy()
    first['img'][:] = 0
    path.unlink()
    again = load(dict(img_path=str(path)))
    np.testing.assert_array_equal(again['img'], expected)
    assert again['img_shape'] == again['ori_shape'] == expected.shape[:2]
    again['img'][:] = 0
    np.testing.assert_array_equal(load(dict(img_path=str(path)))['img'], expected)
    own = np.ones((2, 2, 3), np.uint8)
    assert load(dict(img_path=str(path), img=own))['img'] is own, 'a picture that is given stays the one'


def test_a_share_out_of_range():
    with pytest.raises(ValueError, match='max_bad_share=1'):
        LoadReadableImage(max_bad_share=1)


@pytest.mark.parametrize('workers', [0, 2])
def test_workers_count_together(tiny_config, tiny_sample, tmp_path, workers):
    config = tiny_config.train_dataloader
    config.update(num_workers=workers, batch_size=4)
    config.dataset.pipeline[0].max_bad_share = 0.5
    loader = Runner.build_dataloader(config, seed=0)
    path = tmp_path / 'broken.jpg'
    path.write_bytes(b'')
    original = loader.dataset.get_data_info

    def some_broken(idx):
        info = original(idx)
        if idx % 8 == 0:
            info['img_path'] = str(path)
        return info

    loader.dataset.get_data_info = some_broken
    number = sum(len(batch['inputs']) for batch in loader)
    loaded, bad = loader.dataset.pipeline.transforms[0]._counts.sum(0).tolist()
    assert number == len(loader.dataset) and bad >= len(range(0, number, 8)) - 1
    assert abs(loaded - number - bad) <= 1  # without a lock, two workers at once may count as one


class Loads:
    """A data set whose samples are 200 loads each."""

    def __init__(self, load, path):
        self.load, self.path = load, path

    def __len__(self):
        return 8

    def __getitem__(self, index):
        for _ in range(200):
            self.load(dict(img_path=self.path, img=np.zeros((2, 2, 3), np.uint8)))
        return index


def test_workers_count_together_and_lose_nothing(monkeypatch):
    load = LoadReadableImage(max_bad_share=0.5)
    monkeypatch.setattr('mmpose.datasets.transforms.LoadImage.transform', lambda self, results: results)
    list(DataLoader(Loads(load, 'x.jpg'), num_workers=4))
    assert load._counts.sum(0).tolist() == [1600, 0]
