"""Dendritic microcircuits: what reproduce.py runs, and the numbers it checks.

"paper" = the published data files of Fig. 3; "released" = complete runs of the released equations from the same seeds. A row's
`value` takes the runs, [(meta, arrays), ...], and gives one number a seed (list) or one statistic (float).
"""
import numpy as np

from microcircuits import exp_params, experiments_paper
from microcircuits.experiments_rows import CLAIMS, FRESH, LEGACY, QUICK, REPLAY, SEEDS, error_rows, last, members
from microcircuits.plot_panels import by_epoch, difference_from_percentiles, difference_record_by_record, percentiles, stacked
from reproduction.evidence import row

# ---------------------------------------------------------------- Fig. 3: alignment


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
                    LEGACY, main=name == 'angle_WPPT_BPP', n=5),
                row(f'{names[name]}: largest difference from the percentiles of 10 seeds, degrees', all_seeds(name), 0, None,
                    (0, 1e-6), LEGACY, main=name == 'angle_WPPT_BPP' and setting == 'weak'),
            ]
        for layer, value in enumerate(values):
            get = final_update(layer) if name == 'angle_BP_updates' else last(name, layer)
            places = 0.1 if name == 'angle_BP_updates' else 0.01
            rows.append(
                row(f'{names[name]}, layer {layer + 1}, at the end, degrees', get, value, None,
                    (value - places / 2, value + places / 2), LEGACY,
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
        runs = members('fig3_weak', SEEDS[:2], **REPLAY, **QUICK)
        return [{'mode': 'fig3_weak', 'figure': 'fig_3abc', 'claim': CLAIMS['fig_3abc'], 'runs': runs, 'rows': []}]
    fresh = [
        row(f'B and W^T, layer {layer}, record {record}: |ours - published| / 3.5 s.e.', distance(record, layer), None, None,
            (0, 1))
        for record in (100, 500, 1009)
        for layer in (1, 2, 3)
    ]
    fresh += [
        row(f'B and W^T, layer {layer}, at the end, degrees', last('angle_WPPT_BPP', layer - 1),
            WEAK['angle_WPPT_BPP'][layer - 1], note='judged by its distance in standard errors')
        for layer in (1, 2, 3)
    ]
    fresh += [row(f'updates, layer {layer + 1}, at the end, degrees', final_update(layer), value)
              for layer, value in enumerate(WEAK['angle_BP_updates'])]
    found = [
        {'mode': 'fig3_weak', 'figure': 'fig_3abc', 'claim': CLAIMS['fig_3abc'], 'runs': members('fig3_weak', SEEDS, **REPLAY),
         'rows': replay_rows('weak', WEAK)},
        {'mode': 'fig3_weak', 'figure': 'fig_3abc_fresh', 'claim': CLAIMS['fresh'], 'runs': members('fig3_weak', FRESH),
         'rows': fresh},
    ]
    if level == 'paper':
        seeds = [member['seed'] for member in exp_params.SWEEPS['fig3_strong']]
        found.append(
            {'mode': 'fig3_strong', 'figure': 'fig_3def', 'claim': CLAIMS['fig_3def'],
             'runs': members('fig3_strong', seeds, **REPLAY), 'rows': replay_rows('strong', STRONG)}
        )
    return found


# ---------------------------------------------------------------- Fig. 4a, b: teacher and student

def figure_4(level):
    """Fig. 4a, b (its replay: experiments_paper.replay_4)."""
    modes, quick = ('fig4_pal', 'fig4_bp', 'fig4_fa'), level == 'quick'
    runs = [p for mode in modes for p in (members(mode, SEEDS[:2], epochs=200) if quick else members(mode, SEEDS))]
    return [{'mode': ', '.join(modes), 'figure': 'fig_4ab', 'claim': CLAIMS['fig_4ab'], 'runs': runs,
             'rows': [] if quick else error_rows()}]


def experiments(level):
    """All experiments of a level: 'quick', 'headline' or 'paper'."""
    return figure_3(level) + figure_4(level) + (experiments_paper.experiments() if level == 'paper' else [])
