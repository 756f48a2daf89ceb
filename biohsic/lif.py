"""Leaky-integrator network with the three-factor rule (specification 4.4, 5.2): rate units that are never reset.

Arrays have the slots of the window as last axis, padded to a multiple of LANES: then every inner loop has a fixed length, and
a sum over units is a sum of rows. Padded slots are computed and never used.
"""
import math
from typing import NamedTuple

import numpy as np

from biohsic.hsic import NONE, centre, coefficients, fill_labels, fill_matrix, hsic, slide_matrix
from biohsic.layers import EPSILON
from biohsic.optimise import set_rate, update_row
from common import kernel

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
                h = max(u[first + j, n + k], 0.0)
                s.z[out + j, n + k] = h
                s.mean[n + k] += h
                s.scale[l, n + k] += h * h
        for k in range(LANES):
            s.mean[n + k] *= share
            variance = max(0.0, s.scale[l, n + k] * share - s.mean[n + k] * s.mean[n + k])
            s.scale[l, n + k] = np.divide(1.0, np.sqrt(variance + EPSILON))
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


# ---------------------------------------------------------------- learning

@kernel(inline=True)
def local_gradient(net, rule, s, u, l, N):
    """Hidden layer: xi at the current sample, through this layer only.

    delta = 1[u > 0] LN^T(xi) dt / tau,  LN^T(g) = (g - mean(g) - z mean(g z)) / sqrt(v + eps);  dW = z^{l-1} delta^T, db = delta.
    """
    D, now, out = net.sizes[l + 1], N - 1, net.sizes[0] + net.units[l]
    below = out - net.sizes[l]
    for j in range(D):
        s.xi[j] = 0.0
    width = 1.0 / (2.0 * rule.sigma_z * rule.sigma_z * D)              # 1 / (2 S^2)
    for p in range(N - 1):
        distance = 0.0
        for j in range(D):
            distance += (s.z[out + j, now] - s.z[out + j, p]) ** 2
        push = s.c[p] * 4.0 * width * math.exp(-distance * width)      # c_p (2 / S^2) K^z[N-1, p]
        for j in range(D):
            s.xi[j] += push * (s.z[out + j, now] - s.z[out + j, p])
    mean, along = 0.0, 0.0
    for j in range(D):
        mean += s.xi[j]
        along += s.xi[j] * s.z[out + j, now]
    mean, along = mean / D, along / D
    for j in range(D):
        delta = 0.0
        if u[net.units[l] + j, now] > 0.0:
            delta = rule.leak * s.scale[l, now] * (s.xi[j] - mean - s.z[out + j, now] * along)
        s.g[0, net.b[l] + j] = delta
        for i in range(net.sizes[l]):
            s.g[0, net.W[l] + i * D + j] = s.z[below + i, now] * delta


@kernel(inline=True)
def output_gradient(net, rule, s, N):
    """Output layer: cross-entropy over all slots of the window, times dt / tau."""
    l = net.depth - 1
    C, below = net.sizes[l + 1], net.sizes[0] + net.units[l] - net.sizes[l]
    for j in range(C):
        total = 0.0
        for n in range(N):
            total += s.error[j, n]
        s.g[0, net.b[l] + j] = rule.leak * total
        for i in range(net.sizes[l]):
            total = 0.0
            for n in range(N):
                total += s.z[below + i, n] * s.error[j, n]
            s.g[0, net.W[l] + i * C + j] = rule.leak * total


@kernel(inline=True)
def learning_step(net, rule, o, s, w, m, v, u, labels, first, N, slots, rates, k, update):
    """One time step with learning (5.2): network, gradients with the weights before it, one update. -> loss before it"""
    network_step(net, rule, s, w, u, slots, 0)
    loss = softmax_error(net, s, rule, labels, first, N)
    for l in range(net.depth - 1):
        if rule.modulator == NONE:
            for i in range(net.W[l], net.W[l + 1]):
                s.g[0, i] = 0.0
        else:
            local_gradient(net, rule, s, u, l, N)
    output_gradient(net, rule, s, N)
    set_rate(o, rates, k, update, s.rate)
    update_row(o, s.rate, update, w, m, v, 0, s.g[0])
    return loss


@kernel(inline=True)
def present(net, s, x, first, N):
    """The window's inputs, samples first .. first + N - 1 of x, into the slots."""
    for i in range(net.sizes[0]):
        for n in range(N):
            s.z[i, n] = x[first + n, i]


@kernel(inline=True)
def silence(u):
    """u = 0."""
    for j in range(u.shape[0]):
        for n in range(u.shape[1]):
            u[j, n] = 0.0


