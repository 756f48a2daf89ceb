"""HSIC-bottleneck Hebbian learning (Daruwalla, Lipasti 2024) in plain numpy, to be read from top to bottom and changed.

    python biohsic/equations.py                             XOR, with the third factor and without it

The equations are numbered here, (1) to (19): the paper's own numbers could not be consulted. A window holds the N samples in
memory, the last one is the current one. Arrays have the samples first and the units (or channels) last. The compiled kernels
of this folder compute the same, faster; a test holds them to these lines.
"""
from typing import NamedTuple

import numpy as np


class Rule(NamedTuple):
    """Constants of the learning rule."""

    gamma: float = 2.0              # weight of the label term
    sigma_x: float = 0.5            # kernel widths, in units of sqrt(numbers in a sample)
    sigma_y: float = 0.1
    sigma_z: float = 1.0
    modulator: str = 'released'     # variant of the third factor, see (5)


# ---------------------------------------------------------------- dependence between the samples of a window

def kernel_matrix(a, sigma):
    """K (N, N) of N samples a (N, ...) of D numbers each."""
    flat = a.reshape(len(a), -1)
    distance = ((flat[:, None] - flat[None]) ** 2).sum(axis=2)
    return np.exp(-distance / (2 * sigma ** 2 * flat.shape[1]))         # K_pq = exp(-|a_p - a_q|^2 / (2 sigma^2 D))    (1)


def centred(K):
    """H K H with H = 1 - 1 1^T / N: rows and columns of mean 0."""
    return K - K.mean(axis=0) - K.mean(axis=1)[:, None] + K.mean()


def hsic(Ka, Kb):
    """Hilbert-Schmidt independence criterion from two kernel matrices (N, N). Biased: above 0 for independent samples."""
    return np.sum(centred(Ka) * Kb) / (len(Ka) - 1) ** 2                # tr(K^a H K^b H) / (N - 1)^2                   (2)


def hsic_unbiased(Ka, Kb):
    """The same without bias, N >= 4 (Song, Smola, Gretton, Bedo, Borgwardt 2012, Journal of Machine Learning Research 13)."""
    N, A, B = len(Ka), Ka - np.diag(np.diag(Ka)), Kb - np.diag(np.diag(Kb))
    product = np.sum(A * B) + A.sum() * B.sum() / ((N - 1) * (N - 2)) - 2 * A.sum(axis=0) @ B.sum(axis=0) / (N - 2)
    return product / (N * (N - 3))


def objective(Kx, Ky, Kz, gamma):
    """What a layer with outputs z lowers: compress the input x, keep the label y."""
    return hsic(Kx, Kz) - gamma * hsic(Ky, Kz)                          # L = HSIC(x, z) - gamma HSIC(y, z)             (3)


def objective_gradient(Kx, Ky, z, gamma, sigma):
    """dL/dz (N, ...) for all samples of the window. dL/dz_p = sum_q G_pq (z_p - z_q)                                   (4)"""
    N, S2 = len(z), sigma ** 2 * z[0].size
    G = -2 / (S2 * (N - 1) ** 2) * centred(Kx - gamma * Ky) * kernel_matrix(z, sigma)
    flat = z.reshape(N, -1)
    return np.einsum('pq,pqd->pd', G, flat[:, None] - flat).reshape(z.shape)


# ---------------------------------------------------------------- the third factor

def third_factor(Kx, Ky, rule):
    """c (N,): one number for each remembered sample, from inputs and labels only, the same for all layers             (5)"""
    K = Kx - rule.gamma * Ky
    N, own = len(K), np.diag(K) - K.mean(axis=1)
    if rule.modulator == 'released':        # the authors' program since October 2024
        return (own + own[-1]) / (N * (N - 1) ** 2)
    if rule.modulator == 'published':       # ... when the published figures were made
        return np.full(N, own[-1]) / (N * (N - 1) ** 2)
    if rule.modulator == 'exact':           # xi = dL/dz of the current sample, the last row of (4)
        return -centred(K)[-1] / (N - 1) ** 2
    if rule.modulator == 'arxiv':           # preprint of 2021
        return -(K[-1] - K[-1].mean()) / (N - 1) ** 2
    if rule.modulator == 'none':            # the control: hidden layers learn nothing
        return np.zeros(N)
    raise ValueError(f'modulator {rule.modulator!r}: released, published, exact, arxiv or none')


def modulating_signal(c, z, sigma):
    """xi, shaped like one sample of z (N, ...): the current sample is pushed from (c_p < 0) or pulled to each other."""
    S2 = sigma ** 2 * z[0].size
    push = c * 2 / S2 * kernel_matrix(z, sigma)[-1]
    return np.tensordot(push, z[-1] - z, axes=1)                        # xi = sum_p c_p 2/S^2 K^z_{N-1,p} (z_{N-1} - z_p)  (6)


# ---------------------------------------------------------------- layers

class Layer(NamedTuple):
    """What a hidden layer has computed; images have the axes height and width after the first."""

    inputs: np.ndarray      # (N, ..., in)
    a: np.ndarray           # (N, ..., out) sum of the inputs, or membrane state u
    z: np.ndarray           # (N, ..., out) output
    scale: np.ndarray       # (N, ..., 1) of the layer normalisation


