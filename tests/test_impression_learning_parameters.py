"""Impression learning: every parameter acts or is named; parameters and spectrograms against the released program's."""
import dataclasses
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from impression_learning_cases import write_own_data

from common.data import find_data
from common.params import load_params, unused
from common.results import result_path
from impression_learning import data, exp_params, preprocess_fsdd, simulation, sounds
from impression_learning.checks import FSDD

REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', Path(__file__).parent / 'reference')) / 'impression_learning'
PARAMETERS = [(name, number, values) for path in sorted(REFERENCE.glob('mode_parameters*.json'))
              for name, number, values in ((*key.rsplit('/', 1), v) for key, v in json.loads(path.read_text()).items())]
FACTS = sorted(REFERENCE.glob('fsdd_whole_set_facts*.json'))
ELSEWHERE = {'backprop_dimensionality': 'backprop'}      # the released program has a file of its own for it
CRASHES = {('Vocal_Digits', 'backprop')}                 # in the released program (D8); refused here
UNUSED = {('Vocal_Digits', 'gen_sim_num')}               # listed in the released file; one generation is simulated


OTHER = {                               # values of each parameter that some run could have: the first that differs is tried
    'seed': (7,), 'scale': (0.5,), 'n_latent': (3,), 'n_in': (6,), 'n_sample': (40,), 'n_test': (12,), 'epoch_num': (3, 2),
    'dt': (0.3,), 'first_sample': ('stationary',), 'n_digits': (2,), 'repeat_length': (3,), 'n_neurons': (3,), 'n_top': (3,),
    'sigma_in': (0.02,), 'sigma_latent': (0.02,), 'sigma_obs_gen': (0.02,), 'sigma_latent_gen': (0.3,),
    'algorithm': ('reinforce', 'wake_sleep'), 'learning_rate': (2e-9,), 'recognition_scale': (2.0,), 'switch_period': (4,),
    'alternation': ('random', 'deterministic'), 'trace_decay': (0.5,), 'loss_decay': (0.5,), 'test_switching': (False, True),
    'gen_sim_num': (4,), 'gen_steps': (9,), 'loss_every': (7,), 'save_sequences': (False, True), 'n_compare': (6,),
    'epoch_num_snr': (20,), 'rng': ('legacy',), 'squared_loss': (False,), 'reinforce_gain': (-0.3,), 'fantasy_score': (False,),
    'trace_reset': (False,), 'baseline': ('per_phase',), 'switch_all_layers': (True,), 'noisy_target': (True,),
    'carry_over': (True,), 'stimulus_term': (True,), 'generative_nonlinearity': ('tanh',), 'released_code': (True,)}
APART = {'mode', 'array_num', 'data', 'data_dir', 'recordings'}          # tests of their own, below and in other files
SHORT = dict(n_latent=2, n_in=4, n_neurons=2, n_sample=60, n_test=30, loss_every=10, epoch_num_snr=30, learning_rate=1e-9)
RECORDED = {'MNIST': dict(n_in=12, repeat_length=2, gen_sim_num=2, gen_steps=5), 'Vocal_Digits': dict(n_in=128, n_top=2),
            'recordings': dict(n_top=2)}
SETTINGS = [(mode, {}) for mode in exp_params.MODES] + [('smoke', given) for given in (
    dict(algorithm='reinforce'), dict(algorithm='reinforce', n_top=2, epoch_num=2), dict(algorithm='reinforce_wake'),
    dict(algorithm='backprop', switch_period=3), dict(switch_period=0), dict(n_top=2))]


@pytest.fixture(scope='module')
def own_data(tmp_path_factory):
    """A folder of small data sets of every kind."""
    return write_own_data(tmp_path_factory.mktemp('data'))


def base(mode, own_data):
    """Parameters that make a mode tiny, on the data of the folder."""
    given = SHORT | RECORDED.get(mode, {})
    if mode == 'recordings':
        return given | {'recordings': str(own_data / 'own.npy')}
    return given | ({'data_dir': str(own_data)} if mode in RECORDED else {})


