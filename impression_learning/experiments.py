"""Impression learning: what reproduce.py runs, and the numbers it checks.

Bands and the released program's numbers are those of the specification, section 7; the published figures carry no numbers in
their text, so the column "paper" is empty. setting: 'default' (the paper's mathematics, modern random stream),
'released' (the released program's rule), 'released+legacy' (with its random stream) or 'legacy' (the paper's on that stream). A
row's `value` takes the runs, [(meta, arrays), ...], and gives one number a seed (list) or one statistic over all (float).
"""

import json
from pathlib import Path

import numpy as np

from common.params import load_params
from impression_learning import analysis, exp_params
from reproduction import evidence

LAGS = (1, 5, 10, 20, 40)
CORRELATION = {2: 0.894, 5: 0.849, 8: 0.815, 11: 0.773, 14: 0.753, 17: 0.720, 20: 0.699, 23: 0.676, 26: 0.662, 29: 0.643,
               32: 0.630}
WAKE_LOSS = {2: 79, 5: 131, 8: 170, 11: 204, 14: 227, 17: 248, 20: 259, 23: 273, 26: 281, 29: 289, 32: 303}
REPLAYED = {'released_code': True, 'rng': 'legacy'}


def params(mode, numbers=(1,), **given):
    """Params of several members of a mode."""
    return [load_params(exp_params, mode=mode, array_num=number, **given) for number in numbers]


def row(quantity, value, released=None, *more, **given):
    """One line of the results table (evidence.row); the paper carries no numbers in its text."""
    return evidence.row(quantity, value, None, released, *more, **given)


def each(function):
    """A row's value from a function of one run's arrays (and parameters): one number a seed; nan for a run that diverged."""
    return lambda runs: [float(function(d, meta['params'])) if meta['diverged_at'] < 0 else float('nan') for meta, d in runs]


def single(index, function):
    """A row's value from run number `index` alone."""
    return lambda runs: each(function)([runs[index]])


def acf_difference(name, lags=LAGS):
    """Largest difference of unit-averaged autocorrelations to the data's (or, for spoken digits, to wake activity's)."""

    def difference(d, p):
        layer_1 = slice(0, p['n_neurons'])
        other = d['data_latent_test'] if p['data'] == 'ou' else d['wake_sequence'][:, layer_1]
        series = d['wake_sequence'] if name == 'wake' else d['gen_sim'][0]
        a, b = (analysis.autocorrelation(x, max(lags)) for x in (series[:, layer_1], other))
        return np.abs(a - b)[list(lags)].max()

    return difference


def published_wake_loss(d, p):
    """Pure-wake loss with the released program's linear noise term: N_latent above the squared one (Q2)."""
    return d['wake_loss'] + (p['n_neurons'] + p['n_top'] if p['squared_loss'] else 0)


def published_loss(d, p):
    """Test loss of each snapshot, likewise: N_latent on each wake step of the test."""
    share = 0.5 if p['test_switching'] else 1.0
    return d['loss_mean'] + (share * (p['n_neurons'] + p['n_top']) if p['squared_loss'] else 0)


def last_to_first(d, p):
    """Test loss of the last snapshot over that of the untrained network."""
    loss = published_loss(d, p)
    return loss[-1] / loss[0]


def transition(d):
    """Diagonal of the final transition matrix."""
    return next(value for name, value in d.items() if name.startswith('final_l') and name.endswith('_transition'))


def replayed(mode, numbers, keys, **given):
    """The released program's own full-length runs, digit for digit: its rule, its random stream."""
    measured = json.loads((Path(__file__).parent / 'published' / 'measured_results.json').read_text())['results']

    def difference(i):
        theirs = np.array(measured[keys[i]]['loss_mean'], float)
        return lambda runs: [float(np.abs(runs[i][1]['loss_mean'] / theirs - 1).max())]

    rows = [
        row(f'{key.replace(" | ", ", ")}: largest relative difference of the loss curve', difference(i), 0, (0, 1e-6),
            'released+legacy')
        for i, key in enumerate(keys)
    ]
    return {'mode': mode, 'figure': None, 'runs': params(mode, numbers, **REPLAYED, **given), 'rows': rows,
            'claim': 'The released program replayed whole: its loss curve to the printed digits.'}


# ---------------------------------------------------------------- Fig. 1


