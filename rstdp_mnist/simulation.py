"""Train the digit network: edit exp_params.py and run this file, or

    python -m rstdp_mnist.simulation mode=paper_short seed=1              one run
    python -m rstdp_mnist.simulation mode=paper_short array_num=0         all seeds of the sweep
    python -m rstdp_mnist.simulation mode=paper_short epochs_s3=40        goes on from the end of a finished run of 21 epochs
    python -m rstdp_mnist.evaluate load=results/.../FILE.npz              test a saved network

`run` is pure but for its checkpoints: parameters in, arrays out. Layers 1 and 2: features.py; the rule of layer 3: rstdp.py.
"""
import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.checkpoint import Checkpoint
from common.results import is_complete, load_npz, result_path
from common.running import progress
from common.script import main
from rstdp_mnist import features
from rstdp_mnist.rstdp import Decider

CHUNK = 1000                            # images between two chances to stop
FRACTIONS = ('train', 'validation', 'test', 'fast_test')         # parts that are scored; fast_test: without the slow weights
KEPT = ('conv1_weight', 'conv2_weight', 'winners_1', 'winners_2', 'unsaturated_1', 'unsaturated_2', 'latency_histogram',
        'example_latency', 'example_events')                     # what a result takes over from layers 1 and 2


def run(p, checkpoint=None):
    """One run with parameters p (exp_params.Params). -> dict of arrays; names as in the README, "What a result holds".

    A run that keeps checkpoints goes on from its last one, else from the end of a finished run with fewer epochs of layer 3.
    """
    checkpoint = checkpoint or Checkpoint()
    seconds, below = features.prepare(p, checkpoint)
    top = Training(p, below)
    start = checkpoint.resume()
    if start is None:
        shorter = finished_with_fewer_epochs(p) if checkpoint.path else None
        checkpoint.begin = time.process_time() - (shorter[0]['cpu_seconds'] if shorter else seconds)
        start = from_result(*shorter) if shorter else None
    if start is not None:
        top.restore(*start)
    with progress(p.epochs_s3 * top.n, f'{p.member} layer 3', unit='image', initial=top.epoch * top.n + top.at) as bar:
        while top.epoch < p.epochs_s3:
            done = top.advance()
            bar.update(done)
            if top.at == top.n:
                top.end_epoch()
                bar.set_postfix_str(top.summary())
            if top.net.waiting == 0:
                checkpoint.offer(top.frozen)
    return top.results() | {name: below[name] for name in KEPT if name in below} | {'lower_cpu_seconds': np.array(seconds)}


def outcome(decision, labels):
    """Numbers of right, wrong and silent decisions. -> (3,)"""
    right, silent = int((decision == labels).sum()), int((decision < 0).sum())
    return np.array([right, len(labels) - right - silent, silent])


def decider(p, weight):
    """Layer 3 with given weights (f, c, ky, kx)."""
    rates = p.reward_ltp, p.reward_ltd, p.punishment_ltd, p.punishment_ltp
    return Decider(weight.astype(p.s3_dtype), p.s3_bounds, rates, p.n_classes, p.class_map, p.batch_size, p.reward, p.margin,
                   p.slow_weights)


