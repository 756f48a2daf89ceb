"""Impression learning: the experiments of Fig. 2 (SNR, dimensionality). See experiments.py for rows and bands."""
import numpy as np

from common.params import load_params
from impression_learning import exp_params, plot_tuned
from impression_learning import plot_panels as panels
from impression_learning.experiments_shared import (
    RELEASED,
    REPLAYED,
    last_to_first,
    params,
    published_loss,
    published_wake_loss,
    row,
    single,
)
from reproduction.evidence import each

DIMENSIONS = (2, 4, 8, 16, 32)


def snr(runs, rule):
    """SNR of a rule, mean over weights: (seeds, snapshots)."""
    return panels.stack(runs, f'snr_{rule}').mean(axis=(2, 3))


def ratio(runs, rule, at):
    """SNR of impression learning over that of a rule, each the mean over seeds, at a snapshot."""
    return float(snr(runs, 'il')[:, at].mean() / snr(runs, rule)[:, at].mean())


def at_snapshot(values, pick, centre=np.mean):
    """A row's value, one number a seed: values(runs) (seeds, snapshots) at the snapshot that `pick` takes of their centres."""

    def value(runs):
        found = values(runs)
        return list(found[:, pick(centre(found, axis=0))])

    return value


def cosines(name):
    """A row's values: the array of one cosine, (seeds, snapshots)."""
    return lambda runs: panels.stack(runs, name)


def snr_rows():
    """Fig. 2a-c: acceptance numbers over seeds, default setting."""

    def il(runs):
        return snr(runs, 'il')

    return [
        row('last / first test loss', each(last_to_first), 0.20, (0.12, 0.6)),
        row('IL SNR, seed mean, lowest snapshot', at_snapshot(il, np.argmin), 0.09, (0.07, 0.15), main=True),
        row('IL SNR, seed mean, highest snapshot', at_snapshot(il, np.argmax), 0.12, (0.07, 0.15)),
        row('IL SNR, lowest seed and snapshot', lambda runs: float(il(runs).min()), 0.021, (0.015, 0.3)),
        row('IL SNR, highest seed and snapshot', lambda runs: float(il(runs).max()), 0.18, (0.015, 0.3)),
        row('corrected REINFORCE: cosine with IL, seed mean, lowest snapshot',
            at_snapshot(cosines('cosine_corrected'), np.argmin), None, (0.75, 1)),
        row('corrected REINFORCE: cosine, median seed, lowest snapshot',
            at_snapshot(cosines('cosine_corrected'), np.argmin, np.median), None, (0.85, 1), median=True),
        row('corrected REINFORCE: share of seeds ever below 0.5',
            lambda runs: float((cosines('cosine_corrected')(runs).min(axis=1) < 0.5).mean()), None, (0, 0.1)),
        row('share of (seed, snapshot) pairs with IL SNR above corrected REINFORCE',
            lambda runs: list((il(runs) > snr(runs, 'corrected')).mean(axis=1)), None, (0.95, 1)),
        row('SNR ratio IL / corrected REINFORCE, untrained', lambda runs: ratio(runs, 'corrected', 0), None, (10, None),
            main=True),
        row('SNR ratio IL / corrected REINFORCE, trained', lambda runs: ratio(runs, 'corrected', -1), None, (1.5, None)),
        row('SNR ratio IL / REINFORCE with the fantasy–stimulus term, lowest snapshot',
            lambda runs: float((il(runs).mean(axis=0) / snr(runs, 'stimulus_term').mean(axis=0)).min()), None, (50, None)),
        row('REINFORCE with that term: trained / untrained SNR',
            lambda runs: float(snr(runs, 'stimulus_term')[:, -1].mean() / snr(runs, 'stimulus_term')[:, 0].mean()), 0.05,
            (0, 1)),
    ]


FORMS = {'corrected': 'REINFORCE corrected', 'stimulus_term': 'REINFORCE with the fantasy–stimulus term',
         'released': 'REINFORCE as released'}
SNAPSHOTS = (('untrained', 0), ('trained', -1))


