"""Which images are for validation."""

from pathlib import Path

import pytest

from rampose.datasets.labels.labelled import LabelledImage
from rampose.datasets.labels.splitting import film_of, split_images


def images(*names, split=None):
    return [LabelledImage(Path('/data') / name, 10, 10, split=split) for name in names]


def names(split):
    return {image.path.name for image in split}


@pytest.mark.parametrize(('name', 'film'), [
    ('gait_frame_0012.png', '/data/gait'), ('gait-frame12.png', '/data/gait'), ('gait.mp4_000123.jpg', '/data/gait'),
    ('gait_mp4-12_jpg.rf.0a1b2c.jpg', '/data/gait'), ('a/frame_000001.jpg', '/data/a/'),
    ('labeled-data/gait/img012.png', '/data/labeled-data/gait'), ('IMG_2034.jpg', None), ('000000123456.jpg', None),
    ('framed_photo.jpg', None), ('movie.jpg', None), ('my_movies_1.jpg', None)])
def test_films_by_name(name, film):
    assert film_of(Path('/data') / name) == film


def test_a_share_by_lot():
    everything = images(*(f'IMG_{number}.jpg' for number in range(60)))
    split = split_images(everything, 0.2, 0)
    assert len(split['val']) == 12 and len(split['train']) == 48
    assert names(split['val']) | names(split['train']) == names(everything)
    assert names(split['val']) == names(split_images(everything[::-1], 0.2, 0)['val'])
    assert names(split_images(everything, 0.2, 1)['val']) != names(split['val'])
    assert {key: len(of_key) for key, of_key in split_images(images('a.jpg', 'b.jpg'), 0.01, 0).items()} == dict(
        train=1, val=1)
    assert set(split_images(images('a.jpg'), 0.5, 0)) == {'train'}


def test_images_that_are_added_leave_the_others_where_they_are():
    everything = [f'IMG_{number}.jpg' for number in range(200)]
    before, after = (split_images(images(*everything[:number]), 0.2, 0)['val'] for number in (100, 200))
    assert len(before) == 20 and len(names(before) & names(after)) >= 16
    elsewhere = [LabelledImage(Path('/moved/data') / name, 10, 10) for name in everything[:100]]
    assert names(split_images(elsewhere, 0.2, 0)['val']) == names(before)


def test_frames_of_a_film_stay_together():
    everything = images(*(f'film{film}_frame_{number:04d}.png' for film in range(10) for number in range(7)))
    split = split_images(everything, 0.2, 0)
    films = [{name[:5] for name in names(split[key])} for key in ('train', 'val')]
    assert not films[0] & films[1] and len(split['val']) == 14
    long = images(*(f'a.mp4_{number}.jpg' for number in range(90)), *(f'b.mp4_{number}.jpg' for number in range(10)))
    assert names(split_images(long, 0.2, 0)['val']) == names(long[90:])  # not the long one
    mixed = images(*(f'IMG_{number}.jpg' for number in range(100)), *(f'a.mp4_{number}.jpg' for number in range(100)))
    for seed in range(5):  # a film that does not fit ends nothing
        assert 38 <= len(split_images(mixed, 0.2, seed)['val']) <= 42
    alone = images(*(f'a_frame{number}.jpg' for number in range(10)))
    assert len(split_images(alone, 0.2, 0)['val']) == 2  # of one film, frames


def test_what_the_labels_say():
    split = split_images([*images('a.jpg', split='train'), *images('b.jpg', split='val'),
                          *images('c.jpg', split='test'), *images('d.jpg')], 0.5, 0)
    assert {key: names(of_key) for key, of_key in split.items()} == dict(
        train={'a.jpg', 'd.jpg'}, val={'b.jpg'}, test={'c.jpg'})