class Training:
    """Layer 3 in training, epoch by epoch, window by window."""

    def __init__(self, p, below):
        """below: the result of features.prepare."""
        self.p, self.below, self.n = p, below, p.n_train - p.n_validation
        self.net = decider(p, features.initial_weights(p)[2])
        self.net.phi[:] = p.first_factors
        if p.competition == 'batch':
            self.net.clip()                        # the replication clips all layers after every batch
        self.epoch, self.at = 0, 0
        self.window, self.running = np.zeros(3, np.int64), np.zeros(3, np.int64)      # right, wrong, silent so far
        self.records = {name: [] for name in (*FRACTIONS, 'tested', 'factors')}
        self.best_weight = self.net.W.copy()
        self.confusion = np.zeros((p.n_classes, p.n_classes + 1), np.int64)

    def advance(self):
        """Present the next images, at most to the end of their window. -> how many"""
        p = self.p
        size = min(CHUNK, p.factor_window - int(self.window.sum()), self.n - self.at)
        index = features.order_of_images(p, self.n, 3, self.epoch)[self.at:self.at + size]
        labels = self.below['train_labels'][index]
        copies = len(features.shifts(p))           # an image comes as itself, then moved, epoch after epoch
        inputs = self.features('train', index + p.n_train * ((index + self.epoch) % copies))
        decision, _, _ = self.net.present(inputs, labels, learn=True, off=self.dropped(size))
        self.window += outcome(decision, labels)
        self.at += size
        if self.window.sum() == p.factor_window or self.at == self.n:
            self.close_window()
        return size

    def features(self, part, index):
        """What layer 3 sees of some images of a part. -> (n, c, h, h) uint8"""
        return features.unpacked(self.p, self.below[part][index])

    def dropped(self, size):
        """Maps that cannot win (dropout), one row an image; None without dropout. Its probability may fall to 0 over epochs."""
        p = self.p
        probability = p.s3_dropout * (max(0, 1 - self.epoch / p.dropout_epochs) if p.dropout_epochs else 1)
        if probability == 0:
            return None
        return np.random.default_rng([p.seed, 4, self.epoch, self.at]).random((size, p.n_maps[2])) < probability

    def close_window(self):
        """Adjust the rates to the window's hits and misses, phi_r = wrong / n, phi_p = right / n; slow weights follow."""
        right, wrong, silent = self.window
        n = self.window.sum()
        self.net.adjust(right, wrong + silent * self.p.silent_is_miss, n)
        self.net.average(int(n))
        self.running += self.window
        self.window[:] = 0

    def test(self, part, net):
        """Fractions right, wrong, silent of 'test' or 'validation' images with frozen weights, and the decisions."""
        of, index = (('test', slice(None)) if part == 'test' else ('train', slice(self.n, self.p.n_train)))
        labels = self.below[f'{of}_labels'][index]
        decision, _, _ = net.present(self.features(of, index))
        return (outcome(decision, labels) / max(1, len(labels))).tolist(), decision

    def end_epoch(self):
        """Record the epoch; test, and keep the best weights (of equals the later ones), by validation if there is one."""
        p, records = self.p, self.records
        if self.net.waiting:
            self.net.apply()
        records['train'].append((self.running / self.n).tolist())
        records['factors'].append(self.net.phi.tolist())
        self.epoch, self.at = self.epoch + 1, 0
        self.net.decay = p.s3_decay ** self.epoch
        self.running[:] = 0
        if self.epoch % p.test_every and self.epoch != p.epochs_s3:
            return
        tested = self.net.tested()                 # with the slow weights if there are any
        fractions, decision = self.test('test', tested)
        records['tested'].append(self.epoch - 1)
        records['test'].append(fractions)
        if p.slow_weights:
            records['fast_test'].append(self.test('test', self.net)[0])
        if p.n_validation:
            records['validation'].append(self.test('validation', tested)[0])
        right = [row[0] for row in records['validation' if p.n_validation else 'test']]
        if right[-1] == max(right):
            self.best_weight = tested.W.copy()
        self.confusion[:] = 0
        np.add.at(self.confusion, (self.below['test_labels'], decision), 1)      # decision -1: the last column

    def summary(self):
        """The last epoch in a few words."""
        test = f', test {100 * self.records["test"][-1][0]:.2f} %' if self.records['test'] else ''
        return f'epoch {self.epoch - 1}: training {100 * self.records["train"][-1][0]:.2f} %{test}'

    def frozen(self):
        """(meta, arrays) of the unfinished training."""
        meta = {'epoch': self.epoch, 'at': self.at, 'window': self.window.tolist(), 'running': self.running.tolist(),
                'records': self.records, 'phi': self.net.phi.tolist(), 'averaged': self.net.averaged}
        return meta, {'W': self.net.W, 'best_weight': self.best_weight, 'confusion': self.confusion} | self.slow('slow')

    def slow(self, name):
        """{name: slow weights}, if there are any."""
        return {name: self.net.slow} if self.p.slow_weights else {}

    def restore(self, meta, arrays):
        """Put everything back to the state of `frozen`."""
        self.epoch, self.at, self.records, self.net.averaged = (meta[k] for k in ('epoch', 'at', 'records', 'averaged'))
        self.window[:], self.running[:], self.net.phi[:] = meta['window'], meta['running'], meta['phi']
        self.net.decay = self.p.s3_decay ** self.epoch
        self.net.W[:], self.best_weight, self.confusion = arrays['W'], arrays['best_weight'], arrays['confusion']
        self.net.clipped = np.array_equal(self.net.W, np.clip(self.net.W, self.net.low, self.net.high))
        if self.p.slow_weights:
            self.net.slow[:] = arrays['slow']
        self.net.round()

    def results(self):
        """What is saved of layer 3."""
        out = {f'{part}_fractions': np.array(self.records[part]).reshape(-1, 3) for part in FRACTIONS}
        return out | {'factors': np.array(self.records['factors']), 'test_epochs': np.array(self.records['tested'], np.int64),
                      'confusion': self.confusion, 'conv3_weight': self.net.W, 'best_conv3_weight': self.best_weight,
                      'averaged': np.array(self.net.averaged)} | self.slow('slow_conv3_weight')


