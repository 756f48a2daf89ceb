"""The measures, the same for every rule: alignment, noise, samples to a direction, samples to a criterion. Pure functions."""
import numpy as np

RIGHT_WAY = np.cos(np.pi / 4)           # within 45 degrees of the gradient


def cosine(a, b):
    """Cosine of two arrays of the same size; nan if one is zero."""
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.vdot(a, b) / length) if length > 0 else np.nan


def measured(updates, gradient):
    """What a rule's updates u_1 .. u_T, arrays like `gradient` (the direction that would improve its objective), are worth.

    cosine: of their mean with the gradient;  snr: |mean|^2 / trace(covariance) of one of them;  blocks (levels, 2): n, median
    cosine of the mean of n consecutive ones with the gradient, n = 1, 2, 4 .. T / 8;  samples: the n at which it is 45 degrees.
    """
    waiting, found, total, squares, count = {}, {}, 0.0, 0.0, 0
    for u in updates:
        total, squares, count = total + u, squares + np.vdot(u, u), count + 1
        n = 1                                      # pairs of blocks of n become one of 2 n, as in a binary counter
        while True:
            found.setdefault(n, []).append(cosine(u, gradient))
            if n not in waiting:
                waiting[n] = u
                break
            u, n = waiting.pop(n) + u, 2 * n
    mean = total / count
    noise = squares / count - np.vdot(mean, mean)
    blocks = np.array([(n, np.median(np.nan_to_num(values))) for n, values in found.items() if len(values) >= 8])
    return {'cosine': cosine(mean, gradient), 'snr': np.vdot(mean, mean) / max(noise, 1e-300), 'blocks': blocks,
            'samples': first_crossing(blocks[:, 0], blocks[:, 1], RIGHT_WAY)}


def first_crossing(x, y, level):
    """The x (all > 0) at which y first reaches `level`, between two points on a logarithmic axis; inf if it never does."""
    at = np.flatnonzero(np.asarray(y) >= level)
    if not len(at):
        return np.inf
    i = int(at[0])
    if i == 0:
        return float(x[0])
    share = (level - y[i - 1]) / (y[i] - y[i - 1])
    return float(x[i - 1] * (x[i] / x[i - 1]) ** share)


def finite_differences(value, weights, change=1e-5):
    """Gradient (D,) of value() over the arrays `weights`, which are moved a little in place and put back."""
    found = []
    for w in weights:
        for index in np.ndindex(w.shape):
            ends, middle = [], w[index]
            for sign in (1, -1):
                w[index] = middle + sign * change
                ends.append(value())
            w[index] = middle
            found.append((ends[0] - ends[1]) / (2 * change))
    return np.array(found)
