"""Multi-layer perceptron: the three-factor rule, the HSIC objective and back-propagation.

All three end in "each layer has errors delta for some rows (samples) of its input; dW^l = sum of z^{l-1} delta^T over them":
the rules differ in delta and in the rows. With the three-factor rule a hidden layer has one row, the current sample. Gradient and
optimiser are one pass over the weights, row by row.
"""  # noqa: E501
import math

import numpy as np

from biohsic.hsic import NONE, centre, coefficients, fill_labels, fill_matrix, pull, push, slide_matrix, squared_distance
from biohsic.layers import slope, through_norm
from biohsic.mlp import BIOHSIC, BP, HSIC, bias, cross_entropy, forward, input_of, layer, matrix, workspace
from biohsic.optimise import set_rate, update_row
from common.kernel import kernel

# ---------------------------------------------------------------- errors of the layers

@kernel
def output_error(logits, labels, first, lo, hi, current_only, d):
    """delta = (softmax - y) / N, of the mean cross-entropy; current_only: the last row alone, not divided by N."""
    C = logits.shape[1]
    for n in range(lo, hi):
        top, total = logits[n, 0], 0.0
        for j in range(1, C):
            top = max(top, logits[n, j])
        for j in range(C):
            total += math.exp(logits[n, j] - top)
        share = 1.0 / (hi - lo)
        if current_only:
            share = 1.0 if n == hi - 1 else 0.0
        for j in range(C):
            d[n, j] = (math.exp(logits[n, j] - top) / total - (1.0 if j == labels[first + n] else 0.0)) * share


@kernel
def through_layer(a, z, scale, d, n):
    """d_n, an error of the output z_n, becomes that of a_n: h'(a) LN^T(d_n)."""
    mean, along, D = 0.0, 0.0, a.shape[1]
    for j in range(D):
        mean += d[n, j]
        along += d[n, j] * z[n, j]
    mean, along = mean / D, along / D
    for j in range(D):
        d[n, j] = slope(a[n, j]) * through_norm(d[n, j], mean, z[n, j], along, scale[n])


@kernel
def modulating_signal(z, now, N, c, sigma, xi):
    """xi = sum_p c_p (2 / S^2) K^z[now, p] (z_now - z_p) over the N - 1 rows before `now`."""
    D = z.shape[1]
    for j in range(D):
        xi[j] = 0.0
    for p in range(N - 1):
        q = now - (N - 1) + p
        factor = z.dtype.type(push(c[p], squared_distance(z, now, q), sigma, D))
        for j in range(D):
            xi[j] += factor * (z[now, j] - z[q, j])


@kernel
def objective_error(z, lo, hi, s, sigma, d):
    """d_p = sum_q G[p, q] (z_p - z_q), G of `hsic.pull`: the gradient of the HSIC objective for every sample; A in s.A."""
    D, N = z.shape[1], hi - lo
    fill_matrix(z, lo, N, sigma, s.kz)
    for p in range(N):
        for j in range(D):
            d[lo + p, j] = 0.0
        for q in range(N):
            factor = z.dtype.type(pull(s.A[p, q], s.kz[p, q], sigma, D, N))
            for j in range(D):
                d[lo + p, j] += factor * (z[lo + p, j] - z[lo + q, j])


@kernel
def through_weights(W, d, below, lo, hi):
    """below_n = W d_n: the error one layer down (back-propagation); four units at a time."""
    whole = W.shape[0] - W.shape[0] % 4
    for n in range(lo, hi):
        for i in range(0, whole, 4):
            t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0
            for j in range(W.shape[1]):
                t0 += W[i, j] * d[n, j]
                t1 += W[i + 1, j] * d[n, j]
                t2 += W[i + 2, j] * d[n, j]
                t3 += W[i + 3, j] * d[n, j]
            below[n, i], below[n, i + 1], below[n, i + 2], below[n, i + 3] = t0, t1, t2, t3
        for i in range(whole, W.shape[0]):
            below[n, i] = 0.0
            for j in range(W.shape[1]):
                below[n, i] += W[i, j] * d[n, j]


# ---------------------------------------------------------------- learning

@kernel
def update_layer(o, rate, update, W, mW, vW, b, mb, vb, x, first, d, lo, hi, g):
    """dW = sum_n x_{first+n} d_n^T, db = sum_n d_n over rows lo <= n < hi, and the optimiser's step, row by row of W."""
    n_in, n_out = W.shape
    for i in range(n_in + 1):
        for j in range(n_out):
            g[j] = 0.0
        for n in range(lo, hi):
            if i < n_in:
                value = x[first + n, i]
                for j in range(n_out):
                    g[j] += value * d[n, j]
            else:
                for j in range(n_out):
                    g[j] += d[n, j]
        if i < n_in:
            update_row(o, rate, update, W, mW, vW, i, g)
        else:
            update_row(o, rate, update, b, mb, vb, 0, g)