def nonlinearity(a):
    """h(a) = max(a, 0)                                                                                                 (7)"""
    return np.maximum(a, 0)


def slope(a):
    """h'(a)."""
    return (a > 0) * 1.0


def layer_norm(h):
    """(z, scale) over the units: z = (h - mean) scale, scale = 1 / sqrt(variance + 1e-6)                               (8)"""
    mean = h.mean(axis=-1, keepdims=True)
    scale = 1 / np.sqrt(np.maximum(0, (h ** 2).mean(axis=-1, keepdims=True) - mean ** 2) + 1e-6)
    return (h - mean) * scale, scale


def through_layer(error, a, z, scale):
    """delta = h'(a) LN^T(error): an error of the output z as one of the sum a                                          (9)"""
    along = (error * z).mean(axis=-1, keepdims=True)
    return slope(a) * scale * (error - error.mean(axis=-1, keepdims=True) - z * along)


def weight_gradient(inputs, delta):
    """(dW (in, out), db (out,)): input times delta, summed over samples and pixels                                    (10)"""
    rows, delta = inputs.reshape(-1, inputs.shape[-1]), delta.reshape(-1, delta.shape[-1])
    return rows.T @ delta, delta.sum(axis=0)


def patches(x):
    """The 3 x 3 neighbourhood of each pixel: images (N, H, W, C) -> (N, H, W, 9 C). A convolution is a dense layer of it."""
    H, W = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return np.concatenate([padded[:, i:i + H, j:j + W] for i in range(3) for j in range(3)], axis=3)


