"""Task-dependent representations: the records of a test session, trial after trial, and their grouping by angle."""
import numpy as np


def flat(x):
    """(trials, n, records) -> (n, trials * records)."""
    return np.asarray(x, float).transpose(1, 0, 2).reshape(np.shape(x)[1], -1)


def angles_of(theta):
    """Sorted distinct angles that occur."""
    return np.unique(theta)


def per_angle(function, theta, keep=None, least=1):
    """[function(mask of the records at this angle), ...]; keep (m,): records that may be used.

    ValueError names an angle with fewer than `least` records.
    """
    angles = angles_of(theta)
    masks = [(theta == angle) & (True if keep is None else keep) for angle in angles]
    for angle, mask in zip(angles, masks, strict=True):
        if mask.sum() < least:
            raise ValueError(f'angle {angle:.4f} has {mask.sum()} usable records, {least} are needed: take more test trials '
                             '(test_num) or a smaller rate_thinning')
    return [function(mask) for mask in masks]


def since_switch(theta, dt_record, time):
    """Mask of the records later than `time` after a switch of the held angle (D10). theta (trials, 1, records) -> (m,)"""
    keep = np.zeros(theta[:, 0].shape, bool)
    for trial, angles in enumerate(theta[:, 0]):
        age = 0
        for i in range(len(angles)):
            age = 0 if i == 0 or angles[i] != angles[i - 1] else age + 1
            keep[trial, i] = age * dt_record > time
    return keep.ravel()


def released_keep(m, thinning=1):
    """Records that the released analysis keeps: flat index mod 2000 > 40, left over from another hold time (D13). (m,)

    thinning: only every so many records are at hand.
    """
    return np.arange(m) * thinning % 2000 > 40