def run(**given):
    """(p, arrays) of a run."""
    with warnings.catch_warnings(action='ignore'):
        p = load_params(exp_params, **given)
    return p, simulation.run(p)


def same(a, b):
    """True if two results hold the same arrays."""
    return a.keys() == b.keys() and all(np.array_equal(np.asarray(a[k]), np.asarray(b[k]), equal_nan=True) for k in a)


@pytest.mark.parametrize('mode, more', SETTINGS, ids=[f'{mode}-{"-".join(map(str, more.values()))}' for mode, more in SETTINGS])
def test_every_parameter_acts_or_is_named(mode, more, own_data):
    """In every mode and kind of run another value of a parameter changes the result, or is refused, or the program says that it
    does nothing; and what it says so of changes nothing."""
    assert OTHER.keys() | APART == {field.name for field in dataclasses.fields(exp_params.Params)}
    given = base(mode, own_data) | more
    p, found = run(mode=mode, **given)
    wrong = []
    for name, values in OTHER.items():
        value = next(value for value in values if value != getattr(p, name))
        try:
            q, other = run(mode=mode, **given | {name: value})
        except ValueError:
            continue
        if same(found, other) != (name in unused(q)):
            wrong.append(f'{name}={value}: {"changes nothing" if same(found, other) else "said to do nothing, but changes"}')
    assert not wrong


def test_data_act_by_their_content(own_data, tmp_path):
    """Other content of the same file gives another result file."""
    path, keys = tmp_path / 'own.npy', []
    for X in (np.load(own_data / 'own.npy'), np.load(own_data / 'own.npy') + 1):
        np.save(path, X)
        keys.append(result_path(load_params(exp_params, mode='recordings', recordings=str(path))).name)
    assert keys[0] != keys[1]


@pytest.mark.parametrize('name, number, theirs', PARAMETERS, ids=[f'{name}-{number}' for name, number, _ in PARAMETERS])
def test_parameters_of_every_mode_are_the_released_ones(name, number, theirs):
    mode = ELSEWHERE.get(name, name)
    if (mode, theirs['algorithm']) in CRASHES:
        with pytest.raises(ValueError, match='backprop'):
            load_params(exp_params, mode=mode, array_num=number)
        return
    ours = vars(load_params(exp_params, mode=mode, array_num=number, released_code=True))
    names = (theirs.keys() & ours.keys()) - {'mode', 'array_num'} - {n for m, n in UNUSED if m == mode}
    assert {'learning_rate', 'switch_period', 'n_in', 'sigma_in'} <= names
    for parameter in names:
        assert ours[parameter] == (pytest.approx(theirs[parameter], rel=1e-12) if isinstance(theirs[parameter], float)
                                   else theirs[parameter]), parameter


@pytest.mark.slow
@pytest.mark.parametrize('path', FACTS, ids=lambda path: path.stem)
def test_whole_set_of_spectrograms_has_the_released_statistics(path, tmp_path):
    facts = json.loads(path.read_text())
    try:
        source = find_data(*FSDD)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    preprocess_fsdd.make(sounds.recordings(source, digits=True)[0], tmp_path / 'spoken_digits.npz')
    with np.load(tmp_path / 'spoken_digits.npz') as file:
        for name in ('train', 'test'):
            X, labels = file[f'{name}_set'], file[f'{name}_labels']
            assert list(X.shape) == facts[f'{name}_shape'] and str(X.dtype) == facts['dtype']
            assert np.bincount(labels, minlength=10).tolist() == facts[f'frames_per_digit_{name}']
            np.testing.assert_allclose([X.mean(dtype=float), X.std(dtype=float)],
                                       [facts[f'{name}_mean_db'], facts[f'{name}_std_db']], atol=2e-3)
            np.testing.assert_allclose(data.normalise(X.astype(float), name).mean(), facts[f'norm_{name}_mean'], rtol=1e-4)
        X = file['train_set']
        np.testing.assert_allclose([X.min(), X.max()], [facts['train_min'], facts['train_max']], atol=1e-3)
        np.testing.assert_allclose(X.mean(axis=1, dtype=float), facts['channel_mean_db_train'], atol=2e-3)