def standard(level):
    """Fig. 1."""
    scale = {'scale': 0.05} if level == 'quick' else {}
    rows = [
        row('test loss, untrained', each(lambda d, p: published_loss(d, p)[0]), 28250, (2.4e4, 3.2e4)),
        row('test loss after 5 % of training', each(lambda d, p: published_loss(d, p)[1]), 14858, (1.3e4, 1.7e4)),
        row('test loss after 95 %', each(lambda d, p: published_loss(d, p)[-1]), 5424, (4.8e3, 6.0e3), main=True),
        row('last / first test loss', each(last_to_first), 0.192, (0, 0.22)),
        row('largest rise between snapshots (ratio)', each(lambda d, p: (d['loss_mean'][1:] / d['loss_mean'][:-1]).max()), None,
            (0, 1.03)),
        row('pure-wake loss (published definition)', each(published_wake_loss), 174, (150, 210)),
        row('R² of the reproduction in wake', each(lambda d, p: d['R2']), 0.9914, (0.985, 1), main=True),
        row('R² of the latents, regressed',
            each(lambda d, p: analysis.latent_regression(d['data_latent_test'], d['wake_sequence'])), 0.990, (0.98, 1)),
        row(
            'transition: largest distance from 0.975', each(lambda d, p: np.abs(transition(d) - 0.975).max()), 0.004, (0, 0.01)
        ),
        row('autocorrelation: wake to data, largest difference', each(acf_difference('wake')), 0.006, (0, 0.03)),
        row('autocorrelation: generated to data', each(acf_difference('generated')), 0.040, (0, 0.08)),
        row('correlation wake – alternating', each(lambda d, p: d['wake_sleep_correlation']), 0.903, (0.87, 0.93)),
        row('cosine of correlation matrices, generated – data', each(lambda d, p: d['correlation_matrix_cosine']), 0.934,
            (0.9, 1)),
        row('s.d. generated / wake activity', each(lambda d, p: d['generated_sd'] / d['wake_sd']), 2.1, (1.9, 2.3)),
    ]
    runs = params('standard', (1, 2, 3) if level != 'quick' else (1,), **scale)
    return [
        {
            'mode': 'standard',
            'figure': 'fig_1',
            'runs': runs,
            'rows': rows,
            'claim': 'Local wake-sleep plasticity learns the dynamics and the statistics of a linear latent process online.',
        }
    ]


# ---------------------------------------------------------------- Fig. 3


def switch_period(level):
    """Fig. 3."""
    if level == 'quick':
        return [
            {'mode': 'switch_period', 'figure': 'fig_3', 'claim': 'Longer phases follow the stimulus less well.',
             'runs': params('switch_period', (1, 11), scale=0.05), 'rows': []}
        ]
    rows = [
        row(f'correlation wake – alternating, phase of {k} steps', single(i, lambda d, p: d['wake_sleep_correlation']), c,
            (c - 0.03, c + 0.03), main=k in (2, 32))
        for i, (k, c) in enumerate(CORRELATION.items())
    ]
    rows += [
        row(f'last / untrained wake loss, phase of {k} steps', single(i, last_to_first), released, band)
        for i, k, released, band in (
            (0, 2, 0.006, (0.004, 0.009)),
            (3, 11, 0.0165, (0.011, 0.024)),
            (10, 32, 0.023, (0.016, 0.033)),
        )
    ]
    rows += [
        row('lowest R² in wake', lambda runs: min(float(d['R2']) for _, d in runs), 0.977, (0.965, 1)),
        row('correlation: largest rise with the phase duration',
            lambda runs: float(np.diff([float(d['wake_sleep_correlation']) for _, d in runs]).max()), -0.010, (-1, 0)),
    ]
    found = [
        {'mode': 'switch_period', 'figure': 'fig_3', 'runs': params('switch_period', range(1, 12)), 'rows': rows,
         'claim': 'Fast alternation keeps inference close to the stimulus; long sleep phases break it.'}
    ]
    numbers = (1, 4, 11) if level == 'headline' else range(1, 12)
    exact = replayed('switch_period', numbers, [f'switch_period | sp{3 * i - 2}' for i in numbers])
    exact['rows'] += [
        row(f'last wake test loss, phase of {3 * number - 1} steps', single(i, lambda d, p: d['loss_mean'][-1]), loss,
            (0.85 * loss, 1.15 * loss), 'released+legacy')
        for i, (number, loss) in enumerate((number, WAKE_LOSS[3 * number - 1]) for number in numbers)
    ]
    return [*found, exact]


