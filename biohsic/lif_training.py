"""Leaky-integrator network: learning from windows, and evaluation. The network's step is in lif.py."""
import math

import numpy as np

from biohsic.hsic import NONE, centre, coefficients, fill_labels, fill_matrix, hsic, push, slide_matrix
from biohsic.layers import slope, through_norm
from biohsic.lif import network_step, softmax_error, workspace
from biohsic.optimise import set_rate, update_row
from common.kernel import kernel

# ---------------------------------------------------------------- learning

@kernel(inline=True)
def local_gradient(net, rule, s, u, l, N):
    """Hidden layer: xi at the current sample, through this layer only.

    delta = h'(u) LN^T(xi) dt / tau
    dW = z^{l-1} delta^T,  db = delta
    """
    D, now, out = net.sizes[l + 1], N - 1, net.sizes[0] + net.units[l]
    below = out - net.sizes[l]
    for j in range(D):
        s.xi[j] = 0.0
    for p in range(N - 1):
        distance = 0.0
        for j in range(D):
            distance += (s.z[out + j, now] - s.z[out + j, p]) ** 2
        factor = push(s.c[p], distance, rule.sigma_z, D)
        for j in range(D):
            s.xi[j] += factor * (s.z[out + j, now] - s.z[out + j, p])
    mean, along = 0.0, 0.0
    for j in range(D):
        mean += s.xi[j]
        along += s.xi[j] * s.z[out + j, now]
    mean, along = mean / D, along / D
    for j in range(D):
        back = through_norm(s.xi[j], mean, s.z[out + j, now], along, rule.leak * s.scale[l, now])
        delta = slope(u[net.units[l] + j, now]) * back
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
    """One time step with learning: network, gradients with the weights before it, one update. -> loss before it"""
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
def settled(net, rule, x, w, u, N, slots):
    """Working memory after T_s steps of a window x (N, D) from u, which changes in place."""
    s = workspace(net, N, slots)
    present(net, s, x, 0, N)
    for t in range(rule.steps):
        network_step(net, rule, s, w, u, slots, min(t, 1))
    return s


@kernel
def evaluate(net, rule, x, labels, N, w, u, out):
    """Test set in batches of N samples, each from the stored u (slot j: sample j). out (batches, 2 + 3 layers): `measure`."""
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
