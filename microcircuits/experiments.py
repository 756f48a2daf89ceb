"""Dendritic microcircuits: what reproduce.py runs, and the numbers it checks.

"paper" = the published data files of Fig. 3; "released" = complete runs of the released equations from the same seeds. A row's
`value` takes the runs, [(meta, arrays), ...], and gives one number a seed (list) or one statistic (float).
"""

import numpy as np

from common.params import load_params
from microcircuits import exp_params
from microcircuits.plot_panels import (
    by_epoch,
    difference_from_percentiles,
    difference_record_by_record,
    of_model,
    percentiles,
    stacked,
)
from reproduction.evidence import row

SEEDS = exp_params.SEEDS
FRESH = tuple(range(1001, 1011))
REPLAY = {'rng': 'legacy', 'released_code': True}
QUICK = {'epochs': 10}

CLAIMS = {
    'fig_3abc': 'Noise alone teaches the backward weights: from random, B turns towards the transposed forward weights.',
    'fresh': 'With another random stream and other seeds the curves lie in the published band.',
    'fig_3def': 'Strongly driven, B follows W^T weighted by the slopes of the activation function.',
    'fig_4ab': 'A student whose forward weights have the wrong sign learns with PAL; feedback alignment fails.',
    'fig_6': 'Without prospective coding fast noise does not align B; the slower the noise, the better it does.',
    'demos': 'The small demonstrations of both lines, from their notebooks.',
    'yin_yang': 'A real task: PAL learns yin-yang better than feedback alignment.',
}


def params(mode, seeds, **given):
    """Params of a mode for several seeds."""
    return [load_params(exp_params, mode=mode, seed=seed, **given) for seed in seeds]


# ---------------------------------------------------------------- Fig. 3: alignment


def final(name, layer):
    """A row's value: the last angle of one layer of each seed."""
    return lambda runs: [float(d[name][-1, layer]) for _, d in runs]


def final_update(layer):
    """A row's value: the mean angle of the updates in the last epoch, of each seed."""
    return lambda runs: [float(value) for value in by_epoch(runs)[:, -1, layer]]


def exact(name):
    """A row's value: largest difference from the seeds that are published record by record."""
    return lambda runs: float(difference_record_by_record(runs, name))


def all_seeds(name):
    """A row's value: largest difference from the published percentiles over ten seeds."""
    return lambda runs: float(difference_from_percentiles(runs, name))


def replay_rows(setting, ends):
    """Rows of Fig. 3 with the published seeds and stream. ends: published final angles {name: one a layer}."""
    names = {'angle_WPPT_BPP': 'B and W^T', 'angle_BPP_RHS': "B and phi' W^T phi'", 'angle_BP_updates': 'updates'}
    rows = []
    for name, values in ends.items():
        if name != 'angle_BP_updates' or setting == 'weak':
            rows += [
                row(f'{names[name]}: largest difference from 5 published seeds, degrees', exact(name), 0, None, (0, 1e-6),
                    'released+legacy', main=name == 'angle_WPPT_BPP'),
                row(f'{names[name]}: largest difference from the percentiles of 10 seeds, degrees', all_seeds(name), 0, None,
                    (0, 1e-6), 'released+legacy', main=name == 'angle_WPPT_BPP' and setting == 'weak'),
            ]
        for layer, value in enumerate(values):
            get = final_update(layer) if name == 'angle_BP_updates' else final(name, layer)
            places = 0.1 if name == 'angle_BP_updates' else 0.01
            rows.append(
                row(f'{names[name]}, layer {layer + 1}, at the end, degrees', get, value, None,
                    (value - places / 2, value + places / 2), 'released+legacy',
                    main=setting == 'weak' and name == 'angle_WPPT_BPP')
            )
    return rows


WEAK = {'angle_WPPT_BPP': (20.69, 10.33, 11.41), 'angle_BPP_RHS': (19.44, 7.93, 5.60),
        'angle_BP_updates': (28.1, 19.3, 16.5, 7.7)}
STRONG = {'angle_WPPT_BPP': (57.93, 58.16, 59.05), 'angle_BPP_RHS': (51.58, 44.12, 31.43)}


def distance(record, layer):
    """A row's value: |our mean - published mean| over 3.5 standard errors of the difference."""

    def relative(runs):
        published = percentiles('weak_WT_vs_B')[record, layer]
        n = len(runs)
        ours = stacked(runs, 'angle_WPPT_BPP')[:, record, layer - 1]
        error = 3.5 * np.sqrt((published['std_deg'] ** 2 * n / (n - 1) + ours.var(ddof=1)) / 10)
        return float(abs(ours.mean() - published['mean_deg']) / error)

    return relative