# ---------------------------------------------------------------- finished and unfinished runs

def finished_with_fewer_epochs(p):
    """(meta, arrays) of the longest finished run that differs from p in a smaller epochs_s3 only, or None."""
    found, asked = [], json.loads(json.dumps(dataclasses.asdict(p)))
    for path in result_path(p).parent.glob(f'{p.member}-*.npz'):
        if not is_complete(path):
            continue
        with np.load(path, allow_pickle=False) as file:
            given = json.loads(str(file['meta'])).get('params', {})
        epochs = given.get('epochs_s3', 0)
        same = given | {'epochs_s3': p.epochs_s3} == asked and 0 < epochs < p.epochs_s3 and epochs % p.test_every == 0
        if same and path == result_path(dataclasses.replace(p, epochs_s3=epochs)):       # the same code and data, too
            found.append((epochs, path))
    return load_npz(max(found)[1], 'result') if found else None


def from_result(meta, arrays):
    """(meta, arrays) of `Training.frozen` at the end of a finished run."""
    records = {part: arrays[f'{part}_fractions'].tolist() for part in FRACTIONS}
    records |= {'tested': arrays['test_epochs'].tolist(), 'factors': arrays['factors'].tolist()}
    state = {'epoch': len(records['train']), 'at': 0, 'window': [0, 0, 0], 'running': [0, 0, 0], 'records': records,
             'phi': records['factors'][-1], 'averaged': int(arrays['averaged'])}
    names = {'W': 'conv3_weight', 'best_weight': 'best_conv3_weight', 'confusion': 'confusion', 'slow': 'slow_conv3_weight'}
    return state, {ours: arrays[name] for ours, name in names.items() if name in arrays}


def so_far(p):
    """(meta, arrays) of an unfinished run as far as its last checkpoint, like a result's; None if no epoch was tested yet.

    meta['epoch']: how many epochs of layer 3 are done.
    """
    paths = result_path(p).with_suffix('.checkpoint.npz'), features.cache_path(p)
    if not (is_complete(paths[0], 'checkpoint') and is_complete(paths[1], 'file of layers 1 and 2')):
        return None
    (meta, arrays), (_, below) = load_npz(paths[0], 'checkpoint'), load_npz(paths[1], 'file of layers 1 and 2')
    top = Training(p, {})
    top.restore(meta, arrays)
    if not top.records['tested']:
        return None
    found = {'mode': p.mode, 'seed': p.seed, 'params': dataclasses.asdict(p), 'diverged_at': -1, 'epoch': top.epoch}
    return found, top.results() | {name: below[name] for name in KEPT if name in below}


if __name__ == '__main__':
    main('rstdp_mnist')