def snr_ratios():
    """How far the SNR of each form of REINFORCE lies below impression learning's: of seed means, and for the corrected form
    seed by seed."""

    def of_seeds(at):
        return lambda runs: list(snr(runs, 'il')[:, at] / snr(runs, 'corrected')[:, at])

    rows = [row(f'SNR ratio IL / {name}, {when}', lambda runs, rule=rule, at=at: ratio(runs, rule, at),
                main=rule == 'released' and at == 0)
            for rule, name in FORMS.items() for when, at in SNAPSHOTS]
    return rows + [row(f'SNR ratio IL / {FORMS["corrected"]}, {when}, median seed', of_seeds(at), median=True)
                   for when, at in SNAPSHOTS]


def exact_cosines():
    """How close the mean update of each rule is to the exact gradient.

    Corrected REINFORCE is an unbiased estimate of it (Williams 1992), but for a baseline of weight 0.01 that has seen steps of
    its own episode, and for the noise of a million repeats: hence its band.
    """
    rows = [row(f'{name}: cosine of the mean update with the exact gradient, {when}, median seed',
                each(lambda d, p, rule=rule, at=at: d[f'exact_cosine_{rule}'][at]), median=True)
            for rule, name in ({'il': 'IL'} | FORMS).items() for when, at in SNAPSHOTS]
    for rule, name, band in (('il', 'IL', None), ('corrected', FORMS['corrected'], (0.99, 1))):
        values = cosines(f'exact_cosine_{rule}')
        rows += [row(f'{name}: cosine with the exact gradient, median seed, lowest snapshot',
                     at_snapshot(values, np.argmin, np.median), None, band, median=True),
                 row(f'{name}: cosine with the exact gradient, lowest seed and snapshot',
                     lambda runs, values=values: float(values(runs).min()))]
    return rows


def signal_to_noise(level):
    """Fig. 2a-c and the finding on REINFORCE's SNR."""
    size = {'quick': {'scale': 0.02}, 'headline': {'epoch_num_snr': 100_000}, 'paper': {}}[level]
    runs = params('SNR', range(1, 21) if level != 'quick' else (1, 2), **size)
    claim = 'The updates of impression learning have a higher SNR than those of a three-factor rule, which so needs more data.'
    found = [
        {'mode': 'SNR', 'figure': 'fig_2abc', 'claim': claim, 'runs': runs, 'rows': snr_rows()},
        {'mode': 'SNR', 'figure': 'fig_2_norms', 'runs': runs, 'rows': [],
         'claim': 'The mean updates of the two rules: their scalar product, their sizes, their similarity.'},
    ]
    if level == 'quick':
        return found
    exact, at = params('SNR', (1,), seed=1, **REPLAYED), RELEASED
    rows = [
        row('IL SNR, seed 1, untrained', each(lambda d, p: d['snr_il'][0].mean()), 0.12480901, (0.1248, 0.1249), at),
        row('released REINFORCE SNR, seed 1, untrained', each(lambda d, p: d['snr_released'][0].mean()), 4.1967332e-10,
            (0, 1e-8), at, main=True),
        row('released REINFORCE SNR, seed 1, trained', each(lambda d, p: d['snr_released'][-1].mean()), 1.11196e-11, (0, 1e-8),
            at),
        row('released REINFORCE: cosine with IL, untrained', each(lambda d, p: d['cosine_released'][0]), 0.98130096, (0.95, 1),
            at),
        row('released REINFORCE: cosine, trained minus snapshot 10',
            each(lambda d, p: d['cosine_released'][-1] - d['cosine_released'][10]), 0.222 - 0.878, (-1, 0), at),
        row('corrected REINFORCE SNR, seed 1, trained', each(lambda d, p: d['snr_corrected'][-1].mean()), None, None, at),
    ]
    words = (
        'Of the eight to ten orders of magnitude between the two SNRs in the released figure, one to two are real before '
        'training and less than one after it; up to three come from the fantasy–stimulus term in the loss of REINFORCE, most '
        'of the rest from eligibility traces that are never reset (Q5).'
    )
    found += [
        {'mode': 'SNR', 'figure': 'fig_reinforce_snr', 'claim': words, 'runs': runs, 'rows': snr_ratios() + exact_cosines()},
        {'mode': 'SNR', 'figure': 'fig_reinforce_snr_released', 'claim': words, 'runs': exact, 'rows': rows},
    ]
    return found


