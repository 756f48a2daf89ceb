"""Optimisers and learning-rate schedules."""
import math
from typing import NamedTuple

import numpy as np

from common.kernel import kernel

ADAM, SGD = range(2)


class Optimiser(NamedTuple):
    """What a kernel needs to update weights. `constants`: b1, 1 - b1, b2, 1 - b2, eps, weight decay, in the weights' type."""

    kind: int
    b1: float
    b2: float
    constants: np.ndarray


def optimiser(p):
    """Optimiser of parameters p: 'adamw', 'adam' (no decay) or 'sgd' (no momentum)."""
    decay = p.weight_decay if p.optimizer == 'adamw' else 0.0
    constants = np.array([p.b1, 1 - p.b1, p.b2, 1 - p.b2, p.eps, decay], p.dtype)
    return Optimiser(SGD if p.optimizer == 'sgd' else ADAM, p.b1, p.b2, constants)


@kernel(inline=True)
def update_row(o, rate, update, w, m, v, i, g):
    """Row i of w (and its moments m, v) takes the gradient g: update number `update` (1, 2, ...) with learning rate `rate`.

    m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,  w <- w - rate (m^ / (sqrt(v^) + eps) + decay w)      AdamW
    with m^ = m / (1 - b1^k), v^ = v / (1 - b2^k); `rate` from set_rate, in the type of w. np.divide and not "/": Python's
    division may raise an error, which keeps a compiler from working on 16 weights at once (6 times slower).
    """
    if o.kind == SGD:
        for j in range(w.shape[1]):
            w[i, j] -= rate[0] * g[j]
        return
    b1, c1, b2, c2, eps, decay = (o.constants[0], o.constants[1], o.constants[2], o.constants[3], o.constants[4],
                                  o.constants[5])
    lr, first, second = rate[0], rate[1], rate[2]
    for j in range(w.shape[1]):
        mean = b1 * m[i, j] + c1 * g[j]
        square = b2 * v[i, j] + c2 * (g[j] * g[j])
        m[i, j], v[i, j] = mean, square
        w[i, j] -= lr * (np.divide(first * mean, np.sqrt(second * square) + eps) + decay * w[i, j])


@kernel(inline=True)
def set_rate(o, rates, k, update, rate):
    """rate = learning rate of this update, 1 / (1 - b1^k), 1 / (1 - b2^k)."""
    rate[0] = rates[k]
    rate[1] = 1.0 / (1.0 - o.b1 ** update)
    rate[2] = 1.0 / (1.0 - o.b2 ** update)


# ---------------------------------------------------------------- schedules

def learning_rates(p, first, n, updates_per_epoch):
    """Learning rates (n,) of updates number first, first + 1, ... (0-based: updates done so far)."""
    k = np.arange(first, first + n, dtype=float)
    if p.schedule == 'constant':
        return np.full(n, p.learning_rate)
    if p.schedule == 'expdecay':
        return exponential(k, p.init_value, p.decay_rate, p.transition_begin, p.transition_steps, p.staircase, p.end_value,
                           updates_per_epoch)
    if p.schedule == 'piecewiseconstant':
        return piecewise(k, p.init_value, p.boundaries_and_scales)
    return joined(k, p.schedules, p.boundaries)


def exponential(k, init, rate=0.5, begin=0, steps=1, staircase=False, end=None, updates_per_epoch=1):
    """init rate^((k - begin) / steps), constant before `begin`; staircase: steps in epochs, exponent floored."""
    steps = steps * updates_per_epoch if staircase else steps
    exponent = np.maximum(k - begin, 0.0) / steps
    values = init * rate ** (np.floor(exponent) if staircase else exponent)
    if end is not None:
        values = np.maximum(values, end) if rate < 1 else np.minimum(values, end)
    return values


def piecewise(k, init, boundaries_and_scales):
    """init times the factors of all boundaries (k, factor) passed."""
    return init * math.prod((np.where(k >= at, factor, 1.0) for at, factor in boundaries_and_scales), start=np.ones_like(k))


def joined(k, schedules, boundaries):
    """Schedules one after the other, number i + 1 from boundaries[i] on; each counts from 0.

    A schedule is ('constant', value), ('expdecay', init, rate, begin, steps) or ('piecewiseconstant', init,
    ((k, factor), ...)).
    """
    makers = {'constant': lambda k, value: np.full_like(k, value), 'expdecay': exponential, 'piecewiseconstant': piecewise}
    values = np.empty_like(k)
    starts = (0, *boundaries)
    for i, (name, *given) in enumerate(schedules):
        here = k >= starts[i] if i else np.ones(len(k), bool)
        values[here] = makers[name](k[here] - starts[i], *given)
    return values
