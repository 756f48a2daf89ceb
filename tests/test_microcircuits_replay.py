"""Dendritic microcircuits: replay of runs of the released program (tests/reference/microcircuits)."""
import json
import os
from pathlib import Path

import numpy as np
import pytest

from common.checkpoint import Checkpoint
from common.params import load_params
from microcircuits import circuit as circuits
from microcircuits import compare, exp_params, simulation, state
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
    given['model_type'] = model_of(given)
    if isinstance(given.get('activation'), tuple):
        given['activation'] = ','.join(given['activation'])
    for name in ('eta_fw', 'eta_bw', 'eta_IP', 'eta_PI', 'noise_scale', 'alpha'):
        given.setdefault(name, (0.0,) * (len(given['layers']) - (1 if name == 'eta_fw' else 2)))    # what a model ignores
    if given['model_type'] == 'DTPDRL':
        given['gate_regularizer'] = False                      # a term of LDRL
    return load_params(exp_params, **({k: v for k, v in given.items() if k in FIELDS and v is not None} | more))


def model_of(params):
    """Name of the rule: `model` in the phased line, `model_type` in the phaseless one."""
    return params.get('model', params.get('model_type'))


def line_of(meta):
    """Our `connection` of a case. In the phaseless line skip connections exist with one hidden layer: the layered ones."""
    skip = meta.get('connection', 'layered') == 'skip'
    assert not skip or 'model' in meta['params'] or len(meta['params']['layers']) == 3, 'deep skip connections are phased'
    return 'skip' if skip and 'model' in meta['params'] else 'layered'


# ---------------------------------------------------------------- single networks, step by step

def step_params(meta, released):
    params = {k: v for k, v in meta['params'].items() if k not in IGNORED and not k.endswith('_range')}
    more = {'released_code': released, 'connection': line_of(meta), 'record': '', 'compare': '', 'angles': False,
            'protocol': 'notebook',                            # lists may be longer than needed
            'epochs': 1, 'dataset_size': 10, 'settling_time': 0.0, 'rec_per_steps': 1, 'Tpres': 10.0 * params['dt']}
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
    names = [name for name in case if name in state.State._fields and name != 'r0']
    assert {'uP', 'WPP', 'BPP'} <= set(names)
    z = case.get('z', np.empty(0))
    nudged = case['use_target'] if len(case.get('u_tgt', ())) else np.zeros(pre + steps, bool)
    record, layer = 0, net.count[state.ACTIVE]
    flags = {'learn_lat_weights': False} | meta['flags']
    for t in range(pre + steps):
        on = flags if t >= pre else {}
        target = case['u_tgt'][t:t + 1] if nudged[t] else circuits.NO_ROWS
        net.advance(case['r0'][t:t + 1], 1, 1, z, target, 1, every=1, **on)
        layer = net.count[state.ACTIVE]
        if 'active_layer' in case and t >= pre and flags['learn_bw_weights'] and p.model_type in ('LDRL', 'DTPDRL'):
            assert layer == case['active_layer'][t], f'active layer in step {t}'
        if t == case['t_rec'][min(record, len(case['t_rec']) - 1)]:
            for name in names:
                close(flat(getattr(net, name)), case[name][record], f'{name} after step {t}')
            record += 1
    assert record == len(case['t_rec']) and net.count[state.DRAWN] == len(z)


# ---------------------------------------------------------------- whole experiments from parameters and seeds

def angles_close(ours, theirs, what):
    """Degrees: 1e-8, within 0.1 degree of 0 or 180 3e-6 (arccos near +-1).

    NaN stands for a cosine rounded beyond +-1 (D12), or, in both, for a matrix without any entry that is not zero.
    """
    assert ours.shape == theirs.shape, what
    beyond = np.isnan(theirs)
    nearest = np.where(np.isnan(ours) & beyond, ours, np.where(ours < 90, 0.0, 180.0))
    theirs = np.where(beyond, nearest, theirs)
    tolerance = np.where((theirs < 0.1) | (theirs > 179.9), 3e-6, 1e-8)
    good = (np.abs(ours - theirs) <= tolerance) | (np.isnan(ours) & beyond)
    assert good.all(), f'{what}: {np.nanmax(np.abs(ours - theirs))} degrees'


