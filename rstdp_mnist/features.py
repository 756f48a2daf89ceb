"""Layers 1 and 2: initial weights, training, and the frozen features (spikes of C2) that layer 3 learns from.

Nothing above layer 2 can change what is computed here, so runs that differ in layer 3 only share one file.
"""
import dataclasses
import hashlib
import json
import sys
import time

import numpy as np

from common import results
from common.checkpoint import Checkpoint
from common.data import content_digest
from common.kernel import source_digest
from common.results import is_complete, load_npz, write_atomically
from common.running import progress
from rstdp_mnist import data, nmnist, replication, stdp
from rstdp_mnist.neurons import active_pools, count_spikes, first_spikes, forward, layers, map_last

BELOW = ('features', 'stdp', 'neurons', 'encoding', 'data', 'nmnist', 'replication')     # the code of layers 1 and 2
BLOCK = 1000                            # images between two chances to stop
SAMPLE = 100                            # images of a diagnosis
LAYER_1 = ('weight_1', 'winners_1', 'unsaturated_1')             # what checkpoints of layer 2 keep of layer 1
UPPER = {'mode', 'array_num', 's3_seed', 'n_validation', 'class_map', 'epochs_s3', 'reward', 'margin', 'reward_ltp',
         'reward_ltd', 'punishment_ltd', 'punishment_ltp', 's3_bounds', 'factor_window', 'first_factors', 'silent_is_miss',
         'slow_weights', 's3_decay', 's3_dropout', 'dropout_epochs', 's3_dtype', 'test_every', 'released_code', 'rng',
         'data_dir'}                    # what acts above layer 2 only


def initial_weights(p):
    """Weights (out map, in map, ky, kx) of the three layers: one generator, three normal draws, always all three."""
    def draw(seed):
        rng = np.random.default_rng(seed)
        return [rng.normal(p.init_mean, p.init_sd, layer.shape) for layer in layers(p)]
    weights = draw(p.seed)
    if p.s3_seed >= 0:
        weights[2] = draw(p.s3_seed)[2]
    return weights


def order_of_images(p, n, stage, epoch):
    """Indices of the training images in one epoch."""
    return np.random.default_rng([p.seed, stage, epoch]).permutation(n) if p.shuffle else np.arange(n)


# ---------------------------------------------------------------- forward passes with given weights

def second_input(p, latency, W_1):
    """What layer 2 sees of a block of images: C1 latencies, or S1 latencies if pools pass on every distinct one. -> uint8"""
    one = layers(p)[0]
    tau = np.empty((len(latency), one.maps, one.size, one.size), np.uint8)
    forward(latency, 1, p.n_time_bins, W_1, one.pad, p.threshold[0], p.strict_threshold, tau, np.empty((0, 1, 1, 1)))
    if p.pooling == 'distinct':
        return tau
    out = np.empty((len(latency), one.maps, one.pooled, one.pooled), np.uint8)
    first_spikes(tau, one.pool, out)
    return out


def third_input(p, second, W_2):
    """What layer 3 sees: spikes of each C2 cell (n, c, h, h) uint8, from second_input's output."""
    two = layers(p)[1]
    out = np.empty((len(second), two.maps, two.pooled, two.pooled), np.uint8)
    if p.pooling == 'first':
        active_pools(second, p.n_time_bins, W_2, two.pad, p.threshold[1], p.strict_threshold, two.pool, out)
        return out
    tau = np.empty((len(second), two.maps, two.size, two.size), np.uint8)
    forward(second, layers(p)[0].pool, p.n_time_bins, W_2, two.pad, p.threshold[1], p.strict_threshold, tau,
            np.empty((0, 1, 1, 1)))
    count_spikes(tau, two.pool, p.n_time_bins, out)
    return out


