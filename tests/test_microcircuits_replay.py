"""Dendritic microcircuits: replay of runs of the released program (tests/reference/microcircuits)."""
import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from common import load_params
from microcircuits import circuit as circuits
from microcircuits import exp_params, model
from microcircuits.circuit import Microcircuit

REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', Path(__file__).parent / 'reference')) / 'microcircuits'
CASES = sorted(REFERENCE.glob('*.npz'))
FIELDS = set(exp_params.Params.__dataclass_fields__)
IGNORED = {'random_seed', 'epochs', 'dataset_size', 'settling_time', 'Tpres', 'rec_per_steps'}


def flat(parts):
    """Layers one behind the other, matrices row-major (post, pre), as the cases have them."""
    return np.concatenate([np.ravel(part) for part in parts]) if parts else np.empty(0)


def close(ours, theirs, what='', rtol=1e-9, atol=1e-11):
    assert np.shape(ours) == np.shape(theirs), f'{what}: {np.shape(ours)} and {np.shape(theirs)}'
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=what)


def from_json(given, **more):
    """Our parameters from a case's."""
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    given['model_type'] = given.pop('model', given.get('model_type'))
    if isinstance(given.get('activation'), tuple):
        given['activation'] = ','.join(given['activation'])
    return load_params(exp_params, **({k: v for k, v in given.items() if k in FIELDS and v is not None} | more))


# ---------------------------------------------------------------- single networks, step by step

def step_params(meta, released):
    params = {k: v for k, v in meta['params'].items() if k not in IGNORED}
    more = {'released_code': released, 'connection': meta['connection'], 'record': '', 'compare': '', 'angles': False,
            'epochs': 1, 'dataset_size': 10, 'settling_time': 0.0, 'rec_per_steps': 1, 'Tpres': 10.0}
    if meta.get('taur') is not None:
        more['taur'] = float(meta['taur'])
    return from_json(params, **more)


def started(case, p):
    """The circuit in the case's initial state."""
    net = Microcircuit(p)
    for name in circuits.WEIGHTS:
        at = 0
        for w in getattr(net, name):
            w[:] = case[f'init_{name}'][at:at + w.size].reshape(w.shape)
            at += w.size
    net.state.uP[:], net.state.uI[:] = case['init_uP'], case['init_uI']
    net.set_voltages(net.uP, net.uI)
    net.rates_from_voltages()
    return net


def check_steps(case, released=True):
    meta = json.loads(str(case['meta']))
    p = step_params(meta, released)
    net, pre, steps = started(case, p), meta['T_pre'], meta['T']
    names = [name for name in case if name in model.State._fields and name != 'r0']
    assert {'uP', 'WPP', 'BPP'} <= set(names)
    record, layer = 0, net.count[model.ACTIVE]
    flags = {'learn_lat_weights': False} | meta['flags']
    for t in range(pre + steps):
        on = flags if t >= pre else {}
        target = case['u_tgt'][t:t + 1] if case['use_target'][t] and len(case['u_tgt']) and t >= pre else circuits.NO_ROWS
        net.advance(case['r0'][t:t + 1], 1, 1, case['z'], target, 1, every=1, **on)
        layer = net.count[model.ACTIVE]
        if 'active_layer' in case and t >= pre and flags['learn_bw_weights'] and p.model_type in ('LDRL', 'DTPDRL'):
            assert layer == case['active_layer'][t], f'active layer in step {t}'
        if t == case['t_rec'][min(record, len(case['t_rec']) - 1)]:
            for name in names:
                close(flat(getattr(net, name)), case[name][record], f'{name} after step {t}')
            record += 1
    assert record == len(case['t_rec']) and net.count[model.DRAWN] == len(case['z'])


KINDS = {'pal': check_steps, 'fa': check_steps, 'bp': check_steps, 'phased': check_steps}


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_replay(path):
    with np.load(path, allow_pickle=False) as file:
        case = {name: file[name] for name in file.files}
    kind = path.stem.split('_')[0]
    assert kind in KINDS, f'{path.name} is of an unknown kind'
    KINDS[kind](case)


def test_there_are_cases():
    assert CASES
