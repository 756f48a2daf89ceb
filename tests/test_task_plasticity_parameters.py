"""Task-dependent representations: every parameter in every mode acts, or is named; memory and input files of a run."""
import dataclasses
import functools
import tracemalloc
import warnings

import numpy as np
import pytest

from common.params import load_params, unused
from common.results import result_path
from task_plasticity import checks, exp_params, network, simulation
from task_plasticity.tasks import RELEASED_NAMES, TASKS, task_of

SIZE = dict(T=4.0, switch_period=2.0, transient=1.0, record_res=10, rate_thinning=1, test_num=3)      # of every run here
RATES = dict.fromkeys(('learning_rate', 'learning_rate_bias', 'learning_rate_input', 'learning_rate_decoder'), 5e-4)
OTHER = {                               # another value of each parameter
    'seed': 7, 'trial_num_2': 1, 'test_num': 2, 'T': 2.0, 'dt': 0.02, 'transient': 2.0, 'record_res': 20,
    'record_period': 2, 'rate_thinning': 2, 'N': 5, 'input_dim': 5, 'R': 1.5, 'sigma': 0.3, 'sigma_test': 0.13,
    'low_r_threshold': 0.05, 'high_r_threshold': 0.08, 'alpha': 0.5, 'beta': 0.05, 'gamma': 20.0, 'initial_bias': 0.2,
    'symmetric_init': True, 'kappa_in': 3.0, 'mu_in': 1.0, 'exact_prior': True, 'sigma_sampler': 1.0, 'switch_period': 1.0,
    'tuning': False, 'input_noise': True, 'input_noise_sigma': 0.2, 'theta_thresh': 1.5, 'theta_thresh_rev': -1.0,
    'learning_rate': 1e-3, 'learning_rate_bias': 1e-3, 'learning_rate_input': 1e-3, 'learning_rate_decoder': 1e-3,
    'lr_gain': 50.0, 'weight_l2': 0.1, 'bias_weight_l2': 0.1, 'i_weight_l2': 0.1, 'decoder_l2': 0.2, 'theta': 0.1,
    'annealed': True, 'decoder_only': True, 'decoder_fixed': True, 'feedforward': True, 'normalize_output': True,
    'reward_baseline': True, 'lambda_MSE': 1.0, 'lambda_LL': 1.0, 'lambda_l1': 0.1, 'lambda_l2': 0.1, 'released_code': True,
    'network_load': True,
}
APART = {'mode', 'array_num'}           # choose the other parameters, which are tried


def base(mode, **more):
    """A tiny run of a mode."""
    fixed = checks.FIXED.get(mode, {})
    given = SIZE | {name: value for name, value in RATES.items() if name not in fixed} | {'trial_num_2': 3} | more
    if exp_params.MODES[mode].get('network_load') or more.get('network_load'):
        given |= {'N': 40}
    else:
        given.setdefault('N', 6)
    return load_params(exp_params, mode=mode, **{name: value for name, value in given.items() if name not in fixed})


@functools.cache
def run(p):
    """The result arrays of a run; a stored network that does not fit is refused before it."""
    try:
        return simulation.run(p)
    except ValueError as error:
        return {'refused': str(error)}


def changed(p, q):
    """Some array of the results of p and q differs."""
    a, b = run(p), run(q)
    return a.keys() != b.keys() or not all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)


def another(p, name, files):
    """p with another value of one parameter, or None where the rules forbid it."""
    value = {'network_file': files, 'rng': 'modern' if p.rng == 'legacy' else 'legacy',
             'objective': 'estimation' if checks.classes(p) else 'categorisation'}.get(name, OTHER.get(name))
    if value == getattr(p, name):
        value = not value if isinstance(value, bool) else 1.5 * value
    more = {'record_res': 10, 'transient': 0.5} if name == 'T' else {}
    try:
        return dataclasses.replace(p, **{name: value} | more), dataclasses.replace(p, **more)
    except ValueError:
        return None


def other_network(folder):
    """A network file that is not the published one."""
    with np.load(network.PUBLISHED) as file:
        np.savez(folder / 'net.npz', **{name: file[name] * (0.5 if name == 'W' else 1) for name in 'WCbD'})
    return str(folder / 'net.npz')


def names():
    """The parameters that are tried."""
    return [field.name for field in dataclasses.fields(exp_params.Params) if field.name not in APART]


@pytest.mark.parametrize('mode, more', [(mode, {}) for mode in exp_params.MODES] + [
    ('estimation', {'trial_num_2': 0, 'sigma_test': 0.1}), ('smoke', {'tuning': False, 'kappa_in': 0.0}),
    ('smoke', {'test_num': 0}), ('smoke', {'decoder_l2': 0.0, 'input_noise': True}),
    ('categorisation', {'decoder_only': True, 'feedforward': True}),
    ('mixed', {'released_code': True, 'decoder_only': True}), ('mixed', {'released_code': True, 'trial_num_2': 0}),
    ('smoke', {'network_load': True})], ids=str)
