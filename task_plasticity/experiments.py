"""Task-dependent representations: what reproduce.py runs, and the numbers it checks.

Bands: specification 7.2, meant for the median over at least 3 seeds. "released" = the published network or runs of the released
program. A row's `value` takes the runs, [(meta, arrays), ...], and gives one number a seed (list) or one statistic (float).
"""

import numpy as np

from common.params import load_params
from reproduction import evidence
from task_plasticity import exp_params
from task_plasticity.network import PUBLISHED
from task_plasticity.plot_measures import Session, antisymmetric_error, blocks, tracking

PI = np.pi


def params(mode, seeds=(1,), **given):
    """Params of a mode for several seeds."""
    return [load_params(exp_params, mode=mode, seed=seed, **given) for seed in seeds]


def row(quantity, value, released=None, *more, **given):
    """One line of the results table (evidence.row); lists of seeds are judged by their median."""
    return evidence.row(quantity, value, None, released, *more, median=True, **given)


def each(function, suffix='_2'):
    """A row's value: a function of the test session of each run."""
    return lambda runs: [float(function(Session(meta, d, suffix))) for meta, d in runs]


def training(function):
    """A row's value: a function of the training trials' mean objectives of each run."""
    return lambda runs: [float(function(d['objective_2'])) for _, d in runs]


def estimation(level):
    """Figs. 1-3, estimation."""
    if level == 'quick':
        return [
            {'mode': 'estimation', 'figure': 'fig_1', 'claim': CLAIMS['fig_1'], 'rows': [],
             'runs': params('estimation', trial_num_2=6, test_num=12)}
        ]
    seeds = (1, 2, 3) if level == 'headline' else (1, 2, 3, 4, 5)
    rows = [
        row('objective, last 60 trials', training(lambda o: o[-60:].mean()), -0.096, (-0.12, -0.075), main=True),
        row('objective, trials 60-99 over the last 60', training(lambda o: o[60:100].mean() / o[-60:].mean()), 1.23,
            (None, 2.2)),
        row('objective, first 5 trials', training(lambda o: o[:5].mean()), -0.757, (None, -0.40)),
        row('output follows target: correlation, median over late trials',
            lambda runs: [float(np.median(tracking(*run))) for run in runs], 0.90, (0.85, 0.93)),
        row('output follows target: lowest', lambda runs: [float(tracking(*run).min()) for run in runs], 0.75, (0.65, None)),
        row('error, uniform over angles', each(lambda s: s.weighted_error(0)), 0.120, (0.10, 0.16), main=True),
        row('error at pi over error at 0', each(lambda s: 1 / s.ratio(s.error)), 2.6, (1.3, 5)),
        row('length of the mean output at 0', each(lambda s: np.linalg.norm(s.at_angle(s.mean_output, 0))), 0.947, (0.72, 1.0)),
        row('length of the mean output at pi', each(lambda s: np.linalg.norm(s.at_angle(s.mean_output, PI))), 0.636,
            (0.52, 0.74)),
        row('output variance, smallest over angles', each(lambda s: s.output_variance.min()), 0.068, (0.06, 0.09)),
        row('output variance, largest over angles', each(lambda s: s.output_variance.max()), 0.080, (0.06, 0.09)),
        row('neurons that prefer angles within pi/3 of 0 (of 40)', each(lambda s: (np.abs(s.preferred) < PI / 3 + 1e-6).sum()),
            20, (18, 26), main=True),
        row('mean rate at 0 over mean rate at pi', each(lambda s: s.ratio(s.population_rate)), 1.31, (1.2, 1.55)),
        row('mean rate', each(lambda s: s.population_rate.mean()), 0.170, (0.155, 0.185)),
        row('highest peak rate', each(lambda s: s.tuning.max()), 0.75, (None, 1.2)),
        row('Fisher information at 0 over pi', each(lambda s: s.ratio(s.fisher)), 1.48, (1.15, 1.75)),
        row('mean Fisher information', each(lambda s: s.fisher.mean()), 19.8, (16, 23)),
        row('Fisher information after / before learning',
            lambda runs: [float(Session(*run).fisher.mean() / Session(*run, '').fisher.mean()) for run in runs], 1.19,
            (1.05, 1.9)),
        row('signal-noise correlation', each(lambda s: s.signal_noise_r), 0.40, (0.32, 0.48)),
        row('signal-noise correlation before learning', each(lambda s: s.signal_noise_r, ''), 0.115, (None, 0.25)),
        row('volume fraction of the noise, mean over angles', each(lambda s: s.volume_fraction.mean()), 0.38, None),
        row('error before learning', each(lambda s: s.weighted_error(0), ''), 1.004, (0.95, None)),
        row('antisymmetric part of W: relative distance from pure decay',
            lambda runs: [antisymmetric_error(*run) for run in runs], None, (0, 1e-9)),
    ]
    return [
        {'mode': 'estimation', 'figure': 'fig_1', 'claim': CLAIMS['fig_1'], 'runs': params('estimation', seeds), 'rows': rows}
    ]


