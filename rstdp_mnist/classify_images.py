"""Images from files, and how a picture of a digit becomes one like MNIST's: bright on dark, cropped, scaled, centred."""
import gzip
import os
import struct
import warnings
from pathlib import Path

import numpy as np

from common.data import UNREADABLE
from common.params import Remark

PICTURES = ('.png', '.jpg', '.jpeg', '.bmp', '.gif', '.tif', '.tiff', '.webp')
SIZE, BOX = 28, 20                      # MNIST: digits fill a box of 20 pixels, their centre of mass has the indices 14, 14
INK = 0.3                               # of the largest contrast: what belongs to the digit when it is cropped
DIM = 64                                # files whose largest grey value lies below it, or above 255, are stretched to 255


def read(words):
    """Images of files and folders, and labels where a file holds them. -> [(name, image (h, w) float, label or None), ...]

    Pictures (.png, .jpg, ...), .npy (h, w) or (n, h, w), .npz with `images` (and `labels`), idx files (gzipped or not; labels
    in the file called as MNIST calls them), folders of these. Raises FileNotFoundError or ValueError with the file's name;
    a Remark names what of a folder or file is left out, and which grey values are scaled.
    """
    found = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            there = sorted(p for p in path.iterdir() if not p.name.startswith('.') and 'labels-idx1' not in p.name)
            inside = [p for p in there if p.is_file() and (p.suffix.lower() in (*PICTURES, '.npy', '.npz')
                                                           or 'images-idx3' in p.name)]
            others = [named(p.name) + '/' * p.is_dir() for p in there if p not in inside]
            left = f'left out: {", ".join(others[:5])}' + (f' and {len(others) - 5} more' if len(others) > 5 else '')
            if not inside:
                raise ValueError(f'{named(path)}: no image in this folder ({", ".join(PICTURES)}, .npy, .npz, images-idx3)'
                                 + f'; {left}' * bool(others))
            if others:
                warnings.warn(Remark(f'{named(path)}: {left}'), stacklevel=2)
            found += read(inside)
        elif not path.exists():
            raise FileNotFoundError(f'{named(path)} does not exist')
        else:
            found += read_file(path)
    return found


def named(path):
    """A file's name as text: bytes that are none become a question mark."""
    return os.fsencode(path).decode(errors='replace')


def read_labels(path):
    """Labels of the idx file beside the images; ValueError that names it."""
    try:
        return read_bytes(path)
    except UNREADABLE as error:
        raise ValueError(f'{named(path)}, the labels beside the images, cannot be read: {error}') from error


def read_file(path):
    """What one file holds, as `read`."""
    labels, kind, name = None, path.suffix.lower(), named(path)
    try:
        if kind in PICTURES:
            images = grey_picture(path)[None]
        elif kind in ('.npy', '.npz'):
            loaded = np.load(path, allow_pickle=False)
            images = loaded['images'] if kind == '.npz' else loaded
            labels = loaded['labels'] if kind == '.npz' and 'labels' in loaded.files else None
        else:
            images = read_bytes(path)
    except (*UNREADABLE, MemoryError) as error:
        raise ValueError(f'{name} holds no images: {error}') from error
    other = path.with_name(path.name.replace('images-idx3', 'labels-idx1'))
    labels = read_labels(other) if other != path and other.exists() else labels
    images = images[None] if images.ndim == 2 else images
    what = f'{name}: {images.dtype} of shape {images.shape}'
    if images.ndim in (3, 4) and images.shape[-1] in (3, 4):
        raise ValueError(f'{what} looks like colours; grey values (h, w) or (n, h, w) are needed')
    if images.ndim != 3 or images.dtype.kind not in 'uifb':
        raise ValueError(f'{what}; finite grey values (h, w) or (n, h, w) are needed')
    if not images.size:
        raise ValueError(f'{what} is empty')
    if labels is not None and (np.shape(labels) != (len(images),) or labels.dtype.kind not in 'ui'):
        raise ValueError(f'{name}: {len(images)} images, but labels of shape {np.shape(labels)} and type {labels.dtype}')
    names = [name] if len(images) == 1 else [f'{name}[{i}]' for i in range(len(images))]
    return [(name, image, None if labels is None else int(labels[i]))
            for i, (name, image) in enumerate(zip(names, scaled(what, images), strict=True))]