def check_pipeline(case):
    meta = json.loads(str(case['meta']))
    params, seeds = dict(meta['params']), meta['params']['random_seed']
    series = ','.join(name[4:] for name, on in params.items() if name.startswith('rec_') and on is True)
    for name in ('Tpres', 'settling_time'):                    # cut to whole steps, as the released program does
        params[name] = int(params[name] / params['dt']) * params['dt']
    if meta.get('taur') is not None:
        params['taur'] = float(meta['taur'])
    stored = [seed for seed in seeds if any(name.startswith(f's{seed}_') for name in case)]
    assert stored
    for seed in stored:
        p = from_json(params, task=meta['task'], seed=seed, input_seed=seeds[0], rng='legacy', released_code=True,
                      connection=line_of(meta), record=series, compare='', angles=True)
        check_run(case, p, f's{seed}_')


def check_run(case, p, seed):
    setting = simulation.prepare(p)
    net = setting.circuit
    close(setting.inputs, case['input'], 'input', rtol=0, atol=0)
    fresh = simulation.streams(p)
    teacher = compare.make_teacher(p, fresh.teacher_voltages, fresh.teacher_weights)
    for name in ('WPP', 'WIP', 'BPP', 'BPI', 'uP', 'uI'):
        if f'teacher_{name}' in case:
            close(flat(getattr(teacher, name)), case[f'teacher_{name}'], f'teacher {name}')
        close(flat(getattr(net, name)), case[f'{seed}init_{name}'], f'initial {name}')
    if 'teacher_seed' in case:
        assert simulation.teacher_seed(p) == case['teacher_seed']
    if 'teacher_target' in case:
        close(setting.voltages if p.task == 'fw_bw' else compare.run_teacher(teacher, setting.inputs, p.hold)[0],
              case['teacher_target'], 'target')
        teacher = compare.make_teacher(p, *simulation.streams(p)[4:])
    recorder, diverged = simulation.learn(p, setting, Checkpoint())
    assert diverged == -1
    close(flat(net.uP), case[f'{seed}final_state'], 'final state')
    for name in [key[len(seed) + 3:] for key in case if key.startswith(f'{seed}ts_')]:
        check_series(recorder.series, name, case[f'{seed}ts_{name}'])
    for name in compare.ANGLES:
        if f'{seed}{name}' in case:
            angles_close(recorder.series[name], case[f'{seed}{name}'], name)
    check_comparison(case, p, seed, net, recorder, teacher)


def check_series(series, name, theirs):
    """One recorded series, all layers."""
    parts = [series[name]] if name in series else [series[f'{name}_{i + 1}'] for i in range(99) if f'{name}_{i + 1}' in series]
    if name in ('error', 'target'):
        theirs = theirs[:, 0]
    if name == 'MSE':
        parts = [parts[0][:, None]]
        theirs = theirs[:, None]
    ours = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    close(ours, theirs, name)


def check_comparison(case, p, seed, net, recorder, teacher):
    """Updates against back-propagation, on the stored input of the case (D11)."""
    if f'{seed}angle_BP_updates' not in case:
        return
    inputs = case[f'{seed}input_after_run']
    target, _ = compare.run_teacher(teacher, inputs, 1)
    close(target, case[f'{seed}compare_target'], 'target of the comparison')
    series, per_epoch = recorder.series, (recorder.total - recorder.first) // p.epochs
    compared = len(case[f'{seed}angle_BP_updates']) // p.dataset_size       # p.epochs, or every record if there are few
    weights = [tuple([series[f'{name}_{i + 1}'][recorder.first + e * per_epoch] for i in range(len(p.layers) - less)]
                     for name, less in (('WPP', 1), ('BPP', 2))) for e in range(compared)]
    angles, ours, theirs = compare.compare_updates(net, weights, inputs, 1, target, keep=True)
    for name, found in (('dWPP_circuit', ours), ('dWPP_BP', theirs)):
        if f'{seed}{name}' not in case:
            continue
        found = np.concatenate([np.concatenate([w.reshape(len(w), -1) for w in epoch], axis=1) for epoch in found])
        close(found, case[f'{seed}{name}'], name)
    angles_close(angles, case[f'{seed}angle_BP_updates'], 'angle of the updates')


# ---------------------------------------------------------------- published curves

