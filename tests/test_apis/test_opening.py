"""Images on their way to the predictor, and large ones that are read as coarsely as they may."""

import cv2
import numpy as np
import pytest
from PIL import Image

from rampose.apis import TopdownPredictor, UnreadableError
from rampose.apis.opening import IMAGES_AT_ONCE, enlarged, opened_in_groups
from rampose.core.images import read_image, read_reduced

DOT = 1003.5, 2010.5  # x, y


@pytest.fixture(scope='module')
def large(tmp_path_factory):
    """A photograph of 3000x4000 px with a soft dot, lying on its side, as phones write it."""
    y, x = np.mgrid[:4000, :3000].astype(np.float32)
    dot = 255 * np.exp(-((x - DOT[0])**2 + (y - DOT[1])**2) / (2 * 40**2))
    path = tmp_path_factory.mktemp('large') / 'photo.jpg'
    image = Image.fromarray(np.repeat(dot.astype(np.uint8)[..., None], 3, axis=2)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, quality=95, exif=exif)
    return path


def centroid(image):
    values = image[..., 0].astype(float)
    values[values < 20] = 0
    y, x = np.mgrid[:image.shape[0], :image.shape[1]]
    return np.array([(values * x).sum(), (values * y).sum()]) / values.sum()


@pytest.mark.parametrize('shorter_side, most, factor', [(640, 8, 4), (640, 2, 2), (300, 8, 8), (2000, 8, 1)])
def test_a_large_jpeg(large, shorter_side, most, factor):
    image, found = read_reduced(large, shorter_side, most)
    assert found == factor and image.shape == (4000 // factor, 3000 // factor, 3)
    np.testing.assert_allclose(enlarged(centroid(image), factor), DOT, atol=0.1)
    np.testing.assert_allclose(enlarged(enlarged(np.array(DOT), factor, back=True), factor), DOT)


def test_a_turned_jpeg_whose_sides_are_no_multiples(tmp_path):
    """Its partial px would lie at the beginning: it is reduced by less."""
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.new('RGB', (1302, 1302)).save(tmp_path / 'turned.jpg', exif=exif)
    Image.new('RGB', (1302, 1302)).save(tmp_path / 'upright.jpg')
    assert read_reduced(tmp_path / 'turned.jpg', 100)[1] == 2 and read_reduced(tmp_path / 'upright.jpg', 100)[1] == 8


def test_a_format_that_runs_another_program(tmp_path, monkeypatch):
    """PostScript, under a harmless name."""
    (tmp_path / 'gs').write_text(f'#!/bin/sh\ntouch {tmp_path}/ran\n')
    (tmp_path / 'gs').chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=':')
    (tmp_path / 'photo.jpg').write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n')
    for reader in (read_image, lambda path: read_reduced(path, 1)):
        with pytest.raises(UnreadableError, match='it is no image of a format'):
            reader(tmp_path / 'photo.jpg')
    assert not (tmp_path / 'ran').exists()


def test_what_is_not_reduced(tmp_path, photo):
    cv2.imwrite(str(tmp_path / 'small.jpg'), photo)
    cv2.imwrite(str(tmp_path / 'large.png'), np.zeros((1500, 1500, 3), np.uint8))
    (tmp_path / 'broken.jpg').write_bytes(b'\xff\xd8\xff')
    for name in ('small.jpg', 'large.png'):
        image, factor = read_reduced(tmp_path / name, 640)
        assert factor == 1
        np.testing.assert_array_equal(image, read_image(tmp_path / name))
    for name in ('broken.jpg', 'none.jpg'):
        with pytest.raises(UnreadableError, match=f'{name} cannot be read'):
            read_reduced(tmp_path / name, 640)