def scaled(what, images):
    """Grey values (n, h, w) as float, 0 .. 255: as they are, or, with a Remark, stretched so that the largest of all is 255."""
    with np.errstate(over='ignore'):
        images = images.astype(float)
    if not np.isfinite(images).all():
        raise ValueError(f'{what}; finite grey values (h, w) or (n, h, w) are needed')
    most = np.abs(images).max()
    if most == 0 or DIM <= most <= 255:
        return images
    warnings.warn(Remark(f'{what}: grey values up to {most:g} are scaled to 255'), stacklevel=2)
    return images / most * 255


def grey_picture(path):
    """A picture file as grey values (h, w), upright as its camera says; transparent is white; of several frames the first.

    Pictures of more than 8 bits keep their own range. Raises ValueError for one of too many pixels.
    """
    from PIL import Image, ImageOps
    with warnings.catch_warnings(action='ignore', category=Image.DecompressionBombWarning):
        try:
            picture = Image.open(path)
        except Image.DecompressionBombError as error:
            raise ValueError(f'more than {2 * Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels') from error
    with picture:
        frames = getattr(picture, 'n_frames', 1)
        if frames > 1:
            warnings.warn(Remark(f'{named(path)}: the first of {frames} pictures is read'), stacklevel=2)
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith(('I', 'F')):
            return np.asarray(picture, float)
        picture = picture.convert('RGBA')
        white = Image.new('RGBA', picture.size, 'white')
        return np.asarray(Image.alpha_composite(white, picture).convert('L'), float)


def read_bytes(path):
    """An idx file of unsigned bytes, gzipped or not."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b'\x1f\x8b' else raw
    zero, kind, ndim = struct.unpack('>HBB', raw[:4])
    if (zero, kind) != (0, 8):
        raise ValueError('neither a picture, an .npy or .npz file nor an idx file of bytes')
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * ndim).reshape(struct.unpack(f'>{ndim}I', raw[4:4 + 4 * ndim]))


# ---------------------------------------------------------------- as MNIST

def as_mnist(image):
    """A grey picture (h, w) of one digit as MNIST has it: (28, 28) uint8, bright on black.

    The border tells the background (its median); the contrast to it is stretched to 0 .. 255; the digit is cropped, scaled so
    that it fills 20 pixels, and put with its centre of mass into the middle. Raises ValueError for a picture without contrast.
    """
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    ink = image - np.median(border)
    ink = np.maximum(ink if ink.max() >= -ink.min() else -ink, 0)
    if ink.max() <= 0:
        raise ValueError('a picture of one grey value shows no digit')
    noise = 3 * np.median(np.abs(border - np.median(border)))              # paper is not of one grey
    strong = np.median(ink[ink > INK * ink.max()])
    if strong <= noise:
        raise ValueError('no digit stands out of the background')
    ink = np.clip((ink - noise) / (strong - noise), 0, 1)
    rows, columns = (np.flatnonzero((ink > INK).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    scale = BOX / max(ink.shape)
    small = shrink(shrink(ink, max(1, round(scale * ink.shape[0]))).T, max(1, round(scale * ink.shape[1]))).T
    h, w = small.shape
    y, x = (round(SIZE / 2 - float((axis * small).sum() / small.sum())) for axis in np.mgrid[:h, :w])
    y, x = min(max(y, 0), SIZE - h), min(max(x, 0), SIZE - w)
    out = np.zeros((SIZE, SIZE))
    out[y:y + h, x:x + w] = small
    return np.round(255 * out / out.max()).astype(np.uint8)


def shrink(image, n):
    """Rows of an image resampled to n by the mean over each new row's area (linear interpolation when it grows)."""
    h = len(image)
    if n >= h:
        at = (np.arange(n) + 0.5) * h / n - 0.5
        weight = np.maximum(0, 1 - np.abs(at.clip(0, h - 1)[:, None] - np.arange(h)))
    else:
        edge = np.linspace(0, h, n + 1)
        weight = np.maximum(0, np.minimum(edge[1:, None], np.arange(1, h + 1)) - np.maximum(edge[:-1, None], np.arange(h)))
    return weight / weight.sum(axis=1, keepdims=True) @ image
