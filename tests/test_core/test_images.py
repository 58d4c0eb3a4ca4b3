import cv2
import numpy as np
import pytest
from PIL import Image

from rampose.apis import UnreadableError, read_image
from rampose.core.images import check_image


@pytest.fixture
def rgb(photo):
    return Image.fromarray(photo[..., ::-1])


def exif_orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def test_jpeg_is_read_as_mmpose_reads_it(rgb, tmp_path):
    path = tmp_path / 'with spaces and Ünïcødé 照片.jpg'
    rgb.save(path, quality=90)
    np.testing.assert_array_equal(read_image(path), cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR))


@pytest.mark.parametrize(('name', 'convert', 'options'), [
    ('lossless.png', None, {}),
    ('transparent.png', 'RGBA', {}),
    ('lossless.webp', None, dict(lossless=True)),
    ('strips.tiff', None, {}),
])
def test_lossless_formats_are_read_exactly(rgb, photo, tmp_path, name, convert, options):
    (rgb.convert(convert) if convert else rgb).save(tmp_path / name, **options)
    np.testing.assert_array_equal(read_image(tmp_path / name), photo)


@pytest.mark.parametrize(('name', 'mode'), [
    ('grey.jpg', 'L'), ('palette.png', 'P'), ('1 bit.png', '1'), ('cmyk.jpg', 'CMYK')])
def test_other_colour_modes(rgb, tmp_path, name, mode):
    converted = rgb.convert(mode)
    converted.save(tmp_path / name, **({'quality': 95} if name.endswith('jpg') else {}))
    expected = np.asarray(converted.convert('RGB'))[..., ::-1].astype(int)
    got = read_image(tmp_path / name)
    assert got.dtype == np.uint8 and got.shape == expected.shape
    assert np.abs(got - expected).mean() < 2  # JPEG is lossy


@pytest.mark.parametrize('channels', [1, 3])
def test_16_bits_become_8(photo, tmp_path, channels):
    wide = photo.astype(np.uint16) * 256 + 17
    wide = wide[..., 0] if channels == 1 else wide
    cv2.imwrite(str(tmp_path / 'wide.png'), wide)
    expected = photo[..., :1].repeat(3, 2) if channels == 1 else photo
    np.testing.assert_array_equal(read_image(tmp_path / 'wide.png'), expected)


def test_exif_turns_the_picture_as_displayed(rgb, photo, tmp_path):
    rgb.save(tmp_path / 'turned.png', exif=exif_orientation(6))  # shown after a quarter turn clockwise
    np.testing.assert_array_equal(read_image(tmp_path / 'turned.png'), np.rot90(photo, -1))


def test_of_an_animation_the_first_picture(tmp_path):
    colours = [Image.new('RGB', (20, 10), colour) for colour in ('red', 'blue')]
    colours[0].save(tmp_path / 'moving.gif', save_all=True, append_images=colours[1:])
    assert read_image(tmp_path / 'moving.gif')[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize('size', [(1, 1), (12000, 9000)])
def test_sizes(tmp_path, size):
    Image.new('L', size, 100).save(tmp_path / 'picture.jpg')
    image = read_image(tmp_path / 'picture.jpg')
    assert image.shape == (size[1], size[0], 3) and (image == 100).all()


def test_what_cannot_be_read_is_named(rgb, tmp_path):
    rgb.save(tmp_path / 'whole.jpg')
    whole = (tmp_path / 'whole.jpg').read_bytes()
    (tmp_path / 'truncated.jpg').write_bytes(whole[:len(whole) // 2])
    rgb.save(tmp_path / 'whole.png')
    whole = (tmp_path / 'whole.png').read_bytes()
    (tmp_path / 'truncated.png').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'text.jpg').write_text('no picture')
    (tmp_path / 'empty.jpg').touch()
    (tmp_path / 'folder.jpg').mkdir()
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / 'float.tiff')
    Image.new('L', (40000, 1)).save(tmp_path / 'panorama.png')
    for name, reason in [
        ('truncated.jpg', 'truncated'), ('truncated.png', 'truncated'), ('text.jpg', 'no image of a format'),
        ('empty.jpg', r'empty \(0 bytes\)'), ('folder.jpg', 'is a folder'), ('missing.jpg', 'no such file'),
        ('float.tiff', 'floating-point'), ('panorama.png', '40000x1 px; no side may exceed 32766'),
    ]:
        with pytest.raises(UnreadableError, match=reason) as caught:
            read_image(tmp_path / name)
        assert name in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize(('image', 'message'), [
    (np.zeros((4, 4), np.uint8), r'shape \(4, 4\)'),
    (np.zeros((4, 4, 4), np.uint8), r'shape \(4, 4, 4\)'),
    (np.zeros((4, 4, 3), np.float32), 'float32'),
    (np.zeros((0, 4, 3), np.uint8), r'\(0, 4, 3\)'),
    (None, 'NoneType'),
    (np.zeros((1, 40000, 3), np.uint8), 'no side may exceed'),
])
def test_wrong_arrays(image, message):
    with pytest.raises(ValueError, match=message):
        check_image(image)


def test_bytes_are_read_like_files(rgb, tmp_path):
    rgb.save(tmp_path / 'photo.jpg')
    np.testing.assert_array_equal(read_image((tmp_path / 'photo.jpg').read_bytes()), read_image(tmp_path / 'photo.jpg'))
    with pytest.raises(UnreadableError, match=r'the image cannot be read: it is empty \(0 bytes\)'):
        read_image(b'')
    with pytest.raises(UnreadableError, match='the image cannot be read: it is no image of a format'):
        read_image(b'text')
    with pytest.raises(UnreadableError, match='got int; needed is the path of a file, or its bytes'):
        read_image(7)
