"""The measures, the same for every rule: alignment, noise, samples to a direction, samples to a criterion. Pure functions."""
import numpy as np

RIGHT_WAY = np.cos(np.pi / 4)           # within 45 degrees of the gradient


def cosine(a, b):
    """Cosine of a (D,), or of each row of a (m, D), with b (D,); 0 where one of them is zero: no direction at all."""
    length = np.linalg.norm(a, axis=-1) * np.linalg.norm(b)
    return np.divide(a @ b, length, out=np.zeros(np.shape(length)), where=length > 0)


def measured(updates, gradient):
    """What a rule's updates, arrays (D,) or several in rows (m, D), are worth. gradient (D,): improves its objective.

    cosine: of their mean with the gradient;  snr: |mean|^2 / trace(covariance) of one of them;  blocks (levels, 2): n, median
    cosine of the mean of n consecutive ones with the gradient, n = 1, 2, 4 .. T / 8;  samples: the n at which it is 45 degrees.
    """
    waiting, found, total, squares, count = {}, {}, 0.0, 0.0, 0
    for rows in map(np.atleast_2d, updates):
        total, squares, count = total + rows.sum(axis=0), squares + (rows ** 2).sum(), count + len(rows)
        n = 1
        while len(rows):                           # two neighbours of n become one of 2 n; an odd one waits for its partner
            found.setdefault(n, []).extend(cosine(rows, gradient))
            rows = np.concatenate([waiting.pop(n, rows[:0]), rows])
            even = len(rows) // 2 * 2
            waiting[n], rows, n = rows[even:], rows[:even].reshape(-1, 2, rows.shape[1]).sum(axis=1), 2 * n
    mean = total / count
    noise = squares / count - mean @ mean
    blocks = np.array([(n, np.median(values)) for n, values in found.items() if len(values) >= 8])
    return {'cosine': cosine(mean, gradient), 'snr': mean @ mean / max(noise, 1e-300), 'blocks': blocks,
            'samples': first_crossing(*blocks.T, RIGHT_WAY)}


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
