"""HSIC between the samples of a window, and the modulating signal xi.

A window holds N samples, the last one is the current one. With K = exp(-|a_p - a_q|^2 / (2 sigma^2 D)), every variant of xi is

    xi = sum_p c_p (2 / S^2) K^z[N-1, p] (z_{N-1} - z_p),    S = sigma_z sqrt(d(z)),

a push from (c_p < 0: descent) or a pull towards each remembered z_p. Input and labels enter through the N numbers c_p alone,
which all layers of a network share: that is the global third factor. `coefficients` has the five variants of c_p.
"""
import math

import numpy as np

from common.kernel import kernel

RELEASED, PUBLISHED, EXACT, ARXIV, NONE = range(5)
MODULATORS = {'released': RELEASED, 'published': PUBLISHED, 'exact': EXACT, 'arxiv': ARXIV, 'none': NONE}


@kernel(inline=True)
def squared_distance(X, p, q):
    """|X_p - X_q|^2 for two rows, in four partial sums."""
    a, b, c, d, D = 0.0, 0.0, 0.0, 0.0, X.shape[1]
    whole = D - D % 4
    for i in range(0, whole, 4):
        a += (X[p, i] - X[q, i]) ** 2
        b += (X[p, i + 1] - X[q, i + 1]) ** 2
        c += (X[p, i + 2] - X[q, i + 2]) ** 2
        d += (X[p, i + 3] - X[q, i + 3]) ** 2
    for i in range(whole, D):
        a += (X[p, i] - X[q, i]) ** 2
    return (a + b) + (c + d)


@kernel(inline=True)
def similarity(X, p, q, sigma):
    """k(X_p, X_q) = exp(-|X_p - X_q|^2 / (2 s^2)), s = sigma sqrt(D)."""
    return math.exp(-squared_distance(X, p, q) / (2.0 * sigma * sigma * X.shape[1]))


@kernel(inline=True)
def fill_matrix(X, first, N, sigma, K):
    """K[p, q] = k(X_{first+p}, X_{first+q}) for the N samples from row `first` on."""
    for p in range(N):
        K[p, p] = 1.0
        for q in range(p):
            K[p, q] = similarity(X, first + p, first + q, sigma)
            K[q, p] = K[p, q]


@kernel(inline=True)
def slide_matrix(X, first, N, sigma, K):
    """The matrix of the window that begins at row `first`, from that of the window one sample earlier: one new row."""
    for p in range(N - 1):
        for q in range(N - 1):
            K[p, q] = K[p + 1, q + 1]
    for p in range(N - 1):
        K[N - 1, p] = similarity(X, first + N - 1, first + p, sigma)
        K[p, N - 1] = K[N - 1, p]


@kernel(inline=True)
def fill_labels(labels, first, N, n_classes, sigma, K):
    """The same for one-hot labels, where |y_p - y_q|^2 is 0 or 2: k = 1 or exp(-1 / (sigma^2 C))."""
    other = math.exp(-1.0 / (sigma * sigma * n_classes))
    for p in range(N):
        for q in range(N):
            K[p, q] = 1.0 if labels[first + p] == labels[first + q] else other


@kernel(inline=True)
def centre(K, N, means, A):
    """A = H K H with H = 1 - 1 1^T / N; `means` takes the N row means."""
    total = 0.0
    for p in range(N):
        means[p] = 0.0
        for q in range(N):
            means[p] += K[p, q]
        means[p] /= N
        total += means[p] / N
    for p in range(N):
        for q in range(N):
            A[p, q] = K[p, q] - means[p] - means[q] + total


@kernel(inline=True)
def hsic(A, K, N):
    """HSIC(a, b) = tr(K^a H K^b H) / (N-1)^2 from A = H K^a H and K = K^b (biased estimator)."""
    total = 0.0
    for p in range(N):
        for q in range(N):
            total += A[p, q] * K[p, q]
    return total / ((N - 1) * (N - 1))


