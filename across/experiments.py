"""The five rules on one page: what reproduce.py runs, and the numbers it shows. Nothing here was published before: no paper, no
released value; the only bands are those of the checks, whose answer is known."""
import numpy as np

from across import exp_params
from across.checks import COST
from reproduction.evidence import each, members, row

STAGES = ('untrained', 'trained')
NAMES = {'backprop': 'back-propagation', 'hsic': 'HSIC-Hebbian', 'hsic_exact': 'HSIC-Hebbian, exact signal'}
CHECKS = {'backprop': (0.99, 1), 'hsic_exact': (0.99, 1)}      # mathematics: the mean of their updates is the gradient
CLAIM = ('Five local rules by the same measures: how close the mean update is to the gradient, how noisy a single one is, how '
         'many samples learning takes, and what accuracy on MNIST costs. Tasks and networks differ, so only rules of the same '
         'network compare directly.')


def of(rule, name, stage):
    """A row's value: a measure of one rule, one number a seed."""
    return lambda runs: each(lambda d, p: d[name][stage])([run for run in runs if run[0]['params']['rule'] == rule])


def crossing(rule, stage):
    """A row's value: the n at which the median over seeds of the cosine of n updates' mean comes within 45 degrees."""
    from across.measures import RIGHT_WAY, first_crossing

    def value(runs):
        blocks = np.array([d['blocks'][stage] for meta, d in runs if meta['params']['rule'] == rule])
        return first_crossing(blocks[0, :, 0], np.median(blocks[:, :, 1], axis=0), RIGHT_WAY)
    return value


def updates(level):
    """Alignment and noise of all rules."""
    seeds, more = (range(1, 4), {'length': 0.1}) if level == 'quick' else (exp_params.SEEDS, {})
    runs = [p for rule in COST for p in members(exp_params, 'updates', seeds, rule=rule, **more)]
    rows = []
    for rule in COST:
        for stage, when in enumerate(STAGES):
            rows += [row(f'{NAMES[rule]}, {when}: cosine of the mean update with the gradient', of(rule, 'cosine', stage),
                         band=CHECKS.get(rule)),
                     row(f'{NAMES[rule]}, {when}: signal to noise ratio of one update', of(rule, 'snr', stage), median=True),
                     row(f'{NAMES[rule]}, {when}: samples until within 45 degrees of the gradient', crossing(rule, stage),
                         n=len(seeds))]
    return {'mode': 'updates', 'figure': 'fig_rules', 'claim': CLAIM, 'runs': runs, 'rows': rows}


def experiments(level):
    """All experiments of a level: 'quick', 'headline' or 'paper'."""
    return [updates(level)]
