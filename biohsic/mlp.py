"""Multi-layer perceptron: layers, forward pass, evaluation. Its learning rules are in mlp_training.py.

z^l = LN(max(z^{l-1} W^l + b^l, 0)), logits = z^L W^{L+1} + b^{L+1}.
"""
import math
from typing import NamedTuple

import numpy as np

from biohsic.layers import activate, norm_scale
from common.kernel import kernel

BIOHSIC, HSIC, BP = range(3)
TASKS = {'biohsic': BIOHSIC, 'hsic': HSIC, 'bp': BP}
BLOCK = 64                              # samples evaluated together


class Rule(NamedTuple):
    """Constants of the task."""

    task: int
    modulator: int
    gamma: float
    sigma_x: float
    sigma_y: float
    sigma_z: float
    n_classes: int
    current_only: bool      # three-factor rule: the output layer learns from the current sample alone


class Work(NamedTuple):
    """Working memory of one network. Layers lie one behind the other, layer l begins at rows * net.units[l]."""

    a: np.ndarray           # (rows x units,) sums before the rectification, in the weights' type; also below
    z: np.ndarray           # (rows x units,) layer outputs, logits
    d: np.ndarray           # (rows x units,) errors delta
    scale: np.ndarray       # (layers, rows): 1 / sqrt(v + eps) of the layer normalisation
    g: np.ndarray           # (widest layer,) one row of a gradient
    xi: np.ndarray          # (widest layer,)
    rate: np.ndarray        # (3,)
    kx: np.ndarray          # (N, N), float64; also below
    ky: np.ndarray
    kz: np.ndarray
    A: np.ndarray
    means: np.ndarray       # (N,)
    c: np.ndarray           # (N,) coefficients of xi


@kernel
def workspace(net, rows, N, w):
    """Working memory for `rows` samples at once and windows of N."""
    units, widest = rows * net.units[-1], np.max(net.sizes)
    return Work(np.zeros(units, w.dtype), np.zeros(units, w.dtype), np.zeros(units, w.dtype),
                np.zeros((net.depth, rows), w.dtype), np.zeros(widest, w.dtype), np.zeros(widest, w.dtype),
                np.zeros(3, w.dtype), np.zeros((N, N)), np.zeros((N, N)), np.zeros((N, N)), np.zeros((N, N)),
                np.zeros(N), np.zeros(N))


@kernel
def layer(net, flat, l, rows):
    """Layer l of an array of Work as (rows, units)."""
    return flat[rows * net.units[l]:rows * net.units[l + 1]].reshape(rows, net.sizes[l + 1])


@kernel
def matrix(net, w, l):
    """W^l (in, out)."""
    return w[net.W[l]:net.b[l]].reshape(net.sizes[l], net.sizes[l + 1])


@kernel
def bias(net, w, l):
    """b^l (1, out)."""
    return w[net.b[l]:net.b[l] + net.sizes[l + 1]].reshape(1, net.sizes[l + 1])


@kernel
def input_of(net, s, l, x, first, rows):
    """(array, row) where the input of weight layer l begins: the samples, or the outputs of the layer below."""
    if l == 0:
        return x, first
    return layer(net, s.z, l - 1, rows), 0


# ---------------------------------------------------------------- forward

@kernel
def affine(W, b, x, first, a, lo, hi):
    """a_n = x_{first+n} W + b for rows lo <= n < hi; four rows of W at a time."""
    n_in, n_out = W.shape
    for n in range(lo, hi):
        for j in range(n_out):
            a[n, j] = b[0, j]
    whole = n_in - n_in % 4
    for i in range(0, whole, 4):
        for n in range(lo, hi):
            x0, x1, x2, x3 = x[first + n, i], x[first + n, i + 1], x[first + n, i + 2], x[first + n, i + 3]
            for j in range(n_out):
                a[n, j] += (x0 * W[i, j] + x1 * W[i + 1, j]) + (x2 * W[i + 2, j] + x3 * W[i + 3, j])
    for i in range(whole, n_in):
        for n in range(lo, hi):
            for j in range(n_out):
                a[n, j] += x[first + n, i] * W[i, j]


@kernel
def normalise(a, z, scale, lo, hi):
    """z = LN(h), h = max(a, 0): (h - mean) / sqrt(var + 1e-6) over the layer's units, var = max(0, mean h^2 - mean^2)."""
    D = a.shape[1]
    for n in range(lo, hi):
        total, square = 0.0, 0.0
        for j in range(D):
            z[n, j] = activate(a[n, j])
            total += z[n, j]
            square += z[n, j] * z[n, j]
        mean = total / D
        scale[n] = norm_scale(mean, square / D)
        shift = z.dtype.type(mean)
        for j in range(D):
            z[n, j] = (z[n, j] - shift) * scale[n]


@kernel
def forward(net, w, s, x, first, lo, hi, rows):
    """Outputs z^l and logits of the samples first + lo .. first + hi - 1 of x, into rows lo .. hi - 1 of s."""
    for l in range(net.depth):
        a, z = layer(net, s.a, l, rows), layer(net, s.z, l, rows)
        below, begin = input_of(net, s, l, x, first, rows)
        affine(matrix(net, w, l), bias(net, w, l), below, begin, a, lo, hi)
        if l < net.depth - 1:
            normalise(a, z, s.scale[l], lo, hi)
        else:
            z[lo:hi] = a[lo:hi]


@kernel
def cross_entropy(logits, labels, first, lo, hi, out):
    """Adds to out: [0] the sum of -log softmax at the label, [1] how many are right (largest logit), rows lo .. hi - 1."""
    for n in range(lo, hi):
        top, total, best = logits[n, 0], 0.0, 0
        for j in range(1, logits.shape[1]):
            if logits[n, j] > top:
                top, best = logits[n, j], j
        for j in range(logits.shape[1]):
            total += math.exp(logits[n, j] - top)
        out[0] += math.log(total) + top - logits[n, labels[first + n]]
        out[1] += best == labels[first + n]


# ---------------------------------------------------------------- evaluation

@kernel
def evaluate(net, x, labels, w, out):
    """out (samples, 2): cross-entropy of each sample, and 1 where the largest logit is the label's."""
    s = workspace(net, BLOCK, 1, w)
    logits = layer(net, s.z, net.depth - 1, BLOCK)
    for first in range(0, len(x), BLOCK):
        size = min(BLOCK, len(x) - first)
        forward(net, w, s, x, first, 0, size, BLOCK)
        for n in range(size):
            cross_entropy(logits, labels, first, n, n + 1, out[first + n])


@kernel
def passed(net, x, w):
    """Working memory after the forward pass of all samples x; layers of its arrays: see `layer`."""
    s = workspace(net, len(x), 1, w)
    forward(net, w, s, x, 0, 0, len(x), len(x))
    return s


def outputs(net, x, w):
    """Outputs of all layers, one behind the other: layer l is (samples, units), see `layer`."""
    return passed(net, x, w).z