@kernel(inline=True)
def coefficients(modulator, kx, ky, gamma, N, means, c):
    """c_p of xi, p < N, for the window with kernel matrices K^x and K^y; `means` is working memory of N numbers.

    k~[p, p] = (1 - mean_n K^x[p, n]) - gamma (1 - mean_n K^y[p, n])
    released   c_p = (k~[p, p] + k~[N-1, N-1]) / (N (N-1)^2)        the rule since October 2024
    published  c_p =  k~[N-1, N-1] / (N (N-1)^2)                    the rule of the published figures
    exact      c_p = -(H (K^x - gamma K^y) H)[N-1, p] / (N-1)^2     gradient of the objective for the current sample
    arxiv      c_p = -(K[N-1, p] - mean_q K[N-1, q]) / (N-1)^2, K = K^x - gamma K^y     the preprint of 2021
    none       c_p = 0                                              control: hidden layers stay as they are
    """
    last, total = N - 1, 0.0
    for p in range(N):                                       # row means of K = K^x - gamma K^y
        means[p] = 0.0
        for q in range(N):
            means[p] += kx[p, q] - gamma * ky[p, q]
        means[p] /= N
        total += means[p] / N
    norm, own = N * (N - 1.0) * (N - 1.0), 1.0 - gamma       # K[p, p] = 1 - gamma, so k~[p, p] = own - means[p]
    for p in range(N):
        k = kx[last, p] - gamma * ky[last, p]
        if modulator == RELEASED:
            c[p] = ((own - means[p]) + (own - means[last])) / norm
        elif modulator == PUBLISHED:
            c[p] = (own - means[last]) / norm
        elif modulator == EXACT:
            c[p] = -(k - means[last] - means[p] + total) * N / norm
        elif modulator == ARXIV:
            c[p] = -(k - means[last]) * N / norm
        else:
            c[p] = 0.0


@kernel(inline=True)
def push(c, distance, sigma, D):
    """c_p (2 / S^2) K^z[N-1, p]: the factor of z_{N-1} - z_p in xi; distance = |z_{N-1} - z_p|^2, S = sigma sqrt(D)."""
    width = np.divide(1.0, 2.0 * sigma * sigma * D)                     # 1 / (2 S^2)
    return c * 4.0 * width * math.exp(-distance * width)


@kernel(inline=True)
def pull(A, kz, sigma, D, N):
    """G[p, q] = -(2 / (S^2 (N-1)^2)) A[p, q] K^z[p, q]: the factor of z_p - z_q in the objective's gradient for z_p.

    A = H (K^x - gamma K^y) H. xi of `exact` is the gradient for the last sample.
    """
    return np.divide(-2.0, sigma * sigma * D * (N - 1) * (N - 1)) * A * kz


# ---------------------------------------------------------------- for windows in the hand: checks, reservoir, CNN

@kernel
def kernel_matrix(X, sigma):
    """K (N, N) of the rows of X (N, D)."""
    K = np.empty((len(X), len(X)))
    fill_matrix(X, 0, len(X), sigma, K)
    return K


@kernel
def objective(kx, ky, kz, gamma):
    """(HSIC(x, z) - gamma HSIC(y, z), HSIC(x, z), HSIC(y, z)) from three kernel matrices (N, N)."""
    N = len(kx)
    means, A = np.empty(N), np.empty((N, N))
    centre(kz, N, means, A)
    x, y = hsic(A, kx, N), hsic(A, ky, N)
    return x - gamma * y, x, y


def unbiased(Ka, Kb):
    """HSIC of two kernel matrices (N, N), N >= 4, without the bias of few samples; linear in each of them.

    Mean of K^a_ij (K^b_ij + K^b_qr - 2 K^b_iq) over all choices of different i, j, q, r (Song and others 2012, Journal of
    Machine Learning Research 13). The usual estimator is above 0 for independent samples, by an amount of order 1 / N.
    """
    N, A, B = len(Ka), Ka - np.diag(np.diag(Ka)), Kb - np.diag(np.diag(Kb))
    total = np.sum(A * B) + A.sum() * B.sum() / ((N - 1) * (N - 2)) - 2 * A.sum(axis=0) @ B.sum(axis=0) / (N - 2)
    return total / (N * (N - 3))


@kernel
def third_factor(modulator, kx, ky, gamma):
    """c (N,) of a window."""
    c = np.empty(len(kx))
    coefficients(modulator, kx, ky, gamma, len(kx), np.empty(len(kx)), c)
    return c


@kernel
def pushes(c, z, sigma):
    """The factors `push` of z_{N-1} - z_p in xi, from outputs z (N, D) of one layer."""
    N, out = len(z), np.zeros(len(z))
    for p in range(N - 1):
        out[p] = push(c[p], squared_distance(z, N - 1, p), sigma, z.shape[1])
    return out


def modulating_signal(modulator, x, y, z, gamma, sigma_x, sigma_y, sigma_z):
    """xi (D,) of a window: x (N, Dx), one-hot y (N, C), z (N, D), any of them with more axes; modulator: name."""
    x, y, z = (np.ascontiguousarray(a, float).reshape(len(a), -1) for a in (x, y, z))
    c = third_factor(MODULATORS[modulator], kernel_matrix(x, sigma_x), kernel_matrix(y, sigma_y), float(gamma))
    return pushes(c, z, sigma_z) @ (z[-1] - z)