def figure_3(level):
    """Fig. 3a-c from the published seeds and from fresh ones; d-f."""
    if level == 'quick':
        runs = params('fig3_weak', SEEDS[:2], **REPLAY, **QUICK)
        return [{'mode': 'fig3_weak', 'figure': 'fig_3abc', 'claim': CLAIMS['fig_3abc'], 'runs': runs, 'rows': []}]
    fresh = [
        row(f'B and W^T, layer {layer}, record {record}: |ours - published| / 3.5 s.e.', distance(record, layer), None, None,
            (0, 1))
        for record in (100, 500, 1009)
        for layer in (1, 2, 3)
    ]
    fresh += [
        row(f'B and W^T, layer {layer}, at the end, degrees', final('angle_WPPT_BPP', layer - 1),
            WEAK['angle_WPPT_BPP'][layer - 1], note='judged by its distance in standard errors')
        for layer in (1, 2, 3)
    ]
    found = [
        {'mode': 'fig3_weak', 'figure': 'fig_3abc', 'claim': CLAIMS['fig_3abc'], 'runs': params('fig3_weak', SEEDS, **REPLAY),
         'rows': replay_rows('weak', WEAK)},
        {'mode': 'fig3_weak', 'figure': 'fig_3abc_fresh', 'claim': CLAIMS['fresh'], 'runs': params('fig3_weak', FRESH),
         'rows': fresh},
    ]
    if level == 'paper':
        seeds = [member['seed'] for member in exp_params.SWEEPS['fig3_strong']]
        found.append(
            {'mode': 'fig3_strong', 'figure': 'fig_3def', 'claim': CLAIMS['fig_3def'],
             'runs': params('fig3_strong', seeds, **REPLAY), 'rows': replay_rows('strong', STRONG)}
        )
    return found


# ---------------------------------------------------------------- Fig. 4a, b: teacher and student


def final_errors(runs, model_type):
    """Mean squared error of the last 100 records of each seed of one rule."""
    return stacked(of_model(runs, model_type), 'MSE')[:, -100:].mean(axis=1)


def final_weight(model_type, name):
    """A row's value: a weight at epoch 4990 of each seed of one rule."""
    return lambda runs: [float(d[name][d['first_record'] + 49_900, 0, 0]) for _, d in of_model(runs, model_type)]


def error_rows():
    """Who learns."""
    return [
        row('PAL: seeds of 10 with a final error below 1e-4', lambda runs: float((final_errors(runs, 'PAL') < 1e-4).sum()),
            None, 10, (9, 10), main=True),
        row('BP: largest final error', lambda runs: float(final_errors(runs, 'BP').max()), None, 1.3e-5, (0, 5e-5)),
        row('FA: smallest final error', lambda runs: float(final_errors(runs, 'FA').min()), None, 0.35, (0.1, None), main=True),
        row('PAL: W_1 at the end (teacher 2)', final_weight('PAL', 'WPP_1'), None, 2.05),
        row('PAL: W_2 at the end (teacher 2)', final_weight('PAL', 'WPP_2'), None, 1.990),
        row('PAL: B at the end', final_weight('PAL', 'BPP_1'), None, 0.299),
        row('BP: W_1 at the end (teacher 2)', final_weight('BP', 'WPP_1'), None, 2.141),
        row('FA: W_1 at the end (teacher 2)', final_weight('FA', 'WPP_1'), None, -25.7),
    ]


def figure_4(level):
    """Fig. 4a, b (its replay: experiments_paper.replay_4)."""
    modes = ('fig4_pal', 'fig4_bp', 'fig4_fa')
    if level == 'quick':
        runs = [p for mode in modes for p in params(mode, SEEDS[:2], epochs=200)]
        return [
            {'mode': 'fig4_pal, fig4_bp, fig4_fa', 'figure': 'fig_4ab', 'claim': CLAIMS['fig_4ab'], 'runs': runs, 'rows': []}
        ]
    return [
        {'mode': 'fig4_pal, fig4_bp, fig4_fa', 'figure': 'fig_4ab', 'claim': CLAIMS['fig_4ab'],
         'runs': [p for mode in modes for p in params(mode, SEEDS)], 'rows': error_rows()}
    ]


def experiments(level):
    """All experiments of a level: 'quick', 'headline' or 'paper'."""
    from microcircuits import experiments_paper

    return figure_3(level) + figure_4(level) + (experiments_paper.experiments() if level == 'paper' else [])
