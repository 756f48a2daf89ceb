"""Impression learning: what the files of experiments share. Bands and settings are explained in experiments.py."""
import json
from pathlib import Path

import numpy as np

from common.params import load_params
from impression_learning import exp_params
from reproduction import evidence
from reproduction.evidence import each

RELEASED = 'released+legacy'
REPLAYED = {'released_code': True, 'rng': 'legacy'}
MEASURED = Path(__file__).parent / 'published' / 'measured_results.json'


def params(mode, numbers=(1,), **given):
    """Params of several members of a mode."""
    return [load_params(exp_params, mode=mode, array_num=number, **given) for number in numbers]


def row(quantity, value, released=None, *more, **given):
    """evidence.row without the paper's number: the paper carries none in its text."""
    return evidence.row(quantity, value, None, released, *more, **given)


def single(index, function):
    """A row's value from run number `index` alone."""
    return lambda runs: each(function)([runs[index]])


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
    measured = json.loads(MEASURED.read_text())['results']

    def difference(i):
        theirs = np.array(measured[keys[i]]['loss_mean'], float)
        return lambda runs: [float(np.abs(runs[i][1]['loss_mean'] / theirs - 1).max())]

    rows = [row(f'{key.replace(" | ", ", ")}: largest relative difference of the loss curve', difference(i), 0, (0, 1e-6),
                RELEASED) for i, key in enumerate(keys)]
    return {'mode': mode, 'figure': None, 'runs': params(mode, numbers, **REPLAYED, **given), 'rows': rows,
            'claim': 'The released program replayed whole: its loss curve to the printed digits.'}
