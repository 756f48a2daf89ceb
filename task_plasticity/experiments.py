"""Task-dependent representations: what reproduce.py runs, and the numbers it checks.

Bands hold for the median over networks; "released" = the published network, or runs of the released program.
"""
import numpy as np

from task_plasticity import experiments_paper
from task_plasticity.experiments_values import CLAIMS, HEADLINE, MANY, PI, measured, members, over, row, trained
from task_plasticity.network import PUBLISHED
from task_plasticity.plot_measures import antisymmetric_error, blocks, tracking


def experiment(mode, figure, runs, rows, claim=None):
    """One entry of the list."""
    return {'mode': mode, 'figure': figure, 'claim': claim or CLAIMS[figure], 'runs': runs, 'rows': rows}


def estimation(level):
    """Fig. 1, estimation."""
    if level == 'quick':
        return [experiment('estimation', 'fig_1', members('estimation', trial_num_2=3, test_num=12), [])]          # every angle
    rows = [
        row('objective, last 60 trials', trained(lambda o: o[-60:].mean()), -0.096, (-0.12, -0.075), main=True),
        row('objective, trials 60-99 over the last 60', trained(lambda o: o[60:100].mean() / o[-60:].mean()), 1.23,
            (None, 2.2)),
        row('objective, first 5 trials', trained(lambda o: o[:5].mean()), -0.757, (None, -0.40)),
        row('output follows target: correlation, median over late trials',
            lambda runs: [float(np.median(tracking(*run))) for run in runs], 0.90, (0.85, 0.93)),
        row('output follows target: lowest', lambda runs: [float(tracking(*run).min()) for run in runs], 0.75, (0.65, None)),
        row('error, uniform over angles', measured(lambda s: s.weighted_error(0)), 0.120, (0.10, 0.16), main=True),
        row('error at pi over error at 0', measured(lambda s: 1 / s.ratio(s.error)), 2.6, (1.3, 5)),
        row('length of the mean output at 0', measured(lambda s: np.linalg.norm(s.at_angle(s.mean_output, 0))), 0.947,
            (0.72, 1.0)),
        row('length of the mean output at pi', measured(lambda s: np.linalg.norm(s.at_angle(s.mean_output, PI))), 0.636,
            (0.52, 0.74)),
        row('output variance, smallest over angles', measured(lambda s: s.output_variance.min()), 0.068, (0.06, 0.09)),
        row('output variance, largest over angles', measured(lambda s: s.output_variance.max()), 0.080, (0.06, 0.09)),
        row('neurons that prefer angles within pi/3 of 0 (of 40)',
            measured(lambda s: (np.abs(s.preferred) < PI / 3 + 1e-6).sum()), 20, (18, 26), main=True),
        row('mean rate at 0 over mean rate at pi', measured(lambda s: s.ratio(s.population_rate)), 1.31, (1.2, 1.55)),
        row('mean rate', measured(lambda s: s.population_rate.mean()), 0.170, (0.155, 0.185)),
        row('highest peak rate', measured(lambda s: s.tuning.max()), 0.75, (None, 1.2)),
        row('Fisher information at 0 over pi', measured(lambda s: s.ratio(s.fisher)), 1.48, (1.15, 1.75)),
        row('mean Fisher information', measured(lambda s: s.fisher.mean()), 19.8, (16, 23)),
        row('Fisher information after / before learning',
            over(measured(lambda s: s.fisher.mean()), measured(lambda s: s.fisher.mean(), '')), 1.19, (1.05, 1.9)),
        row('signal-noise correlation', measured(lambda s: s.signal_noise_r), 0.40, (0.32, 0.48)),
        row('signal-noise correlation before learning', measured(lambda s: s.signal_noise_r, ''), 0.115, (None, 0.25)),
        row('volume fraction of the noise, mean over angles', measured(lambda s: s.volume_fraction.mean()), 0.38),
        row('volume fraction of the noise, at 0 over at pi', measured(lambda s: s.ratio(s.volume_fraction)), 0.855,
            (None, 1.0)),
        row('participation ratio of the activity', measured(lambda s: s.participation_ratio), 9.2),
        row('error before learning', measured(lambda s: s.weighted_error(0), ''), 1.004, (0.95, None)),
        row('antisymmetric part of W: relative distance from pure decay',
            lambda runs: [antisymmetric_error(*run) for run in runs], None, (0, 1e-9)),
    ]
    return [experiment('estimation', 'fig_1', members('estimation', HEADLINE if level == 'headline' else MANY), rows)]


def categorisation(level):
    """Fig. 4."""
    if level == 'quick':
        return [experiment('categorisation', 'fig_4', members('categorisation', trial_num_2=3, test_num=12), [])]
    rows = [
        row('objective, best block of 20 trials', trained(lambda o: blocks(o).max()), -0.22, (-0.26, -0.16)),
        row('objective, last 40 trials', trained(lambda o: o[-40:].mean()), -0.29, (-0.36, -0.22)),
        row('accuracy over 10 angles', measured(lambda s: s.accuracy), 0.885, (0.84, 0.92), main=True),
        row("d' at the probable boundary", measured(lambda s: s.boundary_d_prime[0]), 2.61, (2.2, 3.0), main=True),
        row("d' at the improbable boundary", measured(lambda s: s.boundary_d_prime[1]), 1.37, (1.0, 1.7), main=True),
        row('Fisher information at 0 over pi', measured(lambda s: s.ratio(s.fisher)), 2.9, (2.2, 3.9)),
        row('mean Fisher information', measured(lambda s: s.fisher.mean()), 2.6, (2.3, 2.7)),
        row('accuracy before learning', measured(lambda s: s.accuracy, ''), 0.50, (0.45, 0.55)),
    ]
    return [experiment('categorisation', 'fig_4', members('categorisation', HEADLINE if level == 'headline' else MANY), rows)]


def stored(level):
    """The authors' network: evaluated, and (paper) trained again from its seed."""
    if level == 'quick':
        return []
    rows = [
        row('error, uniform', measured(lambda s: s.weighted_error(0)), 0.1225, (0.95 * 0.1225, 1.05 * 0.1225)),
        row('mean Fisher information', measured(lambda s: s.fisher.mean()), 19.5, (0.95 * 19.5, 1.05 * 19.5)),
        row('volume fraction of the noise, mean over angles', measured(lambda s: s.volume_fraction.mean()), 0.388,
            (0.95 * 0.388, 1.05 * 0.388)),
    ]
    found = [experiment('estimation_pretrained', 'fig_stored', members('estimation_pretrained', (None,)), rows,
                        'The authors’ stored network, evaluated.')]
    if level == 'paper':
        rows = [row(f'{name}: largest relative difference from the published network', difference(name), 0, (0, 1e-9),
                    'released+legacy', main=name == 'W') for name in 'WCbD']
        found.append(experiment('replay_published', None, members('replay_published', (None,)), rows, CLAIMS['replay']))
    return found


def difference(name):
    """A row's value: largest difference of a parameter from the published network's, relative to its largest entry."""

    def largest(runs):
        with np.load(PUBLISHED) as published:
            theirs = published[name]
        return [float(np.abs(d[name] - theirs).max() / np.abs(theirs).max()) for _, d in runs]

    return largest


def experiments(level):
    """All experiments of a level: 'quick', 'headline' or 'paper'."""
    found = estimation(level) + categorisation(level) + stored(level)
    return found + (experiments_paper.experiments() if level == 'paper' else [])