def dimensionality(level):
    """Fig. 2d with one rate a rule, as released; all rules judged by the same wake loss."""
    numbers, scale = ((1, 2), {'scale': 0.02}) if level == 'quick' else ((1, 2, 3, 4, 5), {})
    runs = [p for mode, first in (('dimensionality', 0), ('dimensionality', 5), ('backprop', 0))
            for p in params(mode, [first + n for n in numbers], **scale)]
    found = {'mode': 'dimensionality', 'figure': 'fig_2d', 'runs': runs, 'rows': [],
             'claim': 'One rate a rule, as in the released program: impression learning has learned, REINFORCE has hardly '
                      'moved (its best rates: mode tuned).'}
    if level == 'quick':
        return [found]

    def wake_to_untrained(d, p):
        """Pure-wake loss of the final network over the test loss of the untrained one."""
        return published_wake_loss(d, p) / published_loss(d, p)[0]

    rows = [row(f'IL d = {d}: {name}', single(i, value), released, band)
            for i, d, low, high, bottom, top in ((0, 2, 0.15, 0.24, 0.004, 0.010), (2, 8, 0.15, 0.22, 0.004, 0.009))
            for name, value, released, band in (('last / untrained test loss', last_to_first, 0.19, (low, high)),
                                                ('pure-wake / untrained test loss', wake_to_untrained, 0.007, (bottom, top)))]
    rows += [row(f'IL d = {d}: R² in wake', single(i, lambda d, p: d['R2']), r, (0.985, 1))
             for i, (d, r) in enumerate(zip(DIMENSIONS, (0.991, 0.992, 0.991, 0.991, 0.990), strict=True))]
    rows += [row('wake loss at the one rate 1e-6 of REINFORCE / IL, d = 2',
                 lambda runs: float(runs[5][1]['wake_loss'] / runs[0][1]['wake_loss']), 50, None, n=1),
             row('backpropagation d = 2: R² in wake', single(10, lambda d, p: d['R2']), 0.994, (0.985, 1)),
             row('backpropagation d = 8: R² in wake', single(12, lambda d, p: d['R2']), 0.9956, (0.99, 1))]
    return [found | {'rows': rows}]


def tuned(level):
    """Fig. 2d with every rule at its best stable rate, ten seeds; headline: d = 2 and 8."""
    if level == 'quick':
        return []
    sizes = DIMENSIONS if level == 'paper' else (2, 8)
    members = exp_params.SWEEPS['tuned']
    runs = [load_params(exp_params, mode='tuned', array_num=i) for i, m in enumerate(members, 1) if m['n_neurons'] in sizes]
    rows = [row(f'{name}, d = {d}: wake loss at its best stable rate', plot_tuned.final_loss(rule, d))
            for d in sizes for rule, name in plot_tuned.RULES.items()]
    rows += [row(f'{name} minus impression learning, d = {d}: wake loss, each at its best rate',
                 plot_tuned.differences(rule, 'wake_sleep', d), None, (0, None) if rule != 'backprop' else None,
                 main=rule == 'reinforce_wake' and d == 8)
             for d in sizes for rule, name in plot_tuned.RULES.items() if rule != 'wake_sleep']
    rows += [row(f'{name}, d = {d}: best stable rate', lambda runs, rule=rule, d=d: plot_tuned.best(runs)[rule, d].rate, n=10)
             for d in sizes for rule, name in plot_tuned.RULES.items()]
    rows.append(row('best rates that lie on the edge of the rates tried', lambda runs: float(len(plot_tuned.at_edge(runs))),
                    None, (0, 0), n=10))
    return [{'mode': 'tuned', 'figure': 'fig_2d_tuned', 'runs': runs, 'rows': rows,
             'claim': 'With every rule at its best learning rate, impression learning ends lower than REINFORCE, and '
                      'back-propagation lower still.'}]


def experiments(level):
    """All of them."""
    return signal_to_noise(level) + dimensionality(level) + tuned(level)
