"""R-STDP on MNIST: what several experiments share. A row's `value` takes the runs, [(meta, arrays), ...]."""
import functools

import numpy as np

from reproduction.evidence import members as members_of
from rstdp_mnist import exp_params
from rstdp_mnist.plot_panels import name_of

members = functools.partial(members_of, exp_params)


def at_epoch(part, epoch):
    """A row's value: accuracy (%) of each seed in one epoch (-1: the last); nan if it was not tested then."""
    def value(runs):
        found = []
        for _, arrays in runs:
            epochs = np.arange(len(arrays['train_fractions'])) if part == 'train' else arrays['test_epochs']
            at = np.flatnonzero(epochs == epoch) if epoch >= 0 else [len(epochs) - 1]
            found.append(100 * float(arrays[f'{part}_fractions'][at[0], 0]) if len(at) else float('nan'))
        return found
    return value


def best(runs):
    """A row's value: best test accuracy (%) of each seed."""
    return [100 * float(arrays['test_fractions'][:, 0].max()) for _, arrays in runs]


def by_validation(runs):
    """A row's value: test accuracy (%) of each seed in the epoch with the best validation accuracy (of equals the last)."""
    found = []
    for _, arrays in runs:
        right = arrays['validation_fractions'][:, 0]
        found.append(100 * float(arrays['test_fractions'][len(right) - 1 - int(np.argmax(right[::-1])), 0]))
    return found


def of(name, value):
    """A row's value, of the runs with this name (plot_panels.name_of) only."""
    return lambda runs: value([run for run in runs if name_of(run) == name])


def name_of_params(p):
    """name_of, of a run that has not been made yet."""
    return name_of(({'mode': p.mode, 'params': vars(p)}, None))


def curves(runs):
    """CSV of the accuracies of all runs: setting, seed, epoch, training, test, validation."""
    lines = ['setting,seed,epoch,train_accuracy,test_accuracy,validation_accuracy']
    for run in runs:
        meta, arrays = run
        tests = dict(zip(arrays['test_epochs'].tolist(), arrays['test_fractions'][:, 0].tolist(), strict=True))
        checks = dict(zip(arrays['test_epochs'].tolist(), arrays['validation_fractions'][:, 0].tolist(), strict=False))
        for epoch, train in enumerate(arrays['train_fractions'][:, 0]):
            lines.append(f'"{name_of(run)}",{meta["seed"]},{epoch},{train:.6f},{tests.get(epoch, "")},{checks.get(epoch, "")}')
    return '\n'.join(lines) + '\n'
