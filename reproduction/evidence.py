"""Rows and their statistics: pure functions from runs to numbers, intervals and verdicts.

A run is (meta, arrays) of a finished result. A row's `value` takes the runs of its experiment and gives one number an
independent run (a list) or one statistic (a float). A run that diverged counts as nan, and a row with a nan has no number.
"""
import math
from collections import namedtuple

import numpy as np
from scipy import stats

from common.params import load_params

LEVEL = 0.95                            # of the intervals

Paired = namedtuple('Paired', 'difference interval p n')       # mean difference, its interval, p of the paired t-test


def row(quantity, value, paper=None, released=None, band=None, setting='default', main=False, note=None, quick_band=None,
        median=False, n=None):
    """One line of an experiment's table.

    value: function of the runs, see above; paper, released: the paper's and the released program's number; band: (low, high) in
    which ours must lie, ends included, None for an open end; main: shown on the front page too; median: judge the median over
    runs, not the mean; n: number of independent runs that enter a value that is one statistic (default: all of them).
    """
    return {'quantity': quantity, 'value': value, 'paper': paper, 'released': released, 'band': band, 'setting': setting,
            'main': main, 'note': note, 'quick_band': quick_band, 'median': median, 'n': n}


# ---------------------------------------------------------------- runs and values

def members(module, mode, seeds=(None,), **given):
    """Params of a mode of this exp_params module, one a seed; seeds=(None,): the mode's own seed."""
    return [load_params(module, mode=mode, **given | ({} if seed is None else {'seed': seed})) for seed in seeds]


def each(function):
    """A row's value from a function of one run's arrays and parameters: one number a run; nan for a run that diverged."""
    return lambda runs: [float(function(d, meta['params'])) if meta['diverged_at'] < 0 else math.nan for meta, d in runs]


def chosen(select, value):
    """A row's value, of the runs for which select(meta) is true only."""
    return lambda runs: value([run for run in runs if select(run[0])])


# ---------------------------------------------------------------- statistics

def sem(values):
    """Standard error of the mean, from the unbiased variance (n - 1); None for fewer than two values."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None


def mean_interval(values):
    """95 % interval of the mean (Student's t); None for fewer than two values."""
    if len(values) < 2:
        return None
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * sem(values)
    return float(np.mean(values) - half), float(np.mean(values) + half)


def median_interval(values):
    """At least 95 % interval of the median from order statistics (binomial, no assumption); None if too few values (< 6)."""
    ordered, n = np.sort(np.asarray(values, float)), len(values)
    k = int(stats.binom.ppf((1 - LEVEL) / 2, n, 0.5))            # fewer than k of n below the median: 2.5 % or less
    return (float(ordered[k - 1]), float(ordered[n - k])) if k >= 1 else None


def paired(a, b):
    """Paired comparison a - b of runs with the same seeds. -> Paired(mean difference, 95 % interval, two-sided p, n)"""
    if len(a) != len(b):
        raise ValueError(f'{len(a)} and {len(b)} runs cannot be paired')
    difference = np.asarray(a, float) - np.asarray(b, float)
    if len(difference) < 2:
        return Paired(float(difference.mean()), None, None, len(difference))
    p = 1.0 if not difference.any() else float(stats.ttest_1samp(difference, 0.0).pvalue)
    return Paired(float(difference.mean()), mean_interval(difference), p, len(difference))


def evaluate(row, runs):
    """{'ours', 'sem', 'interval', 'n'} of a row: mean (or median) over independent runs, or one statistic; None where a run
    diverged or there is nothing to say."""
    value = row['value'](runs)
    if not isinstance(value, list):
        n = row.get('n') or len(runs)
        return {'ours': float(value) if math.isfinite(value) else None, 'sem': None, 'interval': None, 'n': n}
    values = np.array(value, float)
    if not len(values) or not np.isfinite(values).all():
        return {'ours': None, 'sem': None, 'interval': None, 'n': len(values)}
    centre, interval = (np.median, median_interval) if row.get('median') else (np.mean, mean_interval)
    return {'ours': float(centre(values)), 'sem': sem(values), 'interval': interval(values), 'n': len(values)}


def verdict(ours, band):
    """'pass' (ours lies in the band, ends included), 'miss' or 'no band'. An open end of a band is None."""
    if band is None:
        return 'no band'
    low, high = (-math.inf if band[0] is None else band[0]), (math.inf if band[1] is None else band[1])
    return 'pass' if ours is not None and low <= ours <= high else 'miss'


# ---------------------------------------------------------------- numbers for people

def number(value, digits=4):
    """A number for people: `digits` significant digits, whole from 10^digits on, powers of ten below 0.001 and from 10^7 on."""
    if value is None:
        return '–'
    if 10 ** digits <= abs(value) < 1e7:
        return f'{value:.0f}'
    if value == 0 or 1e-3 <= abs(value) < 10 ** digits:
        return f'{float(f"{value:.{digits}g}"):g}'
    figures, power = f'{value:.{digits - 1}e}'.split('e')
    return f'{figures.rstrip("0").rstrip(".") if "." in figures else figures}e{int(power)}'


def ours(row):
    """'mean ± s.e.m.' of a finished row; 'value (median)', 'value' of one statistic."""
    if row.get('median') and row['ours'] is not None:
        return f'{number(row["ours"])} (median)'
    return number(row['ours']) + (f' ± {number(row["sem"], 2)}' if row['sem'] is not None else '')


def published(row):
    """The paper's number of a finished row, or the released program's, called so, where the paper has none."""
    return number(row['paper']) if row['paper'] is not None else f'{number(row["released"])} (released program)' \
        if row['released'] is not None else '–'


def band(row):
    """'low .. high' of a finished row, open ends as inequalities."""
    if row['band'] is None:
        return '–'
    low, high = row['band']
    return f'≥ {number(low)}' if high is None else f'≤ {number(high)}' if low is None else f'{number(low)} .. {number(high)}'


def key(found):
    """What an experiment (or one of its finished rows) is called by: (folder, mode, figure)."""
    return found['folder'], found['mode'], found['figure']


def groups(rows):
    """Finished rows of one experiment together: {key: rows}."""
    found = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def unjudged(rows):
    """How many finished rows have a number and no band."""
    return sum(row['verdict'] == 'no band' and row['ours'] is not None for row in rows)
