"""Train the digit network: edit exp_params.py and run this file, or

    python -m rstdp_mnist.simulation mode=paper_short seed=1              one run
    python -m rstdp_mnist.simulation mode=paper_short array_num=0         all seeds of the sweep
    python -m rstdp_mnist.evaluate load=results/.../FILE.npz              test a saved network

`run` is pure but for its checkpoints: parameters in, arrays out. Layers 1 and 2: lower.py; the rule of layer 3: rstdp.py.
"""
import sys
import time
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.checkpoint import Checkpoint
from common.running import progress
from common.script import main
from rstdp_mnist import lower
from rstdp_mnist.rstdp import Decider

CHUNK = 1000                            # images between two chances to stop


def run(p, checkpoint=None):
    """One run with parameters p (exp_params.Params). -> dict of arrays; names as in the README, "What a result holds"."""
    checkpoint = checkpoint or Checkpoint()
    seconds, below = lower.prepare(p, checkpoint)
    top = Training(p, below)
    if not top.resume(checkpoint):
        checkpoint.begin = time.process_time() - seconds
    with progress(p.epochs_s3 * top.n, f'{p.member} layer 3', unit='image', initial=top.epoch * top.n + top.at) as bar:
        while top.epoch < p.epochs_s3:
            done = top.advance()
            bar.update(done)
            if top.at == top.n:
                top.end_epoch()
                bar.set_postfix_str(top.summary())
            if top.net.waiting == 0:
                checkpoint.offer(top.frozen)
    kept = ('conv1_weight', 'conv2_weight', 'winners_1', 'winners_2', 'unsaturated_1', 'unsaturated_2', 'latency_histogram',
            'example_latency')
    return top.results() | {name: below[name] for name in kept} | {'lower_cpu_seconds': np.array(seconds)}


def outcome(decision, labels):
    """Numbers of right, wrong and silent decisions. -> (3,)"""
    right, silent = int((decision == labels).sum()), int((decision < 0).sum())
    return np.array([right, len(labels) - right - silent, silent])


def decider(p, weight):
    """Layer 3 with given weights (f, c, ky, kx)."""
    rates = p.reward_ltp, p.reward_ltd, p.punishment_ltd, p.punishment_ltp
    return Decider(weight.astype(p.s3_dtype), p.s3_bounds, rates, p.n_classes, p.class_map, p.batch_size)


class Training:
    """Layer 3 in training, epoch by epoch, window by window."""

    def __init__(self, p, below):
        """below: the result of lower.prepare."""
        self.p, self.below, self.n = p, below, p.n_train - p.n_validation
        self.net = decider(p, lower.initial_weights(p)[2])
        self.net.phi[:] = p.first_factors
        if p.competition == 'batch':
            self.net.clip()                        # the replication clips all layers after every batch
        self.epoch, self.at = 0, 0
        self.window, self.running = np.zeros(3, np.int64), np.zeros(3, np.int64)      # right, wrong, silent so far
        self.records = {'train': [], 'validation': [], 'test': [], 'tested': [], 'factors': []}
        self.best, self.best_weight = -1.0, self.net.W.copy()
        self.confusion = np.zeros((p.n_classes, p.n_classes + 1), np.int64)

    def advance(self):
        """Present the next images, at most to the end of their window. -> how many"""
        p = self.p
        size = min(CHUNK, p.factor_window - int(self.window.sum()), self.n - self.at)
        index = lower.order_of_images(p, self.n, 3, self.epoch)[self.at:self.at + size]
        labels = self.below['train_labels'][index]
        decision, _, _ = self.net.present(self.below['train'][index], labels, learn=True, off=self.dropped(size))
        self.window += outcome(decision, labels)
        self.at += size
        if self.window.sum() == p.factor_window or self.at == self.n:
            self.close_window()
        return size

    def dropped(self, size):
        """Maps that cannot win (dropout), one row an image; None without dropout. Its probability may fall to 0 over epochs."""
        p = self.p
        probability = p.s3_dropout * (max(0, 1 - self.epoch / p.dropout_epochs) if p.dropout_epochs else 1)
        if probability == 0:
            return None
        return np.random.default_rng([p.seed, 4, self.epoch, self.at]).random((size, p.n_maps[2])) < probability

    def close_window(self):
        """Adjust the learning rates to the window's hits and misses: phi_r = wrong / n, phi_p = right / n."""
        right, wrong, silent = self.window
        self.net.adjust(right, wrong + silent * self.p.silent_is_miss, self.window.sum())
        self.running += self.window
        self.window[:] = 0

    def test(self, part, labels):
        """Fractions right, wrong, silent with frozen weights, and the decisions."""
        decision, _, _ = self.net.present(part)
        return outcome(decision, labels) / len(labels), decision

    def end_epoch(self):
        """Record the epoch; test, and keep the best weights (of equals the later ones), by validation if there is one."""
        p, below = self.p, self.below
        if self.net.waiting:
            self.net.apply()
        self.records['train'].append((self.running / self.n).tolist())
        self.records['factors'].append(self.net.phi.tolist())
        self.epoch, self.at = self.epoch + 1, 0
        self.running[:] = 0
        if self.epoch % p.test_every and self.epoch != p.epochs_s3:
            return
        fractions, decision = self.test(below['test'], below['test_labels'])
        self.records['tested'].append(self.epoch - 1)
        self.records['test'].append(fractions.tolist())
        if p.n_validation:
            self.records['validation'].append(self.test(below['train'][self.n:], below['train_labels'][self.n:])[0].tolist())
        right = self.records['validation' if p.n_validation else 'test'][-1][0]
        if right >= self.best:
            self.best, self.best_weight = right, self.net.W.copy()
        self.confusion[:] = 0
        np.add.at(self.confusion, (below['test_labels'], decision), 1)      # decision -1: the last column

    def summary(self):
        """The last epoch in a few words."""
        test = f', test {100 * self.records["test"][-1][0]:.2f} %' if self.records['test'] else ''
        return f'epoch {self.epoch - 1}: training {100 * self.records["train"][-1][0]:.2f} %{test}'

    def frozen(self):
        """(meta, arrays) of the unfinished training."""
        meta = {'epoch': self.epoch, 'at': self.at, 'window': self.window.tolist(), 'running': self.running.tolist(),
                'records': self.records, 'best': self.best, 'clipped': self.net.clipped, 'phi': self.net.phi.tolist()}
        return meta, {'W': self.net.W, 'best_weight': self.best_weight, 'confusion': self.confusion}

    def resume(self, checkpoint):
        """Put everything back to the checkpoint's state. -> True if there is one"""
        saved = checkpoint.resume()
        if saved is None:
            return False
        meta, arrays = saved
        self.epoch, self.at, self.records, self.best = (meta[k] for k in ('epoch', 'at', 'records', 'best'))
        self.window[:], self.running[:], self.net.phi[:] = meta['window'], meta['running'], meta['phi']
        self.net.W[:], self.best_weight, self.confusion = arrays['W'], arrays['best_weight'], arrays['confusion']
        self.net.clipped = meta['clipped']
        self.net.round()
        return True

    def results(self):
        """What is saved of layer 3."""
        out = {f'{part}_fractions': np.array(self.records[part]).reshape(-1, 3) for part in ('train', 'test', 'validation')}
        return out | {'factors': np.array(self.records['factors']), 'test_epochs': np.array(self.records['tested']),
                      'confusion': self.confusion, 'conv3_weight': self.net.W, 'best_conv3_weight': self.best_weight}


if __name__ == '__main__':
    main('rstdp_mnist')
