"""Digits (or clothes, or things) as grey images or spike latencies: MNIST, Fashion-MNIST, CIFAR-10 in grey, N-MNIST,
scikit-learn's small digits as a stand-in with its own name."""
from typing import NamedTuple

import numpy as np

from common import cifar10
from common.data import find_data, read_idx
from rstdp_mnist import encoding, nmnist

FILES = {'train': ('train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz'),
         'test': ('t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz')}
DIGITS = {'train': slice(0, 1500), 'test': slice(1500, 1797)}


class Digits(NamedTuple):
    """One part of a data set."""

    latency: np.ndarray                 # (n, channels, h, w) uint8, bin of each input spike, n_time_bins = never
    labels: np.ndarray                  # (n,) int64


def load(p, part, n, label=None):
    """The first n images of a part as latencies. -> Digits

    label: of a progress bar. Raises FileNotFoundError or ValueError in one line for missing or damaged data.
    """
    return encoded(p, part, *read(p, part, n), label)


def read(p, part, n):
    """The first n images of a part (n, h, w) uint8, or recordings, as `encoded` takes them, and their labels (n,) int64.

    Raises FileNotFoundError or ValueError in one line for missing, damaged or too few data.
    """
    if p.data == 'nmnist':
        images = nmnist.first(part, n, p.data_dir)
        labels = np.array([digit for _, digit, _, _ in images])
    else:
        images, labels = images_of(p, part)
        if len(labels) != len(images):
            raise ValueError(f'the {part} part of {p.data} has {len(images)} images but {len(labels)} labels')
        if n > len(images):
            raise ValueError(f'{n} images asked for, the {part} part of {p.data} has {len(images)}')
    check_labels(labels[:n], n, p.n_classes)
    return images[:n], labels[:n].astype(np.int64)


def encoded(p, part, images, labels, label=None):
    """What `read` gave of a part as latencies. -> Digits; raises ValueError with the part for a blank image."""
    if p.data == 'nmnist':
        return Digits(nmnist.encoded(images, p.n_time_bins, label), labels)
    try:
        return Digits(encoding.encode(images, p, label=label), labels)
    except ValueError as error:
        raise ValueError(f'the {part} part of {p.data}: {error} (dog_threshold = {p.dog_threshold})') from error


def images_of(p, part):
    """Grey images (n, h, h) uint8 of a part and their labels."""
    if p.data == 'digits':
        return digits(part)
    return grey_cifar10(p, part) if p.data == 'cifar10' else idx_images(p.data, part, p.data_dir)


def grey_cifar10(p, part):
    """CIFAR-10 as grey images (n, 32, 32) uint8: .299 red + .587 green + .114 blue (ITU-R BT.601), rounded."""
    *train, test = cifar10.paths(p.n_train, p.data_dir)
    colour, labels = zip(*(cifar10.read(path) for path in (train if part == 'train' else [test])), strict=True)
    return np.round(np.concatenate(colour) @ np.array((0.299, 0.587, 0.114))).astype(np.uint8), np.concatenate(labels)


def idx_images(name, part, data_dir=''):
    """(images (n, 28, 28) uint8, labels (n,)) of the 'train' or 'test' part of mnist or fashion_mnist, gzipped idx files."""
    images, labels = (read_idx(path) for path in idx_files(name, part, data_dir))
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f'{FILES[part][0]}: images of shape {images.shape[1:]}, 28 x 28 is needed')
    return images, labels


def digits(part):
    """Scikit-learn's 8 x 8 digits enlarged to 28 x 28, grey 0 .. 255: not MNIST. The first 1,500 train, the last 297 test."""
    from sklearn.datasets import load_digits
    found = load_digits()
    images = np.round(enlarge(found.images[DIGITS[part]]) * 255 / 16).astype(np.uint8)
    return images, found.target[DIGITS[part]]


def enlarge(images, size=28):
    """Bilinear enlargement, corners on corners. images (n, h, h) -> (n, size, size)"""
    h = images.shape[1]
    at = np.linspace(0, h - 1, size)
    weight = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(h)))     # (size, h), rows sum to 1
    return weight @ images @ weight.T


def check_labels(labels, n_images, n_classes):
    """Raise ValueError unless there is one label 0 .. n_classes - 1 an image."""
    if len(labels) != n_images:
        raise ValueError(f'{n_images} images but {len(labels)} labels')
    if n_images and not 0 <= labels.min() <= labels.max() < n_classes:
        raise ValueError(f'labels {labels.min()} .. {labels.max()}: 0 .. {n_classes - 1} is needed (n_classes = {n_classes})')


# ---------------------------------------------------------------- files

def idx_files(name, part, data_dir=''):
    """Paths of the images and labels of one part."""
    how = f'get it with: python data/fetch.py {name}'
    return [find_data(f'{name}/{file}', how=how, data_dir=data_dir) for file in FILES[part]]


def input_files(p):
    """Paths of the files that a run with parameters p reads. Raises FileNotFoundError for a missing one."""
    if p.data == 'nmnist':
        return nmnist.places(p.data_dir)
    if p.data == 'cifar10':
        return cifar10.paths(p.n_train, p.data_dir)
    return [] if p.data == 'digits' else [path for part in FILES for path in idx_files(p.data, part, p.data_dir)]