def pool(z, k):
    """Mean over k x k pixels, incomplete ones dropped: (N, H, W, C) -> (N, H // k, W // k, C)."""
    N, H, W, C = z.shape
    return z[:, :H // k * k, :W // k * k].reshape(N, H // k, k, W // k, k, C).mean(axis=(2, 4))


def forward(weights, x, pooling=2):
    """([Layer, ...], inputs of the read-out, logits) for vectors x (N, in) or images (N, H, W, C). weights: [(W, b), ...]"""
    hidden = []
    for W, b in weights[:-1]:
        inputs = patches(x) if x.ndim == 4 else x
        a = inputs @ W + b                                              # a = z^{l-1} W + b                            (11)
        z, scale = layer_norm(nonlinearity(a))
        hidden.append(Layer(inputs, a, z, scale))
        x = pool(z, pooling) if x.ndim == 4 else z
    flat = x.reshape(len(x), -1)
    return hidden, flat, flat @ weights[-1][0] + weights[-1][1]


def lif_step(weights, u, x, leak):
    """The same for leaky integrators, one time step; u: [(N, units), ...] changes in place. leak = dt / tau"""
    hidden, z = [], x
    for (W, b), state in zip(weights, u, strict=True):
        inputs = z
        state += leak * (inputs @ W + b - state)                        # u <- u + dt/tau (z^{l-1} W + b - u)          (12)
        z, scale = layer_norm(nonlinearity(state))
        hidden.append(Layer(inputs, state, z, scale))
    return hidden[:-1], hidden[-1].inputs, u[-1]


# ---------------------------------------------------------------- learning rules: gradients [(dW, db), ...] of one window

def cross_entropy(logits, y):
    """(mean over the samples, its derivative (softmax - y) / N) for one-hot labels y (N, C)                           (13)"""
    softmax = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax /= softmax.sum(axis=1, keepdims=True)
    return -np.log(softmax[y == 1]).mean(), (softmax - y) / len(y)


def three_factor_rule(network, x, y, rule):
    """(loss, gradients). Hidden layers: input x slope of the current sample (local) x xi (global); read-out: cross-entropy."""
    hidden, flat, logits = network
    c = third_factor(kernel_matrix(x, rule.sigma_x), kernel_matrix(y, rule.sigma_y), rule)
    gradients, (loss, error) = [], cross_entropy(logits, y)
    for inputs, a, z, scale in hidden:
        xi = modulating_signal(c, z, rule.sigma_z)
        delta = through_layer(xi, a[-1], z[-1], scale[-1])
        gradients.append(weight_gradient(inputs[-1], delta))            # dW = z^{l-1} delta^T, current sample only    (14)
    return loss, [*gradients, weight_gradient(flat, error)]


def hsic_rule(network, x, y, rule):
    """(loss, gradients). Each hidden layer descends (3) with all samples of the batch: not local in time              (15)"""
    hidden, flat, logits = network
    Kx, Ky = kernel_matrix(x, rule.sigma_x), kernel_matrix(y, rule.sigma_y)
    gradients, (loss, error) = [], cross_entropy(logits, y)
    for inputs, a, z, scale in hidden:
        delta = through_layer(objective_gradient(Kx, Ky, z, rule.gamma, rule.sigma_z), a, z, scale)
        gradients.append(weight_gradient(inputs, delta))
    return loss, [*gradients, weight_gradient(flat, error)]


def back_propagation(network, weights, y):
    """(loss, gradients) of vectors: the rival, not local in space                                                     (16)"""
    hidden, flat, logits = network
    loss, delta = cross_entropy(logits, y)
    gradients = [weight_gradient(flat, delta)]
    for (inputs, a, z, scale), (W, _) in zip(hidden[::-1], weights[:0:-1], strict=True):
        delta = through_layer(delta @ W.T, a, z, scale)
        gradients.insert(0, weight_gradient(inputs, delta))
    return loss, gradients


class AdamW:
    """Adaptive descent with decay of all weights (torch's AdamW with these constants)."""

    def __init__(self, weights, rate=1e-4, b1=0.9, b2=0.99, eps=1e-8, decay=1e-4):
        self.rate, self.b1, self.b2, self.eps, self.decay, self.k = rate, b1, b2, eps, decay, 0
        self.moments = [[(np.zeros_like(w), np.zeros_like(w)) for w in pair] for pair in weights]

    def update(self, weights, gradients):
        """One step, in place."""
        self.k += 1
        for pair, moments, found in zip(weights, self.moments, gradients, strict=True):
            for w, (m, v), g in zip(pair, moments, found, strict=True):
                m += (1 - self.b1) * (g - m)                            # m <- b1 m + (1 - b1) g
                v += (1 - self.b2) * (g ** 2 - v)                       # v <- b2 v + (1 - b2) g^2
                step = m / (1 - self.b1 ** self.k) / (np.sqrt(v / (1 - self.b2 ** self.k)) + self.eps)
                w -= self.rate * (step + self.decay * w)                # w <- w - eta (m^ / (sqrt(v^) + eps) + wd w)  (17)


# ---------------------------------------------------------------- reservoir with a trained read-out

def reservoir_step(u, drive, W_r, W_f, W_o, leak, gain):
    """(u after dt, r (n,), o (components of xi,)) of a reservoir with W_r (n, n), feedback W_f (o, n), read-out W_o (n, o)."""
    r = np.tanh(u)
    o = r @ W_o
    return u + leak * (gain * r @ W_r + drive + o @ W_f - u), r, o      # du = dt/tau (lambda r W_r + drive + o W_f - u)    (18)


def delta_rule(W_o, r, o, xi, rate):
    """The read-out learns to give xi."""
    return W_o - rate * np.outer(r, o - xi)                             # W_o <- W_o - eta r^T (o - xi)                (19)


# ---------------------------------------------------------------- training

def initial_weights(sizes, rng):
    """[(W, b), ...]: normal numbers of variance 1 / inputs, and zeros."""
    return [(rng.normal(size=(i, o)) / np.sqrt(i), np.zeros(o)) for i, o in zip(sizes[:-1], sizes[1:], strict=True)]


def train(weights, x, y, N, rule, optimiser):
    """One epoch of the three-factor rule: a window of N samples slides over x (n, in), y (n, C). -> mean loss"""
    losses = []
    for first in range(len(x) - N + 1):
        window = slice(first, first + N)
        loss, gradients = three_factor_rule(forward(weights, x[window]), x[window], y[window], rule)
        optimiser.update(weights, gradients)
        losses.append(loss)
    return np.mean(losses)


def train_lif(weights, u, x, y, N, rule, optimiser, leak=0.2, steps=20):
    """The same for leaky integrators: a window stays for `steps` time steps, each with an update; u is never reset."""
    losses = []
    for first in range(len(x) - N + 1):
        window = slice(first, first + N)
        for _ in range(steps):
            loss, gradients = three_factor_rule(lif_step(weights, u, x[window], leak), x[window], y[window], rule)
            optimiser.update(weights, [(leak * dW, leak * db) for dW, db in gradients])     # through this Euler step only
            losses.append(loss)
    return np.mean(losses)


def accuracy(weights, x, y):
    """Share of samples whose largest logit is the label's."""
    return np.mean(forward(weights, x)[2].argmax(axis=1) == y.argmax(axis=1))


def xor(n, rng):
    """Noisy corners of a square (n, 2), and one-hot labels (n, 2): 1 where the corner's coordinates differ."""
    corners = rng.integers(0, 2, (n, 2))
    return corners + rng.normal(0, 0.1, (n, 2)), np.eye(2)[corners[:, 0] ^ corners[:, 1]]


def main(modulator, epochs=6, seed=0):
    """Test accuracy of a 2-10-4-2 network after each epoch of 400 points."""
    rng = np.random.default_rng(seed)
    (x, y), test = xor(400, rng), xor(100, rng)
    weights, found = initial_weights((2, 10, 4, 2), rng), []
    optimiser, rule = AdamW(weights, rate=3e-3), Rule(10.0, 0.3, 0.25, 2.0, modulator)
    for _ in range(epochs):
        train(weights, x, y, 10, rule, optimiser)
        found.append(accuracy(weights, *test))
    return found


if __name__ == '__main__':
    for name in ('released', 'exact', 'none'):
        print(name, *(f'{100 * value:.0f} %' for value in main(name)))
