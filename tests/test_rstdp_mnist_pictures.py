"""R-STDP on MNIST: pictures as they come, turned, of 16 bits, huge, in folders; what is left out or changed is said."""
import struct
import warnings

import numpy as np
import pytest
from PIL import Image

from rstdp_mnist import classify, data
from rstdp_mnist import classify_images as images


@pytest.fixture
def digits():
    """Scikit-learn's first test digits, as MNIST's, (3, 28, 28) uint8."""
    return np.stack([images.as_mnist(np.pad(digit.astype(float), 6)) for digit in data.digits('test')[0][:3]])


def read_one(path, *remarks):
    """The image of one file; each of the texts stands in a Remark, and there is no other."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        (_, image, _), *more = images.read([path])
    assert not more and len(seen) == len(remarks) and all(text in str(w.message) for text, w in zip(remarks, seen, strict=True))
    return image


def test_photographs_are_turned_as_the_camera_says(tmp_path):
    picture = np.zeros((40, 30), np.uint8)
    picture[:10] = 200
    exif = Image.Exif()
    exif[0x0112] = 6                               # the camera was held sideways
    Image.fromarray(picture).save(tmp_path / 'a.png', exif=exif)
    np.testing.assert_array_equal(read_one(tmp_path / 'a.png'), np.rot90(picture, -1))


@pytest.mark.parametrize('most, kind', [(65535, np.uint16), (4095, np.uint16), (16, float), (16, np.uint8), (1, float),
                                        (1, bool), (1e308, float)])
def test_other_grey_values_are_scaled_and_said(tmp_path, digits, most, kind):
    """The digit of 0 .. 255 comes back; uint8 and floats in that range stay bit by bit, without a word."""
    digit = digits[0]
    np.save(tmp_path / 'a.npy', (digit > 100 if kind is bool else digit / 255 * most).astype(kind))
    found = read_one(tmp_path / 'a.npy', f'up to {most:g} are scaled to 255')
    np.testing.assert_allclose(found, 255 * (digit > 100) if kind is bool else digit, atol=16 if most == 16 else 0.1)
    assert classify.prepared('a', found).max() == 255
    for same in (digit, digit.astype(float)):
        np.save(tmp_path / 'b.npy', same)
        np.testing.assert_array_equal(classify.prepared('b', read_one(tmp_path / 'b.npy')), digit)


def test_pictures_of_16_bits_keep_their_range(tmp_path, digits):
    Image.fromarray(digits[0].astype(np.uint16) * 257).save(tmp_path / 'a.png')
    Image.fromarray(digits[0].astype(np.float32) / 255).save(tmp_path / 'b.tif')
    for name in ('a.png', 'b.tif'):
        np.testing.assert_allclose(read_one(tmp_path / name, 'are scaled to 255'), digits[0], atol=1e-4)


def test_pictures_of_many_pixels(tmp_path, monkeypatch):
    """PIL's remark about large pictures is not ours; beyond its limit one line."""
    Image.new('L', (100, 100)).save(tmp_path / 'a.png')
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 6000)
    assert read_one(tmp_path / 'a.png').shape == (100, 100)
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 4000)
    with pytest.raises(ValueError, match='a.png holds no images: more than 0 million pixels'):
        images.read([tmp_path / 'a.png'])


def test_what_is_left_out_is_named(tmp_path, digits):
    """Other files, folders inside, later frames; endings in capitals are read, idx files in folders too."""
    inner = tmp_path / 'folder' / 'inner'
    inner.mkdir(parents=True)
    np.save(inner / 'a.npy', digits[0])
    with pytest.raises(ValueError, match='no image in this folder .*; left out: inner/'):
        images.read([tmp_path / 'folder'])
    (inner / 'a.npy').rename(tmp_path / 'folder' / 'A.NPY')
    (tmp_path / 'folder' / 'notes.txt').write_text('nothing')
    np.testing.assert_array_equal(read_one(tmp_path / 'folder', 'left out: inner/, notes.txt'), digits[0])
    frames = [Image.fromarray(digit) for digit in digits]
    frames[0].save(tmp_path / 'a.tif', save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_one(tmp_path / 'a.tif', 'the first of 3 pictures is read'), digits[0])
    head = struct.pack('>HBB3I', 0, 8, 3, 2, 28, 28)
    (inner / 'x-images-idx3-ubyte').write_bytes(head + digits[:2].tobytes())
    (inner / 'x-labels-idx1-ubyte').write_bytes(struct.pack('>HBBI', 0, 8, 1, 2) + bytes([3, 4]))
    assert [label for _, _, label in images.read([inner])] == [3, 4]
