"""Kernels of the R-STDP network for benchmarks/speed.py: one image through each stage, layers saturated as after training.

Data: MNIST if it is on disk, else scikit-learn's digits enlarged (named in `mode`). Weights: trained here for a moment first.
released_us: the authors' simulator on one core, measured apart from ours.
"""
import functools

import numpy as np

from common.params import load_params
from common.results import load_result
from common.running import finish
from rstdp_mnist import data, encoding, exp_params, features, replication, stdp
from rstdp_mnist.neurons import layers, map_last
from rstdp_mnist.rstdp import Decider
from rstdp_mnist.search import count_afferents, list_active, rough_potentials

IMAGES = 1000
NOTES = {'encoding': 'half of the time goes into the filters, whose rows of 3 to 13 numbers are short, '
                     'two fifths into sorting a thousand responses an image. Once an image: 7 s for all of MNIST.'}


def available():
    """'paper_short' if MNIST is on disk, else 'digits'."""
    try:
        data.idx_images('mnist', 'train')
        return 'paper_short'
    except FileNotFoundError:
        return 'digits'


@functools.cache
def trained():
    """A run on 3,000 MNIST images (or 1,500 digits): parameters, images, labels, latencies, C1, features, weights."""
    p = load_params(exp_params, mode='small' if available() == 'paper_short' else 'digits', epochs_s3=2)
    finish(p)
    _, out = load_result(p)
    images, labels = data.idx_images('mnist', 'train') if p.data == 'mnist' else data.digits('train')
    latency = encoding.encode(images[:IMAGES], p)
    W_1, W_2 = map_last(out['conv1_weight']), map_last(out['conv2_weight'])
    C1 = features.second_input(p, latency, W_1)
    return p, images[:IMAGES], labels[:IMAGES].astype(int), latency, C1, features.third_input(p, C1, W_2), out


def encode():
    """The encoder on all images."""
    images = trained()[1]
    return lambda: encoding.encode(images, trained()[0])


def learn(number):
    """Online STDP in layer 1 or 2, at the final rates."""
    p, _, _, latency, C1, _, out = trained()
    net = features.learner(p, number, out[f'conv{number}_weight'])
    net.rates = stdp.Rates(0.15, -0.1125, 0.15, 500)
    return lambda: net.advance((latency, C1)[number - 1])


def learn_batches(number):
    """The replication's layer 1 or 2."""
    p = load_params(exp_params, mode='replication')
    latency, out = trained()[3], trained()[6]
    inputs = latency if number == 1 else features.second_input(p, latency[:300], map_last(out['conv1_weight']))
    net = features.learner(p, number, out[f'conv{number}_weight'])
    net.rates = replication.BatchRates(0.15, -0.1125, 0.15, 500, 100)
    return lambda: net.advance(inputs[:300])


def forward_1():
    """Latencies of layer 1."""
    p, _, _, latency, _, _, out = trained()
    return lambda: features.second_input(p, latency, map_last(out['conv1_weight']))


def forward_2():
    """Features of layer 2."""
    p, _, _, _, C1, _, out = trained()
    return lambda: features.third_input(p, C1, map_last(out['conv2_weight']))


def decide(learn):
    """R-STDP in layer 3, or a test pass."""
    _, _, labels, _, _, counts, out = trained()
    net = Decider(out['conv3_weight'].astype(np.float32))
    net.phi[:] = 0.1, 0.9
    return lambda: net.present(counts, labels, learn=learn)


@functools.cache
def bytes_added():
    """Additions of weights rounded to bytes that layer 3 needs for an image of the sample, on average."""
    counts, out = trained()[5], trained()[6]
    net = Decider(out['conv3_weight'].astype(np.float32))
    h, side, maps = counts.shape[2], net.W.shape[2], len(net.W)
    where, n, afferents = np.empty((h * h, counts.shape[1] + 1), np.int64), np.empty(h * h, np.int64), np.empty(h * h, np.int64)
    part, total = np.empty(maps, np.uint16), np.empty(maps, np.uint32)
    rough, error, added = np.empty((h * h, maps)), np.empty(h * h), 0
    for image in counts[:200]:
        list_active(image, where, n)
        rough_potentials(net.Q, net.q_low, net.step, np.zeros(maps, np.int64), where, n, h, side, part, total, rough, error)
        count_afferents(n, h, side, afferents)
        added += maps * int(afferents[np.isfinite(rough[:, 0])].sum())
    return added / 200


def kernels():
    """Additions are counted as multiply-adds: spikes x taps x maps (means on MNIST, trained weights).

    Layer 3 adds bytes, at the positions that could win only (rstdp.py); the plain sum would be 2.9 million additions.
    """
    mode = available()
    one, two, three = (f'{n.maps_in}x{n.size_in} - {n.maps}' for n in layers(load_params(exp_params)))
    added = bytes_added()
    cases = [('encoding', '28x28', IMAGES, 68_000, encode, 7300),
             ('layer 1, STDP', one, IMAGES, 190_000, lambda: learn(1), 5600),
             ('layer 1, latencies', one, IMAGES, 874_000, forward_1, None),
             ('layer 2, STDP', two, IMAGES, 350_000, lambda: learn(2), 16_000),
             ('layer 2, features', two, IMAGES, 1_090_000, forward_2, None),
             ('layer 3, R-STDP', three, IMAGES, added, lambda: decide(True), 28_600),
             ('layer 3, test', three, IMAGES, added, lambda: decide(False), None),
             ('layer 1, replication', '6x28 - 30', 300, 874_000, lambda: learn_batches(1), 42_000),
             ('layer 2, replication', '30x12 - 250', 300, 2_200_000, lambda: learn_batches(2), 52_000)]
    for name, sizes, steps, work, make, released in cases:
        yield {'kernel': name, 'mode': mode, 'sizes': sizes, 'steps': steps, 'make': make, 'released_us': released,
               'bytes' if name.startswith('layer 3') else 'macs': work, 'note': NOTES.get(name)}