@kernel
def hidden_errors(net, rule, w, s, lo, hi, rows):
    """delta of all hidden layers; returns the first row that has one (three-factor rule: the current sample only)."""
    N = hi - lo
    if rule.task == BIOHSIC:
        for l in range(net.depth - 1):
            z, d = layer(net, s.z, l, rows), layer(net, s.d, l, rows)
            d[hi - 1] = 0.0
            if rule.modulator != NONE:
                modulating_signal(z, hi - 1, N, s.c, rule.sigma_z, s.xi)
                for j in range(z.shape[1]):
                    d[hi - 1, j] = s.xi[j]
                through_layer(layer(net, s.a, l, rows), z, s.scale[l], d, hi - 1)
        return hi - 1
    for l in range(net.depth - 2, -1, -1):
        z, d = layer(net, s.z, l, rows), layer(net, s.d, l, rows)
        if rule.task == BP:
            through_weights(matrix(net, w, l + 1), layer(net, s.d, l + 1, rows), d, lo, hi)
        else:
            objective_error(z, lo, hi, s, rule.sigma_z, d)
        for n in range(lo, hi):
            through_layer(layer(net, s.a, l, rows), z, s.scale[l], d, n)
    return lo


@kernel
def learning_step(net, rule, o, w, m, v, s, x, labels, first, lo, hi, rows, update):
    """One update of all layers from rows lo .. hi - 1 of s, which hold the forward pass of the samples first + row."""
    top = net.depth - 1
    output_error(layer(net, s.z, top, rows), labels, first, lo, hi, rule.current_only, layer(net, s.d, top, rows))
    lowest, begin = top, lo
    if rule.task != HSIC or hi - lo > 1:                     # HSIC of one sample is undefined: only the output learns
        lowest, begin = 0, hidden_errors(net, rule, w, s, lo, hi, rows)
    for l in range(lowest, net.depth):
        start, d = lo if l == top else begin, layer(net, s.d, l, rows)
        W, mW, vW = matrix(net, w, l), matrix(net, m, l), matrix(net, v, l)
        b, mb, vb = bias(net, w, l), bias(net, m, l), bias(net, v, l)
        below, row = input_of(net, s, l, x, first, rows)
        update_layer(o, s.rate, update, W, mW, vW, b, mb, vb, below, row, d, start, hi, s.g)


@kernel
def train_windows(net, rule, o, x, labels, windows, N, w, m, v, rates, updates, metrics, out):
    """Three-factor rule: `windows` windows of N samples that slide by one. w, m, v (weights,) change in place.

    x (windows + N - 1 or more, D); rates: learning rate of each update; updates: how many were done before; out (windows, 3):
    mean loss before the update; loss and accuracy of the same window after it (if `metrics`).
    Row r of the working memory is sample w - 1 + r of window w. The pass after the update of window w covers its own samples
    (for the metrics) and the next one: that is the forward pass of window w + 1, with the same weights. N + 1 rows, not 2 N.
    """
    rows, sums = N + 1, np.zeros(2)
    s = workspace(net, rows, N, w)
    logits = layer(net, s.z, net.depth - 1, rows)
    forward(net, w, s, x, -1, 1, rows, rows)
    for k in range(windows):
        if k == 0:
            fill_matrix(x, k, N, rule.sigma_x, s.kx)
        else:
            slide_matrix(x, k, N, rule.sigma_x, s.kx)
        fill_labels(labels, k, N, rule.n_classes, rule.sigma_y, s.ky)
        coefficients(rule.modulator, s.kx, s.ky, rule.gamma, N, s.means, s.c)
        sums[:] = 0.0
        cross_entropy(logits, labels, k - 1, 1, rows, sums)
        out[k, 0] = sums[0] / N
        set_rate(o, rates, k, updates + k + 1, s.rate)
        learning_step(net, rule, o, w, m, v, s, x, labels, k - 1, 1, rows, rows, updates + k + 1)
        forward(net, w, s, x, k, 0 if metrics else 1, min(rows, len(x) - k), rows)
        if metrics:
            sums[:] = 0.0
            cross_entropy(logits, labels, k, 0, N, sums)
            out[k, 1:] = sums / N


@kernel
def train_batches(net, rule, o, x, labels, N, w, m, v, rates, updates, metrics, out):
    """HSIC objective and back-propagation: disjoint batches of N samples, the last may be smaller. Else as train_windows."""
    sums, s = np.zeros(2), workspace(net, N, N, w)
    logits = layer(net, s.z, net.depth - 1, N)
    for k in range(len(out)):
        first, size = k * N, min(N, len(x) - k * N)
        forward(net, w, s, x, first, 0, size, N)
        if rule.task == HSIC and size > 1:
            fill_matrix(x, first, size, rule.sigma_x, s.kx)
            fill_labels(labels, first, size, rule.n_classes, rule.sigma_y, s.ky)
            for p in range(size):
                for q in range(size):
                    s.kx[p, q] -= rule.gamma * s.ky[p, q]
            centre(s.kx, size, s.means, s.A)
        sums[:] = 0.0
        cross_entropy(logits, labels, first, 0, size, sums)
        out[k, 0] = sums[0] / size
        set_rate(o, rates, k, updates + k + 1, s.rate)
        learning_step(net, rule, o, w, m, v, s, x, labels, first, 0, size, N, updates + k + 1)
        if metrics:
            sums[:] = 0.0
            forward(net, w, s, x, first, 0, size, N)
            cross_entropy(logits, labels, first, 0, size, sums)
            out[k, 1:] = sums / size