CLAIMS = {
    'fig_1': 'A local three-factor rule with a global reward learns to report a stimulus from a noisy recurrent network.',
    'fig_2': 'Resources follow the prior: probable stimuli get more neurons, higher rates and lower error.',
    'fig_3': 'Recurrent plasticity shapes the noise, the more the noisier the network is.',
    'fig_4': 'With another reward the same rule learns to classify; resources go to the probable class boundary.',
    'replay': 'The published network, from its seed: 26 million steps of the released random stream.',
}


def of(mode, function, suffix='_2'):
    """A row's value: a measure of those runs that belong to one mode."""
    return lambda runs: each(function, suffix)([run for run in runs if run[0]['mode'] == mode])


def paired(function):
    """A row's value: a measure of each full network over that of the decoder-only network of the same start."""

    def ratios(runs):
        full, control = of('estimation', function)(runs), of('decoder_only', function)(runs)
        return [a / b for a, b in zip(full, control, strict=True)]

    return ratios


def categorisation(level):
    """Fig. 4."""
    if level == 'quick':
        return [
            {'mode': 'categorisation', 'figure': 'fig_4', 'claim': CLAIMS['fig_4'], 'rows': [],
             'runs': params('categorisation', trial_num_2=6, test_num=12)}
        ]
    seeds = (1, 2, 3) if level == 'headline' else (1, 2, 3, 4, 5)
    rows = [
        row('objective, best block of 20 trials', training(lambda o: blocks(o).max()), -0.22, (-0.26, -0.16)),
        row('objective, last 40 trials', training(lambda o: o[-40:].mean()), -0.29, (-0.36, -0.22)),
        row('accuracy over 10 angles', each(lambda s: s.accuracy), 0.885, (0.84, 0.92), main=True),
        row("d' at the probable boundary", each(lambda s: s.boundary_d_prime[0]), 2.61, (2.2, 3.0), main=True),
        row("d' at the improbable boundary", each(lambda s: s.boundary_d_prime[1]), 1.37, (1.0, 1.7), main=True),
        row('Fisher information at 0 over pi', each(lambda s: s.ratio(s.fisher)), 2.9, (2.2, 3.9)),
        row('mean Fisher information', each(lambda s: s.fisher.mean()), 2.6, None),
        row('accuracy before learning', each(lambda s: s.accuracy, ''), 0.50, None),
    ]
    found = [
        {'mode': 'categorisation', 'figure': 'fig_4', 'claim': CLAIMS['fig_4'], 'rows': rows,
         'runs': params('categorisation', seeds)}
    ]
    return found


def stored(level):
    """The authors' network: evaluated, and (paper) trained again from its seed."""
    if level == 'quick':
        return []
    found = [
        {
            'mode': 'estimation_pretrained',
            'figure': 'fig_stored',
            'claim': 'The authors’ stored network, evaluated.',
            'runs': [load_params(exp_params, mode='estimation_pretrained')],
            'rows': [
                row('error, uniform', each(lambda s: s.weighted_error(0)), 0.1225, (0.95 * 0.1225, 1.05 * 0.1225)),
                row('mean Fisher information', each(lambda s: s.fisher.mean()), 19.5, None),
                row('volume fraction of the noise, mean over angles', each(lambda s: s.volume_fraction.mean()), 0.388, None),
            ],
        }
    ]
    if level == 'paper':
        found.append(
            {
                'mode': 'replay_published',
                'figure': None,
                'claim': CLAIMS['replay'],
                'runs': [load_params(exp_params, mode='replay_published')],
                'rows': [
                    row(f'{name}: largest relative difference from the published network', difference(name), 0, (0, 1e-9),
                        'released+legacy', main=name == 'W')
                    for name in 'WCbD'
                ],
            }
        )
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
    from task_plasticity import experiments_controls

    found = estimation(level) + categorisation(level) + stored(level)
    return found + (experiments_controls.experiments() if level == 'paper' else [])
