"""Leaky-integrator network with the three-factor rule: rate units that are never reset.

Arrays have the slots of the window as last axis, padded to a multiple of LANES: then every inner loop has a fixed length, and
a sum over units is a sum of rows. Padded slots are computed and never used.
"""
import math
from typing import NamedTuple

import numpy as np

from biohsic.layers import activate, norm_scale
from common.kernel import kernel

LANES = 8


class Rule(NamedTuple):
    """Constants of the task."""

    modulator: int
    gamma: float
    sigma_x: float
    sigma_y: float
    sigma_z: float
    leak: float             # dt / tau
    steps: int              # T_s
    n_classes: int
    current_only: bool      # the output layer learns from the current sample alone
    reset: bool             # u = 0 at the start of every window


class Work(NamedTuple):
    """Working memory of one network."""

    z: np.ndarray           # (units, slots): inputs, outputs z^l, logits
    a: np.ndarray           # (units above the input, slots): a^l = z^{l-1} W^l + b^l
    mean: np.ndarray        # (slots,)
    scale: np.ndarray       # (layers, slots): 1 / sqrt(v + eps) of the layer normalisation
    xi: np.ndarray          # (widest layer,)
    error: np.ndarray       # (classes, slots): dCE/du of the output
    g: np.ndarray           # (1, weights)
    total: np.ndarray       # (units, slots): sums over the last half of an evaluation
    kx: np.ndarray          # (N, N)
    ky: np.ndarray
    kz: np.ndarray
    A: np.ndarray
    means: np.ndarray       # (N,)
    c: np.ndarray           # (N,): coefficients of xi
    rate: np.ndarray        # (3,)
    old_u: np.ndarray       # (units, slots)


def padded(N):
    """Slots for a window of N samples."""
    return -(-N // LANES) * LANES


@kernel
def workspace(net, N, slots):
    """Working memory for windows of N samples."""
    units, widest, C = net.sizes[0] + net.units[-1], np.max(net.sizes), net.sizes[-1]
    return Work(np.zeros((units, slots)), np.zeros((net.units[-1], slots)), np.zeros(slots), np.zeros((net.depth, slots)),
                np.zeros(widest), np.zeros((C, slots)), np.zeros((1, net.b[-1] + C)), np.zeros((units, slots)),
                np.zeros((N, N)), np.zeros((N, N)), np.zeros((N, N)), np.zeros((N, N)), np.zeros(N), np.zeros(N), np.zeros(3),
                np.zeros((net.units[-1], slots)))


# ---------------------------------------------------------------- one time step of the network

@kernel(inline=True)
def drive(net, s, w, l, slots):
    """a^l = z^{l-1} W^l + b^l of every slot. The eight sums of a block of slots stay in registers."""
    n_in, n_out = net.sizes[l], net.sizes[l + 1]
    below = net.sizes[0] + net.units[l] - n_in
    for j in range(n_out):
        row, b = net.units[l] + j, w[0, net.b[l] + j]
        for n in range(0, slots, LANES):
            a0, a1, a2, a3, a4, a5, a6, a7 = b, b, b, b, b, b, b, b
            for i in range(n_in):
                weight, k = w[0, net.W[l] + i * n_out + j], below + i
                a0, a1, a2, a3 = (a0 + weight * s.z[k, n], a1 + weight * s.z[k, n + 1], a2 + weight * s.z[k, n + 2],
                                  a3 + weight * s.z[k, n + 3])
                a4, a5, a6, a7 = (a4 + weight * s.z[k, n + 4], a5 + weight * s.z[k, n + 5], a6 + weight * s.z[k, n + 6],
                                  a7 + weight * s.z[k, n + 7])
            s.a[row, n], s.a[row, n + 1], s.a[row, n + 2], s.a[row, n + 3] = a0, a1, a2, a3
            s.a[row, n + 4], s.a[row, n + 5], s.a[row, n + 6], s.a[row, n + 7] = a4, a5, a6, a7


@kernel(inline=True)
def leak(net, s, u, l, factor, slots):
    """u^l <- u^l + (dt / tau) (a^l - u^l)."""
    for j in range(net.units[l], net.units[l + 1]):
        for n in range(0, slots, LANES):
            for k in range(LANES):
                u[j, n + k] += factor * (s.a[j, n + k] - u[j, n + k])


@kernel(inline=True)
def normalise(net, s, u, l, slots):
    """z^l = LN(h), h = max(u^l, 0): (h - mean) / sqrt(var + 1e-6) over the layer's units."""
    D, first, out = net.sizes[l + 1], net.units[l], net.sizes[0] + net.units[l]
    share = 1.0 / D
    for n in range(0, slots, LANES):
        for k in range(LANES):
            s.mean[n + k] = 0.0
            s.scale[l, n + k] = 0.0
        for j in range(D):
            for k in range(LANES):
                h = activate(u[first + j, n + k])
                s.z[out + j, n + k] = h
                s.mean[n + k] += h
                s.scale[l, n + k] += h * h
        for k in range(LANES):
            s.mean[n + k] *= share
            s.scale[l, n + k] = norm_scale(s.mean[n + k], s.scale[l, n + k] * share)
        for j in range(D):
            for k in range(LANES):
                s.z[out + j, n + k] = (s.z[out + j, n + k] - s.mean[n + k]) * s.scale[l, n + k]


@kernel(inline=True)
def network_step(net, rule, s, w, u, slots, from_layer):
    """All layers in order, each from the z of the same step; the logits are the last layer's u.

    a^l of the layers below `from_layer` (0, or 1 while input and weights stand still) is what it was.
    """
    for l in range(net.depth):
        if l >= from_layer:
            drive(net, s, w, l, slots)
        leak(net, s, u, l, rule.leak, slots)
        if l < net.depth - 1:
            normalise(net, s, u, l, slots)
    top = net.units[net.depth - 1]
    for j in range(net.sizes[net.depth]):
        for n in range(slots):
            s.z[net.sizes[0] + top + j, n] = u[top + j, n]


@kernel(inline=True)
def softmax_error(net, s, rule, labels, first, N):
    """Mean cross-entropy of the window; s.error = (softmax - y) / N, its derivative for the logits."""
    C, out, loss = net.sizes[net.depth], net.sizes[0] + net.units[net.depth - 1], 0.0
    for n in range(N):
        share = 1.0 / N
        if rule.current_only:
            share = 1.0 if n == N - 1 else 0.0
        top, total = s.z[out, n], 0.0
        for j in range(1, C):
            top = max(top, s.z[out + j, n])
        for j in range(C):
            s.error[j, n] = math.exp(s.z[out + j, n] - top)
            total += s.error[j, n]
        label = labels[first + n]
        loss += math.log(total) + top - s.z[out + label, n]
        for j in range(C):
            s.error[j, n] = (s.error[j, n] / total - (1.0 if j == label else 0.0)) * share
    return loss / N
