"""Kernels of impression learning for benchmarks/speed.py: a training step (noise included), a step of the SNR comparison."""
import numpy as np

from common.params import load_params
from impression_learning import backprop, exp_params, loops, network, snr
from impression_learning.circuit import Circuit

STEPS = 20_000
# (kernel, mode, array_num, steps, released program's microseconds a step; Vocal_Digits: extrapolated from a part of the run)
TRAINING = [
    ('impression learning', 'standard', 1, STEPS, 148),
    ('impression learning', 'lr_optim', 1, STEPS, 117),
    ('impression learning', 'switch_period', 1, STEPS, 117),
    ('impression learning', 'dimensionality', 5, STEPS, None),
    ('impression learning', 'Vocal_Digits', 1, STEPS // 4, 275),
    ('impression learning', 'MNIST', 1, STEPS // 10, None),
    ('REINFORCE', 'lr_optim', 26, STEPS, 175),
    ('REINFORCE', 'dimensionality', 10, STEPS, None),
]


def training(mode, number, steps):
    """A call that draws noise for and runs `steps` training steps."""
    p = load_params(exp_params, mode=mode, array_num=number)
    rng = np.random.default_rng(0)
    net, X = network.initial(p.sizes, rng), rng.normal(0, 0.3, (steps, p.n_in))
    circuit = Circuit(p, net, rng, learn=True)
    return lambda: circuit.advance(X)


def work(sizes, reinforce=False):
    """Unavoidable work of a mean training step: per phase two products and one rank-1 update, one set of normals, tanh of the
    latent units; REINFORCE moves both groups' traces and weights at every step."""
    pairs = sum(a * b for a, b in zip(sizes, sizes[1:], strict=False))
    middle = sum(sizes[1:-1])
    return {'macs': 3 * pairs + (4 * pairs if reinforce else 0), 'normals': sum(sizes), 'tanhs': sum(sizes[1:]) + middle}


def comparison():
    """The SNR comparison: four rules on frozen weights."""
    p = load_params(exp_params, mode='SNR')
    rng = np.random.default_rng(0)
    net, rules = network.initial(p.sizes, rng), snr.variants(p)
    circuit, x, eps = Circuit(p, net, rng), rng.normal(0, 0.3, (4, 4)), rng.standard_normal((2 * STEPS, 6))
    learners, sums = tuple(network.learner(net) for _ in rules), np.zeros((2, len(rules), *net.W_in.shape))
    return lambda: loops.compare(net, circuit.act, circuit.phase, x, eps, np.zeros(0, bool), circuit.sigma_rec,
                                 circuit.sigma_gen, tuple(rules.values()), learners, *sums)


def control(number):
    """The back-propagation control."""
    p = load_params(exp_params, mode='backprop', array_num=number)
    rng, (n_in, n) = np.random.default_rng(0), p.sizes
    W_in, W_out = rng.normal(0, 1 / n_in, (n, n_in)), rng.normal(0, 1 / n, (n_in, n))
    state = backprop.new_state(W_in, W_out, np.full(n, 0.6), rng.random(n))
    X = rng.normal(0, 0.3, (STEPS, n_in))
    loss, latent, phases = np.empty(STEPS), np.empty((STEPS, n)), np.empty((STEPS, 2), int)

    def call():
        """What is timed."""
        eps = rng.standard_normal((STEPS, 2 * (n + n_in)))
        backprop.run_steps(state, X, eps, *backprop.constants(p), *backprop.rates(p), 10 ** 9, True, loss, latent, phases)
    return call


def kernels():
    """All of them."""
    for name, mode, number, steps, released in TRAINING:
        p = load_params(exp_params, mode=mode, array_num=number)
        yield {'kernel': name, 'mode': mode, 'sizes': '-'.join(map(str, p.sizes)), 'steps': steps, 'released_us': released,
               'make': lambda mode=mode, number=number, steps=steps: training(mode, number, steps),
               **work(p.sizes, name == 'REINFORCE')}
    yield {'kernel': 'SNR comparison, four rules', 'mode': 'SNR', 'sizes': '4-2', 'steps': 2 * STEPS, 'released_us': 114 + 181,
           'make': comparison, 'macs': 2 * 8 + 4 * 4 * 8, 'tanhs': 2,
           'note': 'vectors of 2 and 4 numbers: loops this short are not vectorised, and moving between four rules costs more '
                   'than their arithmetic'}
    yield {'kernel': 'back-propagation', 'mode': 'backprop', 'sizes': '64-32', 'steps': STEPS, 'released_us': 2000,
           'make': lambda: control(5), 'macs': 5 * 64 * 32, 'normals': 2 * 96, 'tanhs': 32}
