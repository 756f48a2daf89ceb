"""Samples with classes: yin-yang (Kriener, Goeltz & Petrovici 2022), three classes in the plane, and MNIST."""
from typing import NamedTuple

import numpy as np

from common.data import find_data, read_idx

R, DOT = 0.5, 0.1                       # radius of the disc and of the two dots
HIGH, LOW = 1.0, 0.1                    # target voltage of the right output cell and of the others
YIN, YANG, DOTS = range(3)
MNIST = [f'mnist/{part}-{kind}-ubyte.gz' for part in ('train', 't10k') for kind in ('images-idx3', 'labels-idx1')]


class Samples(NamedTuple):
    """Inputs (n, n_0) and classes (n,) for training, validation and test."""

    training: tuple
    validation: tuple
    test: tuple


def load(p):
    """The samples of run p: its own for each seed, the same whatever the rule."""
    rng = np.random.default_rng(p.seed)
    if p.data == 'yin_yang':
        return Samples(yin_yang(rng, p.dataset_size), yin_yang(rng, p.test_size), yin_yang(rng, p.test_size))
    return mnist(rng, p.dataset_size, p.test_size, p.data_dir)


def mnist_files(data_dir=''):
    """Paths of the four files; FileNotFoundError says how to get them."""
    return [find_data(name, how='get it with: python data/fetch.py mnist', data_dir=data_dir) for name in MNIST]


def mnist(rng, n, n_validation, data_dir=''):
    """n random training images, n_validation others of the 60,000, all 10,000 test images; rates are grey values in 0..1."""
    images, labels, test_images, test_labels = (read_idx(path) for path in mnist_files(data_dir))
    for x, y in ((images, labels), (test_images, test_labels)):
        if x.shape[1:] != (28, 28) or len(x) != len(y):
            raise ValueError(f'MNIST: images of shape {x.shape} and {len(y)} labels do not belong together')
    if n + n_validation > len(images):
        raise ValueError(f'dataset_size + test_size = {n + n_validation}: MNIST has {len(images)} training images')
    order = rng.permutation(len(images))
    sets = [(images[i], labels[i]) for i in (order[:n], order[n:n + n_validation])] + [(test_images, test_labels)]
    return Samples(*((x.reshape(len(x), -1) / 255, y.astype(int)) for x, y in sets))


def yin_yang_class(x, y):
    """Class of points in the disc of radius R round (R, R): yin, yang (its image under half a turn), dots.

    Yin is the upper half without the half-disc on the right, plus the half-disc on the left.
    """
    right, left = np.hypot(x - 1.5 * R, y - R), np.hypot(x - 0.5 * R, y - R)
    yin = (left <= 0.5 * R) | ((y > R) & (right > 0.5 * R))
    return np.where(np.minimum(left, right) < DOT, DOTS, np.where(yin, YIN, YANG))


def yin_yang(rng, n):
    """(inputs (n, 4): x, y, 1 - x, 1 - y; classes (n,)); each class is drawn with the same probability."""
    wanted, points = rng.integers(0, 3, n), np.empty((n, 2))
    missing = np.arange(n)
    while len(missing):
        x, y = rng.uniform(0, 2 * R, (2, len(missing)))
        hit = (np.hypot(x - R, y - R) <= R) & (yin_yang_class(x, y) == wanted[missing])
        points[missing[hit]] = np.stack([x[hit], y[hit]], axis=1)
        missing = missing[~hit]
    return np.concatenate([points, 1 - points], axis=1), wanted


def targets(classes, n_out):
    """Target voltages (n, n_out) of classes."""
    return np.where(np.arange(n_out) == classes[:, None], HIGH, LOW)
