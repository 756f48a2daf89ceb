"""Run an experiment: edit exp_params.py and run this file, or

    python -m biohsic.simulation mode=biohsic_mnist nmodels=5                 one run, all its networks together
    python -m biohsic.simulation mode=memory_sweep array_num=0                all members of the sweep

`run` is pure: parameters in, arrays out. Untrained networks first (epoch 0), then
every epoch: learn from each window and measure it with the new weights, then the test set.
"""
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from biohsic import data, diagnostics, reservoir
from biohsic.layers import generator
from biohsic.networks import LifModels, MlpModels
from common.checkpoint import Checkpoint
from common.running import progress
from common.script import main

CHUNK = {'lif': 300, 'mlp': 1000, 'cnn': 10}                 # windows between two looks at the clock
LIMIT = 1e6                                                  # weights or membrane states beyond it have blown up


def run(p, checkpoint=None):
    """One run with parameters p (exp_params.Params). -> dict of arrays; names as in the README, "What a result holds"."""
    checkpoint = checkpoint or Checkpoint()
    if p.task == 'reservoir':
        return reservoir.run(p, checkpoint)
    sets = data.load(p)
    sets = sets if p.net_kind == 'cnn' else sets.flat
    models = models_of(p).begin(p, sets)
    history, diverged_at = train(p, models, sets, checkpoint)
    final = {f'final_{name}': value for name, value in models.weights().items()}
    return history.arrays() | final | {'diverged_at': np.array(diverged_at)}


def models_of(p):
    """The class of the networks of run p; torch is imported for convolutions only."""
    if p.net_kind == 'cnn':
        from biohsic.cnn import CnnModels
        return CnnModels
    return LifModels if p.net_kind == 'lif' else MlpModels


# ---------------------------------------------------------------- training

class History:
    """Metrics of every epoch, and the sums of the one that is running."""

    def __init__(self, p, n_models, columns):
        rows = p.nepochs + 1
        self.p, self.epoch, self.position = p, 0, 0
        self.train = np.full((rows, n_models, 1 + columns), np.nan)            # loss while learning, then the metrics
        self.test, self.subset = np.full((rows, n_models, columns), np.nan), np.full((rows, n_models, columns), np.nan)
        self.sums, self.weight = np.zeros((n_models, 1 + columns)), 0.0
        shapes = {'kz': (diagnostics.BINS,), 'xi': (), 'cosine': (), 'hsic': (2,)} if p.sliding and p.features else {}
        self.factor = {name: np.full((rows, n_models, len(p.features), *shape), np.nan) for name, shape in shapes.items()}

    def add(self, out, weights):
        """Windows measured: out (M, windows, 1 + columns), weights (windows,)."""
        self.sums += np.einsum('mwc,w->mc', out, weights)
        self.weight += weights.sum()

    def close_epoch(self, test, subset, factor):
        """The epoch is over: its training means, the test set's (M, columns), and what diagnostics.report found."""
        if self.weight:
            self.train[self.epoch] = self.sums / self.weight
        self.test[self.epoch] = test
        if subset is not None:
            self.subset[self.epoch] = subset
        for name, value in factor.items():
            self.factor[name][self.epoch] = value
        self.sums[:], self.weight = 0.0, 0.0
        self.epoch, self.position = self.epoch + 1, 0

    def arrays(self):
        """Result arrays (epochs + 1, M); *_hsic (epochs + 1, M, layers, 3): objective, HSIC(x, z), HSIC(y, z);
        third_factor_* (epochs + 1, M, hidden layers, ...), see diagnostics."""
        out = {'step_loss': self.train[:, :, 0]} | {f'third_factor_{name}': value for name, value in self.factor.items()}
        for name, values in (('train', self.train[:, :, 1:]), ('test', self.test), ('check', self.subset)):
            if name == 'check' and not self.p.check_size:
                continue
            out |= {f'{name}_loss': values[:, :, 0], f'{name}_accuracy': values[:, :, 1]}
            if values.shape[2] > 2:
                out[f'{name}_hsic'] = values[:, :, 2:].reshape(*values.shape[:2], -1, 3)
        return out