# ---------------------------------------------------------------- Fig. 4

Q7_NOTE = (
    'In the paper’s mathematics the middle layer learns its top-down weights on every wake step (Q7). All that can be learned '
    'gets better by it (rows below), while fantasies grow to their right size and differ more from the stimulus of the moment: '
    'the published loss is 96 % |fantasy − stimulus|².'
)
VOCAL = (  # quantity, function of a run, released program's value, band
    ('test loss, untrained', lambda d, p: d['loss_mean'][0], 3.11e6, (3.0e6, 3.3e6)),
    ('test loss at the start of epoch 20', lambda d, p: d['loss_mean'][-1], 1.985e5, (1.8e5, 2.3e5)),
    ('fall in the first epoch (ratio)', lambda d, p: d['loss_mean'][0] / d['loss_mean'][1], 11, (10, None)),
    ('R² in wake', lambda d, p: d['R2_grand_mean'], 0.9873, (0.98, 1)),
    ('last test loss without its fantasy–stimulus term', lambda d, p: d['loss_wake'][-1] + d['loss_sleep_rec'][-1], None, None),
    ('last fantasy–stimulus term', lambda d, p: d['loss_sleep_stim'][-1], None, None),
    ('s.d. generated / wake activity, layer 1', lambda d, p: d['generated_sd'] / d['wake_sd'], None, None),
    ('rms error in wake', lambda d, p: d['rms'], 0.1125, (0, 0.14)),
    ('cosine of correlation matrices, generated – data', lambda d, p: d['correlation_matrix_cosine'], 0.9966, (0.985, 1)),
    ('autocorrelation: generated to wake, largest difference', acf_difference('generated', (1, 2, 5, 10)), 0.057, (0, 0.1)),
    ('transition diagonal, mean', lambda d, p: transition(d).mean(), None, (0.72, 0.83)),
)


def vocal_digits(level):
    """Fig. 4, from the real recordings. Runs: IL, corrected REINFORCE, released REINFORCE, released IL."""
    found = {'mode': 'Vocal_Digits', 'figure': 'fig_4', 'needs': 'fsdd', 'rows': [],
             'claim': 'A three-layer network learns the statistics of spoken digits, and REINFORCE does not.'}
    if level == 'quick':
        return [found | {'runs': params('Vocal_Digits', scale=0.02, epoch_num=2)}]
    runs = (
        params('Vocal_Digits')
        + params('Vocal_Digits', (10,))
        + params('Vocal_Digits', (10,), released_code=True)
        + params('Vocal_Digits', released_code=True)
    )
    rows = [
        row(f'IL: {quantity}', single(index, value), released, band, setting, index == 0 and quantity == 'R² in wake', note)
        for setting, index in (('default', 0), ('released', 3))
        for quantity, value, released, band in VOCAL
        for note in [Q7_NOTE if index == 0 and quantity == 'test loss at the start of epoch 20' else None]
    ]
    rows += [
        row('corrected REINFORCE (1e-10) / IL test loss after one epoch',
            lambda runs: float(runs[1][1]['loss_mean'][1] / runs[0][1]['loss_mean'][1]), None, (10, None)),
        row('released REINFORCE (1e-10): lowest test loss from epoch 3', single(2, lambda d, p: d['loss_mean'][2:].min()),
            3.57e5, (3.3e5, 3.9e5), 'released'),
        row('released REINFORCE (1e-10): highest test loss from epoch 3', single(2, lambda d, p: d['loss_mean'][2:].max()),
            3.64e5, (3.3e5, 3.9e5), 'released'),
        row('released REINFORCE / released IL test loss, lowest ratio from epoch 10',
            lambda runs: float((runs[2][1]['loss_mean'][9:] / runs[3][1]['loss_mean'][9:]).min()), 1.75, (1.6, None),
            'released'),
    ]
    return [found | {'runs': runs, 'rows': rows}]


def experiments(level):
    """All experiments of a level: 'quick', 'headline' or 'paper'."""
    from impression_learning import experiments_fig2, experiments_paper

    found = standard(level) + experiments_fig2.experiments(level) + switch_period(level) + vocal_digits(level)
    return found + (experiments_paper.experiments() if level == 'paper' else [])