def replay_angles(mode, case, prefix, index, epochs):
    """Angles of one published seed over the first epochs, against the published file."""
    p = load_params(exp_params, mode=mode, seed=int(case[f'{prefix}_WT_vs_B_seeds'][index]), rng='legacy', released_code=True,
                    epochs=epochs, compare='')
    series = simulation.learn(p, simulation.prepare(p), Checkpoint())[0].series
    for measure, name in (('WT_vs_B', 'angle_WPPT_BPP'), ('RHS_vs_B', 'angle_BPP_RHS')):
        if f'{prefix}_{measure}' not in case:
            continue
        records = case[f'{prefix}_{measure}_record']
        stored = records < len(series[name])
        assert stored.any()
        ours, theirs = series[name][records[stored]], case[f'{prefix}_{measure}'][index][stored]
        assert np.abs(ours - theirs).max() <= 1e-6, f'{mode} seed {p.seed}: {np.abs(ours - theirs).max()} degrees'


def check_published(case):
    """Figs. 3a-c and d-f: the first 10 epochs of three seeds, and of one (all of it: reproduce.py --paper)."""
    found = [prefix for prefix in ('weak', 'strong') if f'{prefix}_WT_vs_B' in case]
    assert found, f'no curves of Fig. 3 among {sorted(case)}'
    for prefix in found:
        seeds = len(case[f'{prefix}_WT_vs_B_seeds'])
        for index in range(min(3, seeds)) if prefix == 'weak' else (seeds - 1,):
            replay_angles(f'fig3_{prefix}', case, prefix, index, 10)


def check_fig4ab(case):
    """Fig. 4a, b: the first 50 epochs of one seed and model each."""
    models = [name for name in ('PAL', 'BP', 'FA') if f'{name}_WPP' in case]
    assert models
    for index, model_type in enumerate(models):
        index %= len(case['seeds'])
        p = load_params(exp_params, mode=f'fig4_{model_type.lower()}', seed=int(case['seeds'][index]), rng='legacy', epochs=50)
        series = simulation.learn(p, simulation.prepare(p), Checkpoint())[0].series
        weights = case['weight_record'] < len(series['WPP_1'])
        early = case['MSE_block'] < 50
        records, blocks = case['weight_record'][weights], case['MSE_block'][early]
        assert len(records) and len(blocks)
        W = np.stack([series['WPP_1'][records, 0, 0], series['WPP_2'][records, 0, 0]], axis=1)
        close(W, case[f'{model_type}_WPP'][index][weights], 'W')
        close(series['BPP_1'][records, 0], case[f'{model_type}_BPP'][index][weights], 'B')
        error = series['MSE'].reshape(-1, 10).mean(axis=1)[blocks]
        close(error, case[f'{model_type}_MSE'][index][early], 'squared error')


KINDS = {'pal': check_steps, 'fa': check_steps, 'bp': check_steps, 'phased': check_steps, 'pipeline': check_pipeline,
         'published': check_published, 'fig4ab': check_fig4ab}


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_replay(path):
    with np.load(path, allow_pickle=False) as file:
        case = {name: file[name] for name in file.files}
    kind = path.stem.split('_')[0]
    assert kind in KINDS, f'{path.name} is of an unknown kind'
    KINDS[kind](case)


def test_there_are_cases():
    assert CASES


@pytest.mark.parametrize('path', [path for path in CASES if KINDS.get(path.stem.split('_')[0]) is check_steps
                                  and not path.stem.startswith('phased')], ids=lambda path: path.stem)
def test_the_default_equals_the_released_program_there(path):
    """Layered cases need no released option, but for noise held over several steps (D7) and the varphi regularizer (D26)."""
    with np.load(path, allow_pickle=False) as file:
        case = {name: file[name] for name in file.files}
    params = json.loads(str(case['meta']))['params']
    pal, several = model_of(params) == 'PAL' and len(case.get('z', ())) > 0, len(params['layers']) > 3
    held = round(params.get('dtxi', 0) / params['dt']) > 1 and (several or params['noise_type'] == 'OU')
    decayed = (params.get('varphi_regularizer') and not params.get('gate_regularizer')
               and params['alpha'][len(params['layers']) - 3] * params['eta_bw'][-1] > 0)
    names = params['activation'] if isinstance(params['activation'], list) else [params['activation']]
    if pal and decayed and not held and {'relu', 'hard_sigmoid'} & set(names):
        pytest.skip('without a slope in the top layers the two may coincide')
    if pal and (held or decayed):
        with pytest.raises((AssertionError, ValueError)):      # ValueError: other numbers of draws
            check_steps(case, released=False)
    else:
        check_steps(case, released=False)
