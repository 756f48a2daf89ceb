"""Digits as grey images or spike latencies: MNIST, scikit-learn's small digits as a stand-in with its own name, N-MNIST."""
import hashlib
from typing import NamedTuple

import numpy as np

from common.data import find_data, read_idx
from rstdp_mnist import encoding, nmnist

FETCH = 'get it with: python data/fetch.py mnist'
FILES = {'train': ('train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz'),
         'test': ('t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz')}
DIGITS = {'train': slice(0, 1500), 'test': slice(1500, 1797)}


class Digits(NamedTuple):
    """One part of a data set."""

    latency: np.ndarray                 # (n, channels, h, w) uint8, bin of each input spike, n_time_bins = never
    labels: np.ndarray                  # (n,) int64


def check_labels(labels, n_images, n_classes):
    """Raise ValueError unless there is one label 0 .. n_classes - 1 an image."""
    if len(labels) != n_images:
        raise ValueError(f'{n_images} images but {len(labels)} labels')
    if n_images and not 0 <= labels.min() <= labels.max() < n_classes:
        raise ValueError(f'labels {labels.min()} .. {labels.max()}: 0 .. {n_classes - 1} is needed')


def mnist(part, data_dir=''):
    """(images (n, 28, 28) uint8, labels (n,)) of MNIST's 'train' or 'test' part, from the gzipped idx files."""
    images, labels = (read_idx(find_data(f'mnist/{name}', how=FETCH, data_dir=data_dir)) for name in FILES[part])
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f'{FILES[part][0]}: images of shape {images.shape[1:]}, 28 x 28 is needed')
    return images, labels


def enlarge(images, size=28):
    """Bilinear enlargement, corners on corners. images (n, h, h) -> (n, size, size)"""
    h = images.shape[1]
    at = np.linspace(0, h - 1, size)
    weight = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(h)))     # (size, h), rows sum to 1
    return weight @ images @ weight.T


def digits(part):
    """Scikit-learn's 8 x 8 digits enlarged to 28 x 28, grey 0 .. 255: not MNIST. The first 1,500 train, the last 297 test."""
    from sklearn.datasets import load_digits
    found = load_digits()
    images = np.round(enlarge(found.images[DIGITS[part]]) * 255 / 16).astype(np.uint8)
    return images, found.target[DIGITS[part]]


def identity(p):
    """Text that differs if other files stand behind the same name: their path-free SHA-256 ('' where there are none yet)."""
    if p.data != 'mnist':
        return ''
    try:
        paths = [find_data(f'mnist/{name}', data_dir=p.data_dir) for names in FILES.values() for name in names]
    except FileNotFoundError:
        return ''
    return ''.join(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def load(p, part, n, label=None):
    """The first n images of a part as latencies. -> Digits

    label: of a progress bar. Raises FileNotFoundError or ValueError in one line for missing or damaged data.
    """
    if p.data == 'nmnist':
        latency, labels = nmnist.load(part, n, p.n_time_bins, p.data_dir, label)
    else:
        images, labels = mnist(part, p.data_dir) if p.data == 'mnist' else digits(part)
        if n > len(images):
            raise ValueError(f'{n} images asked for, the {part} part of {p.data} has {len(images)}')
        latency = encoding.encode(images[:n], p.n_time_bins, p.dog_threshold, p.norm_radius, on_empty=p.on_empty, label=label)
        labels = labels[:n]
    check_labels(labels, len(latency), p.n_classes)
    return Digits(latency, labels.astype(np.int64))
