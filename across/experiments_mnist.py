"""MNIST for the rules that classify: runs of the folders' own modes, under the folders' own keys; nothing is tuned here.

5,000 training images (microcircuits: 5,000 drawn anew for each seed; the others: the first 5,000) or all, 10,000 test images.
"""
import numpy as np

from biohsic import exp_params as hsic
from microcircuits import exp_params as circuits
from reproduction.evidence import members, row
from rstdp_mnist import exp_params as spikes

FEW, ALL = 5000, 60_000                 # training images
NAMES = {'bp': 'back-propagation, 784-128-64-10', 'hsic': 'HSIC gradient, 784-128-64-10',
         'released': 'HSIC-Hebbian, 784-128-64-10', 'BP': 'circuit with weight transport, 784-100-10', 'PAL': 'PAL, 784-100-10',
         'FA': 'feedback alignment, 784-100-10', 'winner': 'R-STDP, 30-250-200 maps',
         'true_class': 'R-STDP, true class, 30-250-200', 'margin': 'R-STDP, margin, 30-250-200'}
CLAIM = ('Accuracy on the same 10,000 test images of MNIST against images seen and against CPU seconds: rules, networks and '
         'training sets as in their papers. Networks differ in size and architecture, the spiking one has filters for eyes.')


def runs():
    """Params of all runs."""
    found = []
    for images, more in ((FEW, dict(train_size=FEW, nmodels=3, nepochs=25)), (ALL, dict(nmodels=3, nepochs=5))):
        found += [members(hsic, mode, **more)[0] for mode in ('biohsic_mnist', 'hsic_mnist', 'bp_mnist')]
        few = {'n_train': FEW} if images == FEW else {}
        found += members(spikes, 'paper_short', range(3), **few) + members(spikes, 'true_class', range(3), **few)
    found += members(spikes, 'paper_short', range(3), reward='margin', n_train=FEW)
    return found + [members(circuits, 'mnist', array_num=i)[0] for i in range(1, 1 + len(circuits.SWEEPS['mnist']))]


def curve(meta, d):
    """(rule, training images, images seen (k,), test accuracy in % (k, networks), CPU seconds a network (k,)) of a run."""
    p, seconds = meta['params'], meta['cpu_seconds']
    if 'nmodels' in p:                             # biohsic
        rule = p['modulator'] if p['task'] == 'biohsic' else p['task']
        n, epochs = p['train_size'] or ALL, np.arange(p['nepochs'] + 1)
        return rule, n, n * epochs, 100 * d['test_accuracy'], seconds / p['nmodels'] * epochs / p['nepochs']
    if 'model_type' in p:                          # microcircuits
        n, epochs = p['dataset_size'], d['test_epoch']
        return p['model_type'], n, n * epochs, 100 * d['test_accuracy'][:, None], seconds * epochs / p['epochs']
    n, epochs, lower = p['n_train'], d['test_epochs'] + 1, float(d['lower_cpu_seconds'])
    return p['reward'], n, n * epochs, 100 * d['test_fractions'][:, :1], lower + (seconds - lower) * epochs / p['epochs_s3']


def gathered(runs, n):
    """{rule: (images seen (k,), accuracy (k, networks), CPU seconds (k,))} of the runs with n training images."""
    found = {}
    for rule, images, seen, accuracy, seconds in (curve(*run) for run in runs):
        if images == n:
            found.setdefault(rule, []).append((seen, accuracy, seconds))
    return {rule: (some[0][0], np.concatenate([a for _, a, _ in some], axis=1), np.mean([s for _, _, s in some], axis=0))
            for rule, some in sorted(found.items(), key=lambda item: list(NAMES).index(item[0]))}


def at(rule, n, epoch):
    """A row's value: test accuracy (%) of each network after so many epochs of n images (-1: the last)."""
    def value(runs):
        seen, accuracy, _ = gathered(runs, n)[rule]
        return [float(v) for v in accuracy[-1 if epoch < 0 else int(np.flatnonzero(seen == n * epoch)[0])]]
    return value


def mnist():
    """All curves."""
    rows = [row(f'{NAMES[rule]}, {FEW:,} images: test accuracy at the end, %', at(rule, FEW, -1)) for rule in NAMES]
    rows += [row(f'{NAMES[rule]}, {ALL:,} images: test accuracy after 5 epochs, %', at(rule, ALL, 5))
             for rule in ('bp', 'hsic', 'released', 'winner', 'true_class')]
    return {'mode': 'mnist', 'figure': 'fig_mnist', 'claim': CLAIM, 'runs': runs(), 'rows': rows, 'needs': 'mnist'}