def test_images_come_in_order_and_errors_by_number(tmp_path, photo):
    paths = [tmp_path / f'{number}.png' for number in range(2 * IMAGES_AT_ONCE + 1)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), photo[number:])
    groups = list(opened_in_groups([*paths[:-1], photo]))
    assert [len(group) for group in groups] == [IMAGES_AT_ONCE, IMAGES_AT_ONCE, 1]
    opened = [one for group in groups for one in group]
    assert [one.number for one in opened] == list(range(len(paths))) and {one.factor for one in opened} == {1}
    assert [len(one.image) for one in opened[:-1]] == [240 - number for number in range(len(paths) - 1)]
    paths[-1].write_bytes(b'')
    with pytest.raises(UnreadableError, match=f'image {len(paths) - 1}: .*it is empty'):
        list(opened_in_groups(paths))
    with pytest.raises(UnreadableError, match='^(?!image)'):
        list(opened_in_groups(paths[-1:]))
    assert list(opened_in_groups([])) == []


def test_boxes_decide_how_coarsely_an_image_is_read(onnx_model, large, monkeypatch):
    """The input is 96x128 px: of a person of 3,000 px an eighth is enough, of one of 300 px a half, of 100 px nothing
    may be left out. Results are in px of the file."""
    predictor, whole = (TopdownPredictor(onnx_model, flip_test=False, reduce_large=reduce) for reduce in (True, False))
    cropped = []
    crop = predictor.pose_model.crop

    def noting(image, bbox):
        cropped.append(len(image))
        return crop(image, bbox)

    monkeypatch.setattr(predictor.pose_model, 'crop', noting)
    sizes = {}
    for side in (3000, 300, 100):
        bbox = [[DOT[0] - side / 3, DOT[1] - side / 2, DOT[0] + side / 3, DOT[1] + side / 2]]
        result, expected = predictor(large, bbox), whole(large, bbox)
        np.testing.assert_allclose(result.bboxes, bbox, rtol=1e-6)
        sizes[side] = cropped[-1]
        np.testing.assert_allclose(result.keypoint_scores, expected.keypoint_scores, atol=0.1)
    assert sizes == {3000: 1000, 300: 2000, 100: 4000}  # a quarter: an eighth has a side of less than 640 px
    with pytest.raises(ValueError, match=r'box 0 .* lies outside of the picture of 3000x4000 px'):
        predictor(large, [[3500, 0, 3600, 100]])


def test_models_that_cannot(pose_config, pose_checkpoint):
    with pytest.raises(ValueError, match='got reduce_large=True .* needed is an exported model'):
        TopdownPredictor(pose_config, pose_checkpoint, reduce_large=True)


@pytest.mark.real_data
def test_keypoints_of_reduced_photographs_stay_where_they_are(test_data, tmp_path):
    """Photographs of six times the size, by the packaged model."""
    import json
    content = json.loads((test_data / 'coco_people/annotations/val.json').read_text())
    names = {image['id']: image['file_name'] for image in content['images']}
    large = [one for one in content['annotations'] if one['num_keypoints'] > 12 and one['bbox'][3] > 200][:6]
    reduced, whole = (TopdownPredictor('td-hm_efficientnet-lite0-gpr_1xb32-3e_coco-people-256x192', reduce_large=reduce)
                      for reduce in (True, False))
    shifts = []
    for one in large:
        image = read_image(test_data / 'coco_people/images' / names[one['image_id']])
        path = tmp_path / f'{one["id"]}.jpg'
        cv2.imwrite(str(path), cv2.resize(image, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC))
        x, y, w, h = 6 * np.array(one['bbox'])
        bbox = [[x, y, x + w, y + h]]
        sure = whole(path, bbox).keypoint_scores[0] > 0.4
        distances = np.linalg.norm(reduced(path, bbox).keypoints - whole(path, bbox).keypoints, axis=2)[0, sure]
        shifts.append(distances / (1.25 * max(h, w * 4 / 3)) * 256)  # px of the crop
    shifts = np.concatenate(shifts)  # now and then a maximum jumps
    assert len(shifts) > 40 and np.median(shifts) < 0.3 and np.percentile(shifts, 90) < 1.2