# ---------------------------------------------------------------- evaluation

@kernel(inline=True)
def averages(net, rule, s, w, u, slots):
    """T_s steps from the stored u (not changed) with fixed weights; z <- mean over the last half of them."""
    kept = rule.steps - rule.steps // 2
    for j in range(u.shape[0]):
        for n in range(slots):
            s.old_u[j, n] = u[j, n]
            s.total[net.sizes[0] + j, n] = 0.0
    for t in range(rule.steps):
        network_step(net, rule, s, w, s.old_u, slots, min(t, 1))
        if t >= rule.steps // 2:
            for j in range(net.sizes[0], net.sizes[0] + u.shape[0]):
                for n in range(slots):
                    s.total[j, n] += s.z[j, n]
    for j in range(net.sizes[0], net.sizes[0] + u.shape[0]):
        for n in range(slots):
            s.z[j, n] = s.total[j, n] / kept


@kernel(inline=True)
def measure(net, rule, s, labels, first, N, out):
    """out[:2] += mean loss, accuracy of the averages; out[2 + 3 l:] += objective, HSIC(x, z), HSIC(y, z) of layer l."""
    out[0] += softmax_error(net, s, rule, labels, first, N)
    top, C, right = net.sizes[0] + net.units[net.depth - 1], net.sizes[net.depth], 0.0
    for n in range(N):
        best = 0
        for j in range(1, C):
            if s.z[top + j, n] > s.z[top + best, n]:
                best = j
        right += best == labels[first + n]
    out[1] += right / N
    if N < 2:
        return
    for l in range(net.depth):
        D, begin = net.sizes[l + 1], net.sizes[0] + net.units[l]
        for p in range(N):
            s.kz[p, p] = 1.0
            for q in range(p):
                distance = 0.0
                for j in range(D):
                    distance += (s.z[begin + j, p] - s.z[begin + j, q]) ** 2
                s.kz[p, q] = math.exp(-distance / (2.0 * rule.sigma_z * rule.sigma_z * D))
                s.kz[q, p] = s.kz[p, q]
        centre(s.kz, N, s.means, s.A)
        hx, hy = hsic(s.A, s.kx, N), hsic(s.A, s.ky, N)
        out[2 + 3 * l] += hx - rule.gamma * hy
        out[3 + 3 * l] += hx
        out[4 + 3 * l] += hy


# ---------------------------------------------------------------- one network over many windows

@kernel
def train(net, rule, o, x, labels, windows, N, w, m, v, u, rates, updates, learn, out):
    """`windows` training windows of N samples, shifted by one; each: T_s learning steps, then its metrics with the new weights.

    x (windows + N - 1, D), labels; w, m, v (1, weights) and u (units, slots) of one network, changed in place; rates: learning
    rate of each update of this call; updates: how many were done before; out (windows, 3 + 3 layers): loss while training,
    then see `measure`. learn=False: epoch 0, metrics of the untrained network, every window from u = 0.
    """
    slots = u.shape[1]
    s, k = workspace(net, N, slots), 0
    for first in range(windows):
        if first == 0:
            fill_matrix(x, first, N, rule.sigma_x, s.kx)
        else:
            slide_matrix(x, first, N, rule.sigma_x, s.kx)
        fill_labels(labels, first, N, rule.n_classes, rule.sigma_y, s.ky)
        coefficients(rule.modulator, s.kx, s.ky, rule.gamma, N, s.means, s.c)
        present(net, s, x, first, N)
        if rule.reset or not learn:
            silence(u)
        if learn:
            for _ in range(rule.steps):
                loss = learning_step(net, rule, o, s, w, m, v, u, labels, first, N, slots, rates, k, updates + k + 1)
                out[first, 0] += loss / rule.steps
                k += 1
        if rule.reset:
            silence(u)
        averages(net, rule, s, w, u, slots)
        measure(net, rule, s, labels, first, N, out[first, 1:])


@kernel
def evaluate(net, rule, x, labels, N, w, u, out):
    """Test set in batches of N samples, each from the stored u (slot j: sample j). out (batches, 2 + 3 layers), see `measure`."""
    slots = u.shape[1]
    s = workspace(net, N, slots)
    if rule.reset:
        u = np.zeros_like(u)
    for batch in range(len(out)):
        first = batch * N
        size = min(N, len(x) - first)
        fill_matrix(x, first, size, rule.sigma_x, s.kx)
        fill_labels(labels, first, size, rule.n_classes, rule.sigma_y, s.ky)
        present(net, s, x, first, size)
        averages(net, rule, s, w, u, slots)
        measure(net, rule, s, labels, first, size, out[batch])
