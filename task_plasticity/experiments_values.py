"""Task-dependent representations: how a row gets its value from finished runs [(meta, arrays), ...]."""
import math

import numpy as np

from reproduction import evidence
from task_plasticity import exp_params
from task_plasticity.plot_measures import session

PI = np.pi
HEADLINE, FEW, MANY = (1, 2, 3), tuple(range(1, 6)), tuple(range(1, 26))      # seeds
CLAIMS = {
    'fig_1': 'A local three-factor rule with a global reward learns to report a stimulus from a noisy recurrent network.',
    'fig_2': 'Resources follow the prior: probable stimuli get more neurons, higher rates and lower error.',
    'fig_3': 'The noisier the network, the more it relies on its recurrence; at the highest noise learning moves noise out of '
             'the space that the read-out sees.',
    'fig_4': 'With another reward the same rule learns to classify; resources go to the probable class boundary.',
    'replay': 'The published network, from its seed: 26 million steps of the released random stream.',
}


def members(mode, seeds=(1,), **given):
    """Params of a mode for several seeds."""
    return evidence.members(exp_params, mode, seeds, **given)


def row(quantity, value, released=None, band=None, setting='default', median=True, **given):
    """One line of the results table; the bands are meant for the median over networks."""
    return evidence.row(quantity, value, None, released, band, setting, median=median, **given)


def measured(function, suffix='_2'):
    """A row's value: a function of the test session of each run; nan for a run that diverged."""
    return lambda runs: [float(function(session(meta, d, suffix))) if meta['diverged_at'] < 0 else math.nan for meta, d in runs]


def trained(function):
    """A row's value: a function of the mean rewards of the training trials of each run."""
    return evidence.each(lambda d, p: function(d['objective_2']))


def of(value, **wanted):
    """A row's value, of the runs whose parameters are as wanted (mode=, sigma=, ...)."""
    return evidence.chosen(lambda meta: all(meta['params'][name] == x for name, x in wanted.items()), value)


def over(a, b):
    """A row's value: one value over another, run by run (the runs of both have the same seeds in the same order)."""
    return lambda runs: [x / y for x, y in zip(a(runs), b(runs), strict=True)]


def minus(a, b):
    """The same, one value minus another."""
    return lambda runs: [x - y for x, y in zip(a(runs), b(runs), strict=True)]


def tested(statement, a, b, released=None, band=None, **given):
    """Two rows about two values of the same networks: the mean difference a - b with its interval, and the p of the paired t
    test (two-sided)."""
    return [row(f'{statement}: difference', minus(a, b), released, band, median=False, **given),
            row(f'{statement}: p of the paired t test', lambda runs: evidence.paired(a(runs), b(runs)).p, None, None, **given)]
