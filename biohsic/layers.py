"""What all networks share: nonlinearity, layer normalisation, where the weights lie in a network's flat vector, their start.

For another nonlinearity change `activate` and `slope` (and, for convolutions, the same for tensors below them) here only.
"""
from typing import NamedTuple

import numpy as np
from scipy.stats import truncnorm

from common.kernel import kernel

BLOCK = 1 << 18
TRUNCATED_STD = 0.87962566103423978     # s.d. of a standard normal number cut off at -2 and 2
EPSILON = 1e-6                          # of the layer normalisation
ZERO, ONE = np.float32(0), np.float32(1)                    # single precision stays single


# ---------------------------------------------------------------- one unit: nonlinearity, normalisation

@kernel(inline=True)
def activate(a):
    """h(a) = max(a, 0)."""
    return max(a, ZERO)


@kernel(inline=True)
def slope(a):
    """h'(a): 1 above 0, else 0."""
    return ONE if a > ZERO else ZERO


def activate_tensor(a):
    """h of a torch tensor, for autograd too."""
    return a.relu()


def slope_tensor(a):
    """h' of a torch tensor."""
    return a > 0


@kernel(inline=True)
def norm_scale(mean, mean_square):
    """1 / sqrt(var + 1e-6), var = max(0, mean h^2 - mean^2): LN(h) = (h - mean) scale.

    np.divide and not "/": Python's division may raise an error, which keeps a compiler from working on many at once.
    """
    return np.divide(1.0, np.sqrt(max(0.0, mean_square - mean * mean) + EPSILON))


@kernel(inline=True)
def through_norm(error, mean, z, along, scale):
    """LN^T, the normalisation backwards: scale (error - mean(error) - z mean(error z)) for one unit; along = mean(error z)."""
    return scale * (error - mean - z * along)


# ---------------------------------------------------------------- weights

class Net(NamedTuple):
    """A stack of dense layers, input first. The weights of a network are one vector: W^1, b^1, W^2, b^2, ..."""

    sizes: np.ndarray       # (L + 2,) units: input, hidden layers, output
    W: np.ndarray           # (L + 1,) where W^l (in, out) begins
    b: np.ndarray           # (L + 1,) where b^l begins
    units: np.ndarray       # (L + 2,) number of units above the input and below layer l: where its states begin
    depth: int              # weight layers, L + 1


def dense(sizes):
    """Net of the given layer sizes."""
    sizes = np.array(sizes, np.int64)
    lengths = np.stack([sizes[:-1] * sizes[1:], sizes[1:]], axis=1).ravel()
    starts = np.concatenate([[0], np.cumsum(lengths)])
    units = np.concatenate([[0], np.cumsum(sizes[1:])])
    return Net(sizes, starts[0:-1:2].copy(), starts[1::2].copy(), units, len(sizes) - 1)


def n_weights(net):
    """Length of a network's vector of weights."""
    return int(net.b[-1] + net.sizes[-1])


def split(net, w):
    """[(W^l (in, out), b^l (out,))] as views into one network's vector w."""
    shapes = list(zip(net.sizes[:-1], net.sizes[1:], strict=True))
    return [(w[net.W[l]:net.W[l] + i * o].reshape(i, o), w[net.b[l]:net.b[l] + o]) for l, (i, o) in enumerate(shapes)]


def lecun_normal(rng, shape, fan_in):
    """Truncated normal on [-2, 2] standard deviations with resulting s.d. sqrt(1 / fan_in)."""
    found = rng.uniform(size=shape)
    flat = found.reshape(-1)
    for first in range(0, len(flat), BLOCK):                # scipy needs some 200 bytes a number
        flat[first:first + BLOCK] = truncnorm.ppf(flat[first:first + BLOCK], -2.0, 2.0)
    return found * np.sqrt(1.0 / fan_in) / TRUNCATED_STD


def generator(seed, *key):
    """The random stream number `key` of a seed; independent of all others and of how many there are."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def initial_weights(net, seed, n_models, dtype):
    """(n_models, n_weights): LeCun-normal W, b = 0; model k has a stream of its own, whatever n_models."""
    w = np.zeros((n_models, n_weights(net)), dtype)
    for k in range(n_models):
        rng = generator(seed, 0, k)
        for W, _ in split(net, w[k]):
            W[:] = lecun_normal(rng, W.shape, len(W))
    return w