def in_blocks(function, inputs, label=None, size=BLOCK // 2):
    """function(block) for blocks of the rows of `inputs`, with a progress bar. -> the parts joined"""
    out = None
    with progress(len(inputs) if label else 0, label, unit='image') as bar:
        for i in range(0, len(inputs), size):
            part = function(inputs[i:i + size])
            out = np.empty((len(inputs), *part.shape[1:]), part.dtype) if out is None else out
            out[i:i + size] = part
            bar.update(len(part))
    return out


def c2_spikes(p, latency, weight_1, weight_2, label=None):
    """Spikes of C2 (n, c, h, h) uint8 for input latencies and weights (f, c, ky, kx) of layers 1 and 2."""
    W_1, W_2 = map_last(weight_1.astype(np.float64)), map_last(weight_2.astype(np.float64))
    return in_blocks(lambda block: third_input(p, second_input(p, block, W_1), W_2), latency, label)


def latency_histograms(p, latency, weight_1, weight_2):
    """Mean number of cells an image that fire in each bin, never last; rows: input, S1, C1, S2, C2. (5, T + 1)"""
    one, two, _ = layers(p)
    W_1, W_2, nothing = map_last(weight_1), map_last(weight_2), np.empty((0, 1, 1, 1))
    S1, C1 = (np.empty((len(latency), one.maps, size, size), np.uint8) for size in (one.size, one.pooled))
    S2, C2 = (np.empty((len(latency), two.maps, size, size), np.uint8) for size in (two.size, two.pooled))
    forward(latency, 1, p.n_time_bins, W_1, one.pad, p.threshold[0], p.strict_threshold, S1, nothing)
    first_spikes(S1, one.pool, C1)
    distinct = p.pooling == 'distinct'
    second, window = (S1, one.pool) if distinct else (C1, 1)
    forward(second, window, p.n_time_bins, W_2, two.pad, p.threshold[1], p.strict_threshold, S2, nothing)
    first_spikes(S2, two.pool, C2)
    return np.array([np.bincount(x.ravel(), minlength=p.n_time_bins + 1) / len(latency) for x in (latency, S1, C1, S2, C2)])


def diagnosis(p, number, weight, inputs):
    """Why so few winners, and which thresholds are possible: layer 1 or 2 on a few images, in one line.

    weight (f, c, ky, kx); inputs (n, c, h, w) uint8: latencies that the layer sees.
    """
    layer, k = layers(p)[number - 1], p.n_winners[number - 1]
    window = layers(p)[0].pool if number == 2 and p.pooling == 'distinct' else 1
    tau, V = (np.empty((len(inputs), layer.maps, layer.size, layer.size), kind) for kind in (np.uint8, np.float64))
    forward(inputs, window, p.n_time_bins, map_last(weight), layer.pad, p.threshold[number - 1], p.strict_threshold, tau, V)
    places = np.sort(V.max(axis=1).reshape(len(V), -1), axis=1)            # strongest potential at each place, ascending
    firing = (tau < p.n_time_bins).any(axis=1).mean()
    enough = np.quantile(places[:, -min(k, places.shape[1])], 0.05)
    return (f'layer {number}, threshold {p.threshold[number - 1]:g}: {100 * firing:.0f} % of the places fire; the strongest '
            f'potential of an image is {np.median(places[:, -1]):.1f} (median); up to threshold {enough:.1f} at least '
            f'k = {k} places fire in 19 of 20 images')


# ---------------------------------------------------------------- training

def learner(p, number, weight):
    """The learner of layer 1 or 2."""
    layer = layers(p)[number - 1]
    window = layers(p)[0].pool if number == 2 and p.pooling == 'distinct' else 1
    rule = stdp.Rule(p.n_time_bins, window, layer.pad, p.threshold[number - 1], p.strict_threshold, p.n_winners[number - 1],
                     p.inhibition_radius[number - 1], *p.weight_bounds)
    given = p.ltp_rate, p.ltd_rate, p.max_ltp_rate, p.doubling_interval
    if p.competition == 'batch':
        return replication.BatchLearner(weight, layer, rule, replication.BatchRates(*given, p.batch_size), p.batch_size)
    return stdp.Learner(weight, layer, rule, stdp.Rates(*given), p.batch_size)


def unsaturated(W, bounds):
    """Mean of (W - w_lo)(w_hi - W): 0 when every weight lies at a bound."""
    return float(((W - bounds[0]) * (bounds[1] - W)).mean())


def train_layer(p, number, weight, inputs, n, checkpoint, state):
    """Train layer 1 or 2; inputs(index) gives the layer's input for these images. `state` is kept in checkpoints.

    -> weights (f, c, ky, kx), {winners an image (epochs), unsaturated (blocks)}
    """
    net = learner(p, number, weight)
    epochs, size = (p.epochs_s1, p.epochs_s2)[number - 1], p.batch_size * max(1, BLOCK // p.batch_size)
    epoch, at, found, spread = 0, 0, [0] * epochs, []
    if state and state[0]['stage'] == number:
        meta, arrays = state
        epoch, at, found, spread, net.clipped = (meta[k] for k in ('epoch', 'at', 'found', 'spread', 'clipped'))
        net.W[:] = arrays['W']
        net.rates.ltp, net.rates.ltd, net.rates.count = meta['rates']
    with progress(n * epochs, f'{p.member} layer {number}', unit='image', initial=epoch * n + at) as bar:
        while epoch < epochs:
            order = order_of_images(p, n, number, epoch)
            if at == 0:
                net.rates.start_epoch()
            while at < n:
                index = order[at:at + size]
                winners = net.advance(inputs(index))
                found[epoch] += int((winners[:, :, 0] >= 0).sum())
                spread.append(unsaturated(net.W, p.weight_bounds))
                at += len(index)
                bar.update(len(index))
                if at == n and net.waiting:
                    net.apply()
                checkpoint.offer(frozen, number, weight, net, epoch, at, found, spread, state)
            report(p, number, epoch, found[epoch] / n, net, inputs(order[:SAMPLE]), bar)
            epoch, at = epoch + 1, 0
    return net.weight(), {f'winners_{number}': np.array(found) / n, f'unsaturated_{number}': np.array(spread)}


def report(p, number, epoch, winners, net, inputs, bar):
    """Say after an epoch how many neurons won; an epoch without any winner ends the run: ValueError."""
    if not winners:
        raise ValueError(f'no neuron won in a whole epoch: nothing is learned; {diagnosis(p, number, net.weight(), inputs)}')
    if not bar.disable:
        line = f'epoch {epoch}: {winners:.2f} winners an image; {diagnosis(p, number, net.weight(), inputs)}'
        bar.write(line, file=sys.stderr)


def frozen(number, weight, net, epoch, at, found, spread, state):
    """(meta, arrays) of an unfinished training of layer 1 or 2."""
    meta = {'stage': number, 'epoch': epoch, 'at': at, 'found': found, 'spread': spread, 'clipped': net.clipped,
            'rates': net.rates.state()}
    return meta, (state[1] if state else {}) | {'W': net.W}        # in layer 2 with what layer 1 left, kill after kill


def resumed(checkpoint):
    """(meta, arrays) of `frozen`; None if there is no checkpoint, or one without what layer 1 left: it begins again."""
    state = checkpoint.resume()
    return state if state and (state[0]['stage'] == 1 or set(LAYER_1) <= set(state[1])) else None


def train(p, latency, checkpoint):
    """Layers 1 and 2 on the training images. -> weights of layers 1 and 2, inputs of layer 2 (or None), records"""
    state = resumed(checkpoint)
    weights, n = initial_weights(p), len(latency)
    if state and state[0]['stage'] == 2:
        weight_1, records = state[1]['weight_1'], {k: state[1][k] for k in LAYER_1[1:]}
    else:
        weight_1, records = train_layer(p, 1, weights[0], lambda index: latency[index], n, checkpoint, state)
    W_1 = map_last(weight_1)
    kept = None
    if p.pooling == 'first':
        kept = in_blocks(lambda block: second_input(p, block, W_1), latency, f'{p.member} C1')
    state = state if state and state[0]['stage'] == 2 else ({'stage': 1}, {'weight_1': weight_1} | records)
    inputs = (lambda index: kept[index]) if kept is not None else (lambda index: second_input(p, latency[index], W_1))
    if p.competition == 'batch':
        weights[1] = np.clip(weights[1], *p.weight_bounds)       # the replication clips all layers after every batch
    weight_2, more = train_layer(p, 2, weights[1], inputs, n, checkpoint, state)
    return weight_1, weight_2, kept, records | more


# ---------------------------------------------------------------- one file for all runs with the same layers 1 and 2

def cache_path(p):
    """results/rstdp_mnist/layers12/<key>.npz; the key covers the parameters, the input files and the code below layer 3."""
    known = {k: v for k, v in dataclasses.asdict(p).items() if k not in UPPER}
    files = [content_digest(path) for path in data.input_files(p)]
    text = json.dumps([known, files, source_digest('rstdp_mnist', BELOW)], sort_keys=True)
    return results.RESULTS / 'rstdp_mnist' / 'layers12' / f'{hashlib.sha256(text.encode()).hexdigest()[:10]}.npz'


def packed(counts):
    """Spike counts in as few bytes as possible: bits if no cell fires twice."""
    return np.packbits(counts.reshape(len(counts), -1), axis=1) if counts.max(initial=0) <= 1 else counts


def unpacked(p, stored):
    """Spike counts (n, c, h, h) uint8 from `packed`."""
    side, maps = layers(p)[2].size_in, p.n_maps[1]
    bits = stored if stored.ndim == 4 else np.unpackbits(stored, axis=1, count=maps * side * side)
    return bits.reshape(len(stored), maps, side, side)


def shifts(p):
    """(down, right) in pixels of the copies of the training images that layer 3 sees, the image itself first."""
    s = p.shift
    return [(0, 0), (s, 0), (-s, 0), (0, s), (0, -s)] if s else [(0, 0)]


def moved(latency, down, right, never):
    """Input spikes moved by some pixels; what comes in from outside never fires. latency (n, c, h, w) -> the same shape"""
    out, (h, w) = np.full_like(latency, never), latency.shape[2:]
    out[:, :, max(0, down):h + min(0, down), max(0, right):w + min(0, right)] = (
        latency[:, :, max(0, -down):h - max(0, down), max(0, -right):w - max(0, right)])
    return out


def prepare(p, checkpoint):
    """Trained layers 1 and 2 and their features. -> (CPU seconds they took, dict of arrays)

    Keys: conv1_weight, conv2_weight, train, test (features as `packed` stores them; of the training images one copy a shift,
    one after the other), train_labels, test_labels, records.
    A run that keeps checkpoints also keeps this result, for itself and for other runs.
    """
    path = cache_path(p) if checkpoint.path else None
    if path and is_complete(path, 'file of layers 1 and 2'):
        meta, arrays = load_npz(path, 'file of layers 1 and 2')
        return meta['cpu_seconds'], arrays
    if path:
        results.demand_writable(path.parent)
    own = Checkpoint(path.with_suffix('.checkpoint.npz') if path else None, checkpoint.every)
    found = [data.read(p, part, n) for part, n in (('train', p.n_train), ('test', p.n_test))]      # both, before work begins
    images, tests = (data.encoded(p, part, *both, f'{p.member} encoding') for part, both in zip(data.FILES, found, strict=True))
    weight_1, weight_2, second, records = train(p, images.latency, own)
    W_2 = map_last(weight_2)
    found = (in_blocks(lambda block: third_input(p, block, W_2), second, f'{p.member} C2') if second is not None
             else c2_spikes(p, images.latency, weight_1, weight_2, f'{p.member} C2'))
    found = [packed(found)] + [packed(c2_spikes(p, moved(images.latency, *by, p.n_time_bins), weight_1, weight_2,
                                                f'{p.member} C2, moved')) for by in shifts(p)[1:]]
    if len({part.ndim for part in found}) > 1:             # in some copies no cell fires twice, in others one does
        found = [unpacked(p, part) for part in found]
    test = packed(c2_spikes(p, tests.latency, weight_1, weight_2, f'{p.member} C2, test'))
    out = {'conv1_weight': weight_1, 'conv2_weight': weight_2, 'train': np.concatenate(found), 'train_labels': images.labels,
           'test': test, 'test_labels': tests.labels,
           'latency_histogram': latency_histograms(p, tests.latency[:200], weight_1, weight_2),
           'example_latency': tests.latency[:1]} | records
    if p.data == 'nmnist':
        out['example_events'] = nmnist.first_recording('test', p.data_dir)
    seconds = time.process_time() - own.begin
    if path:
        meta = np.array(json.dumps({'cpu_seconds': seconds}))
        write_atomically(path, lambda file: np.savez(file, meta=meta, **out))
        own.done()
    return seconds, out