def train(p, models, sets, checkpoint):
    """All epochs, in place. -> (History, number of the window after which a weight was found beyond all bounds, or -1: windows
    from the first that was learned; looked at every CHUNK windows)"""
    n, n_models = len(sets.train_x), p.nmodels
    windows = n - p.batch_size + 1 if p.sliding else -(-n // p.batch_size)
    history = History(p, n_models, models.columns)
    resume(checkpoint, models, history)
    step = CHUNK[p.net_kind]
    done = history.epoch * windows + history.position
    with progress((p.nepochs + 1) * windows, p.member, unit='window', unit_scale=True, initial=done) as bar:
        while history.epoch <= p.nepochs:
            if history.epoch == 0:
                untrained(p, models, sets, windows, history)
                bar.update(windows)
            else:
                orders = sample_orders(p, n, history.epoch)
                while history.position < windows:
                    count = min(step, windows - history.position)
                    learn_chunk(p, models, sets, orders, count, windows, history)
                    history.position += count
                    bar.update(count)
                    if blown_up(models.state()):
                        return history, (history.epoch - 1) * windows + history.position - 1
                    checkpoint.offer(frozen, models, history)
            history.close_epoch(measure(p, models, sets.test_x, sets.test_y, history.epoch),
                                measure(p, models, sets.train_x[:p.check_size], sets.train_y[:p.check_size], 0)
                                if p.check_size else None,
                                diagnostics.report(p, models, sets) if history.factor else {})
            if history.factor and history.epoch in (1, p.nepochs + 1):
                when = 'before learning' if history.epoch == 1 else 'at the end'
                diagnostics.name_silence(p, history.factor['xi'][history.epoch - 1], when)
            checkpoint.offer(frozen, models, history)
    return history, -1


def blown_up(state):
    """True if a weight or membrane state is beyond LIMIT, or anything (moments of the optimiser, too) is not finite."""
    return not all((np.abs(array) < (np.inf if name[0] in 'mv' else LIMIT)).all() for name, array in state.items())


def sample_orders(p, n, epoch):
    """The epoch's permutation of the samples, the same for all networks, or one for each (D19)."""
    seed = p.seed if p.order_seed is None else p.order_seed
    return [generator(seed, 1, epoch, k).permutation(n) for k in range(p.nmodels if p.independent_orders else 1)]


def learn_chunk(p, models, sets, orders, count, windows, history):
    """`count` windows from history.position on."""
    N, first = p.batch_size, history.position
    begin, end = (first, first + count + N) if p.sliding else (first * N, (first + count) * N)
    xs, labels = ([a[order[begin:end]] for order in orders] for a in (sets.train_x, sets.train_y))
    more = {}
    if p.net_kind == 'cnn':
        more['augmentation'] = generator(p.seed if p.order_seed is None else p.order_seed, 2, history.epoch, first)
    out = models.train(xs, labels, count, windows, **more)
    if not p.train_metrics and p.net_kind != 'lif':
        out[:, :, 1:] = np.nan                               # not measured
    sizes = np.ones(count)
    if not p.sliding and p.accuracy == 'samples':            # the last batch may be smaller
        sizes = np.minimum(N, len(xs[0]) - np.arange(count) * N).astype(float)
    history.add(out, sizes)


def untrained(p, models, sets, windows, history):
    """Epoch 0: metrics of the untrained networks over the training windows (lif: from u = 0; cnn: not augmented)."""
    order = sample_orders(p, len(sets.train_x), 0)[0]
    if p.net_kind == 'lif':
        out = models.train([sets.train_x[order]], [sets.train_y[order]], windows, windows, learn=False)
        out[:, :, 0] = np.nan                                # nothing was learned, so there is no loss while learning
        history.add(out, np.ones(windows))
    elif p.train_metrics:
        out = models.evaluate(sets.train_x, sets.train_y)[:, order]
        history.add(np.concatenate([out[:, :, :1], out], axis=2), multiplicity(p, len(order)))


def multiplicity(p, n):
    """In how many windows each sample of an epoch's order lies; disjoint batches: once."""
    if not p.sliding:
        return np.ones(n)
    t, N = np.arange(n), p.batch_size
    return (np.minimum(t, n - N) - np.maximum(t - N + 1, 0) + 1).astype(float)


def measure(p, models, x, labels, epoch):
    """Metrics of a set (M, columns), means over its samples; accuracy='batches': over batches of a shuffled set (D10)."""
    order = generator(p.seed if p.order_seed is None else p.order_seed, 5, epoch).permutation(len(x))
    out = models.evaluate(x[order], labels[order])
    if p.net_kind == 'lif':
        sizes = np.minimum(p.batch_size, len(x) - np.arange(out.shape[1]) * p.batch_size).astype(float)
        share = sizes if p.accuracy == 'samples' else np.ones_like(sizes)
        mean = np.einsum('mbc,b->mc', out, share / share.sum())
        whole = share * (sizes > 1)                          # HSIC of one sample is undefined
        mean[:, 2:] = np.einsum('mbc,b->mc', out[:, :, 2:], whole / whole.sum()) if whole.any() else np.nan
        return mean
    if p.accuracy == 'samples':
        return out.mean(axis=1)
    batches = [out[:, i:i + p.test_batchsize].mean(axis=1) for i in range(0, len(x), p.test_batchsize)]
    return np.mean(batches, axis=0)


# ---------------------------------------------------------------- checkpoints

def frozen(models, history):
    """(meta, arrays) of an unfinished run."""
    arrays = {f'model_{name}': value for name, value in models.state().items()}
    arrays |= {name: getattr(history, name) for name in ('train', 'test', 'subset', 'sums')}
    arrays |= {f'factor_{name}': value for name, value in history.factor.items()}
    return {'epoch': history.epoch, 'position': history.position, 'weight': history.weight, 'updates': models.updates}, arrays


def resume(checkpoint, models, history):
    """Put everything back to the checkpoint's state, if there is one."""
    saved = checkpoint.resume()
    if saved is None:
        return
    meta, arrays = saved
    state = {name[6:]: value for name, value in arrays.items() if name.startswith('model_')}
    if hasattr(models, 'restore'):
        models.restore(state)
    else:
        for name, value in models.state().items():
            value[...] = state[name]
    for name in ('train', 'test', 'subset', 'sums'):
        getattr(history, name)[...] = arrays[name]
    for name, value in history.factor.items():
        value[...] = arrays[f'factor_{name}']
    history.epoch, history.position, history.weight = meta['epoch'], meta['position'], meta['weight']
    models.updates = meta['updates']


if __name__ == '__main__':
    main('biohsic')
