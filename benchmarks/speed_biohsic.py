"""Kernels of the HSIC-bottleneck rule for benchmarks/speed.py: one training step of one network; reservoir: one time step."""
import numpy as np

from biohsic import data, exp_params, layers, networks
from biohsic.cnn import CnnModels
from biohsic.reservoir import Reservoir
from common.params import load_params

MNIST, XOR = (784, 128, 64, 10), (2, 10, 4, 2)
WINDOWS = 500
SMALL = 'loops over 2 to 10 units and 10 samples (padded to 16) are too short to run at the measured rates'


def mlp(task, metrics):
    """A call of WINDOWS steps of one MNIST network in float32."""
    p = load_params(exp_params, mode=f'{task}_mnist', nmodels=1, train_metrics=metrics)
    rng, net = np.random.default_rng(0), layers.dense(MNIST)
    models = networks.MlpModels(p, net, layers.initial_weights(net, 1, 1, p.dtype))
    n = WINDOWS * (1 if p.sliding else p.batch_size) + p.batch_size - 1
    x, labels = rng.normal(size=(n, 784)).astype('f4'), rng.integers(0, 10, n)
    return lambda: models.train([x], [labels], WINDOWS, WINDOWS)


def lif(mode, learn):
    """A call over all training windows of an epoch: learning and evaluation steps, or evaluation alone."""
    p = load_params(exp_params, mode=mode, nmodels=1)
    sets = data.load(p)
    models = networks.LifModels.begin(p, sets)
    return lambda: models.train([sets.train_x], [sets.train_y], 891, 891, learn=learn)


def cnn(mode, steps, **given):
    """A call of some steps of one convolutional network on random images (augmented as in the mode)."""
    p = load_params(exp_params, mode=mode, nmodels=1, **given)
    rng, n = np.random.default_rng(0), steps * (1 if p.sliding else p.batch_size) + p.batch_size
    images = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    images, labels = images if p.augment else data.standardise(images), rng.integers(0, 10, n)
    models = CnnModels.begin(p, data.Data(images, labels, images, labels))
    return lambda: models.train([images], [labels], steps, steps, augmentation=rng)


def reservoir():
    """A call of 100 training steps of the 2000 units."""
    p = load_params(exp_params, mode='reservoir', sample_timesteps=100)
    rng = np.random.default_rng(0)
    net = Reservoir.random(p, 804, rng)
    drive, xi = rng.normal(size=2000).astype('f4'), rng.normal(size=10).astype('f4') * 1e-4
    return lambda: net.train(drive, xi, rng)


def lif_work(sizes, N=10):
    """(a forward step, what a learning step adds) of a spiking network on a window of N samples, by kind of work."""
    W, units, hidden = sum(a * b for a, b in zip(sizes, sizes[1:], strict=False)), sum(sizes[1:]), sum(sizes[1:-1])
    layers_ = len(sizes) - 2
    forward = {'macs': N * (W + 2 * units + 5 * hidden), 'roots': N * layers_, 'tanhs': 0}    # leak: 2 a unit; LN: 5
    learn = {'macs': N * 3 * hidden + N * sizes[-1] * sizes[-2] + 7 * W, 'roots': W, 'tanhs': N * (layers_ + sizes[-1] + 1)}
    return forward, learn


def kernels():
    """Unavoidable work. Single precision: products of the forward pass (and of the gradients of a batch) as large matrix
    products; AdamW, six operations a weight, and the rank-1 gradient of one sample as multiply-adds. released_us: the original,
    metrics included."""
    W = sum(a * b for a, b in zip(MNIST[:-1], MNIST[1:], strict=True))
    for metrics in (False, True):
        yield {'kernel': 'MLP rule' + ', metrics' * metrics, 'mode': 'biohsic_mnist', 'sizes': '784-128-64', 'steps': WINDOWS,
               'products32': (8 + metrics) * W, 'macs32': 7 * W, 'released_us': 450 if metrics else None,
               'make': lambda metrics=metrics: mlp('biohsic', metrics)}
    for task, released in (('hsic', None), ('bp', 700)):
        yield {'kernel': f'MLP {task}, metrics', 'mode': f'{task}_mnist', 'sizes': '784-128-64', 'steps': WINDOWS,
               'products32': 6 * 3 * W, 'macs32': 6 * W, 'released_us': released, 'make': lambda task=task: mlp(task, True)}
    for mode, sizes, released in (('lif_xor', (2, 10, 4, 2), 16.8), ('lif_linear', (2, 4, 2), None)):
        step, learning = lif_work(sizes)
        yield {'kernel': 'LIF training + evaluation', 'mode': mode, 'sizes': '-'.join(map(str, sizes)), 'steps': 891 * 20,
               'released_us': released, 'make': lambda mode=mode: lif(mode, True), 'note': SMALL,
               **{kind: 2 * step[kind] + learning.get(kind, 0) for kind in step}}
    yield {'kernel': 'LIF evaluation', 'mode': 'lif_xor', 'sizes': '2-10-4-2', 'steps': 891 * 20, **lif_work(XOR)[0],
           'make': lambda: lif('lif_xor', False), 'note': SMALL}
    yield {'kernel': 'reservoir', 'mode': 'reservoir', 'sizes': '2000', 'steps': 100,
           'macs32': 2000 * (2000 + 30), 'tanhs': 2000, 'released_us': 600, 'make': reservoir}
    for mode, sizes, work, images, released, steps in (                # work: an image; images: passes, gradients
            ('biohsic_cifar10_cnn', 'conv128-256', 79e6, {True: 9, False: 5}, 124_000, 4),
            ('bp_cifar10_cnn', 'conv128-256', 79e6, {True: 16 * 4, False: 16 * 3}, 196_000, 2),
            ('biohsic_cifar10_reduced', 'conv32-64', 5.6e6, {True: 6, False: 5}, 15_000, 20)):
        for metrics in (True, False):
            name = 'CNN back-propagation' if mode.startswith('bp') else 'CNN rule'
            its = released if metrics != mode.startswith('bp') else None             # what the original's number includes
            yield {'kernel': name + ', metrics' * metrics, 'mode': mode, 'sizes': sizes, 'steps': steps,
                   'products32': work * images[metrics], 'released_us': its,
                   'make': lambda mode=mode, steps=steps, metrics=metrics: cnn(mode, steps, train_metrics=metrics)}