def test_every_parameter_acts_or_is_named_as_unused(mode, more, tmp_path):
    p, files = base(mode, **more), other_network(tmp_path)
    idle, tried = unused(p), []
    for name in names():
        pair = another(p, name, files)
        if pair is None:
            continue
        tried.append(name)
        assert changed(*pair) == (name not in idle), f'{name}: named as unused: {name in idle}'
    assert len(tried) > 30
    assert set(idle) <= set(names())


def test_each_parameter_is_declared_once():
    declared = [name for words, _, _ in checks.USED for name in words.split()]
    assert len(declared) == len(set(declared)) and set(declared) <= set(names())


def test_what_a_mode_means_is_what_it_sets():
    for mode, fixed in checks.FIXED.items():
        assert {name: exp_params.MODES[mode].get(name) for name in fixed} == fixed, mode
    assert set(checks.TASK_OF_MODE) <= set(exp_params.MODES) and set(checks.LOADING) <= set(exp_params.MODES)


def test_an_unused_parameter_is_named():
    with pytest.warns(UserWarning, match='network_file does nothing in this run .*: it acts only with network_load=True'):
        load_params(exp_params, mode='estimation', network_file=str(network.PUBLISHED))
    with pytest.warns(UserWarning, match='theta_thresh does nothing'):
        load_params(exp_params, mode='estimation', theta_thresh=1.0)


@pytest.mark.parametrize('mode', [mode for mode in exp_params.MODES if mode not in checks.TASK_OF_MODE])
@pytest.mark.parametrize('objective', [*TASKS, *RELEASED_NAMES])
def test_everything_of_an_objective_comes_with_it_in_every_mode(mode, objective):
    """N, bias, rates, decays and gain of the task's own mode, unless this mode sets them; else refused."""
    own = {'estimation': 'estimation', 'categorisation': 'categorisation', 'mixed': 'mixed', 'double_angle': 'estimation'}
    try:
        p = load_params(exp_params, mode=mode, objective=objective)
    except ValueError as error:
        assert mode == 'estimation_pretrained' and 'the published network estimates' in str(error)
        return
    alone = load_params(exp_params, mode=own[RELEASED_NAMES.get(objective, objective)])
    said = {'mode', 'objective'}.union(exp_params.MODES[mode], *exp_params.SWEEPS.get(mode, []))
    for name in names():
        if name not in said:
            assert getattr(p, name) == getattr(alone, name), name
    assert p.n_outputs == len(task_of(objective).outputs)


@pytest.mark.parametrize('given', [
    {'N': 300, 'T': 20.0}, {'N': 60, 'test_num': 30, 'T': 40.0, 'switch_period': 20.0, 'record_res': 1},
    {'N': 700, 'T': 4.0, 'input_dim': 50, 'test_num': 2, 'trial_num_2': 1}])
def test_memory_is_predicted_within_a_factor_of_two(given):
    p = load_params(exp_params, mode='smoke', **given)
    simulation.run(load_params(exp_params, mode='smoke'))
    tracemalloc.start()
    simulation.run(p)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / 2 <= checks.memory(p) - checks.PROGRAM <= 2 * peak


def test_a_changed_network_file_changes_the_name_of_the_result(tmp_path):
    path = other_network(tmp_path)
    p = load_params(exp_params, mode='estimation_pretrained', network_file=path)
    before = result_path(p)
    with np.load(network.PUBLISHED) as file:
        np.savez(path, **{name: file[name] for name in 'WCbD'})
    assert result_path(p) != before
    (tmp_path / 'net.npz').unlink()
    with pytest.raises(FileNotFoundError, match='convert_network'):
        result_path(p)


def test_a_network_trained_here_is_evaluated_from_its_result_file(tmp_path):
    """network_file takes a result of ours, too; its test equals that of the arrays themselves."""
    from common.results import save_result
    p = load_params(exp_params, mode='smoke')
    save_result(tmp_path / 'run.npz', p, simulation.run(p), diverged_at=-1)
    q = load_params(exp_params, mode='smoke', network_load=True, network_file=str(tmp_path / 'run.npz'))
    loaded = simulation.run(q)
    for name in 'WCbD':
        assert np.array_equal(loaded[name], run(p)[name])
        assert np.array_equal(loaded[f'{name}_initial'], run(p)[f'{name}_initial'])


def test_defaults_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for mode in exp_params.MODES:
            load_params(exp_params, mode=mode)
