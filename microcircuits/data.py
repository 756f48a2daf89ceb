"""Samples: uniform random rates, or the yin-yang task (Kriener, Goeltz & Petrovici 2022), three classes in the plane."""
import numpy as np

R, DOT = 0.5, 0.1                       # radius of the disc and of the two dots
HIGH, LOW = 1.0, 0.1                    # target voltage of the right output cell and of the others
YIN, YANG, DOTS = range(3)


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
