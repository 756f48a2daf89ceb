"""Task-dependent representations: converter of stored networks, bad input."""
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from common.params import load_params
from task_plasticity import exp_params, network, simulation
from task_plasticity.convert_network import convert, read


def original(**changes):
    """A state like that of an original file."""
    rng = np.random.default_rng(0)
    state = {'weights': rng.normal(size=(5, 5)), 'i_weights': rng.normal(size=(5, 12)), 'biases': rng.normal(size=5),
             'decoder': rng.normal(size=(2, 5)), 'weights_old': None, 'params': {'N': 5, 'bad': [1]},
             'input_params': {'dt': 0.01}}
    return state | changes


def write(path, content):
    path.write_bytes(pickle.dumps(content, protocol=3))
    return path


def test_converter_reads_arrays_and_names_what_it_ignores(tmp_path):
    state = original()
    arrays, ignored = convert(write(tmp_path / 'network_cr', state))
    for short, name in (('W', 'weights'), ('C', 'i_weights'), ('b', 'biases'), ('D', 'decoder')):
        assert np.array_equal(arrays[short], state[name])
    assert json.loads(str(arrays['task_json'])) == 'estimation' and "params['bad']" in ignored
    fortran = convert(write(tmp_path / 'f', original(weights=np.asfortranarray(state['weights']))))[0]
    assert np.array_equal(fortran['W'], state['weights'])


class Malicious:
    def __reduce__(self):
        return os.system, ('touch ' + os.environ['TARGET'],)


def test_converter_runs_nothing_of_a_malicious_file(tmp_path, monkeypatch):
    monkeypatch.setenv('TARGET', str(tmp_path / 'pwned'))
    path = write(tmp_path / 'network_cr', original(param_fns={'nl': Malicious()}))
    state, ignored = read(path)
    assert not (tmp_path / 'pwned').exists()
    assert {'posix.system', 'nt.system'} & set(ignored)
    assert type(state['param_fns']['nl']).__name__ == 'Placeholder'


@pytest.mark.parametrize('content, message', [
    (['no', 'network'], 'holds no network'),
    (original(weights=np.zeros((5, 4))), 'weights has shape'),
    (original(biases=np.full(5, np.nan)), 'biases holds nan or infinite'),
    (original(biases=np.zeros(5, np.float32)), 'biases is an array of float32'),
    (original(biases=None), 'biases is NoneType'),
    (original(weights=np.array([[object()]], dtype=object)), 'not a readable network file'),
    (original(decoder=np.zeros((4, 5))), 'name the task'),
])
def test_converter_refuses(tmp_path, content, message):
    path = tmp_path / 'network_cr'
    try:
        write(path, content)
    except (pickle.PicklingError, TypeError):
        pytest.fail('the test file could not be made')
    with pytest.raises(ValueError, match=message):
        convert(path)


def test_converter_refuses_a_task_with_another_number_of_outputs(tmp_path):
    with pytest.raises(ValueError, match='has 2 outputs, the task categorisation needs 1'):
        convert(write(tmp_path / 'network_cr', original()), 'categorisation')


def test_converter_command_line(tmp_path):
    command = [sys.executable, '-m', 'task_plasticity.convert_network']
    result = subprocess.run([*command, tmp_path / 'nothing'], capture_output=True, text=True)
    assert result.returncode == 1 and 'does not exist' in result.stderr
    path = write(tmp_path / 'network_cr', original())
    result = subprocess.run([*command, path, '-o', tmp_path / 'net.npz'], capture_output=True, text=True)
    assert result.returncode == 0 and 'W' in result.stdout
    p = load_params(exp_params, mode='smoke', network_load=True, network_file=str(tmp_path / 'net.npz'), N=5)
    assert 'r_test_2' in simulation.run(p)


# ---------------------------------------------------------------- bad input

@pytest.mark.parametrize('given, message', [
    ({'objective': 'classification'}, 'did you mean'),
    ({'T': 1000.5, 'switch_period': 200.0}, 'whole number of switch_periods'),
    ({'T': 10.005}, 'whole number of steps'),
    ({'T': 30.0, 'switch_period': 30.0}, 'no plasticity step would occur'),
    ({'dt': 0.06, 'T': 1200.0, 'switch_period': 240.0}, 'dt <= 0.05'),
    ({'sigma': -1.0}, 'noise is not negative'), ({'rng': 'legacy', 'seed': 2 ** 32}, 'a legacy seed has 32 bits'),
    ({'kappa_in': -1.0}, 'concentration'),
    ({'sigma_sampler': -1.0}, 'stimulus diffusion'),
    ({'N': 1}, 'as many neurons as outputs'),
    ({'record_res': 0}, 'at most the trial'),
    ({'low_r_threshold': 0.0}, 'low below high'),
    ({'low_r_threshold': 2.0, 'high_r_threshold': 1.0}, 'low below high'),
    ({'trial_num_2': -1}, 'training trials'),
    ({'trial_num_2': 0, 'test_num': 0}, 'nothing to do'),
    ({'network_load': True, 'test_num': 0}, 'nothing to do'),
    ({'input_noise': True, 'input_noise_sigma': 0.0}, 'positive s.d.'),
    ({'mode': 'mixed', 'lambda_LL': 0.0}, 'both weights'),
    ({'mode': 'mixed', 'objective': 'linear'}, 'this mode is the task mixed'),
    ({'objective': 'classifier'}, 'mode=categorisation'),
    ({'mode': 'categorisation', 'objective': 'linear'}, 'mode=estimation'),
    ({'objective': 'mixed'}, 'mode=mixed'),
    ({'sigma': 0.0}, 'learns from noise'), ({'decoder_only': True, 'decoder_fixed': True}, 'nothing would learn'),
    ({'lr_gain': 0.0}, 'nothing would learn'), ({'mode': 'decoder_only', 'learning_rate_decoder': 0.0}, 'nothing would learn'),
    ({'mode': 'decoder_only', 'decoder_only': False}, 'mode=decoder_only means decoder_only=True'),
    ({'mode': 'no_plasticity', 'trial_num_2': 3}, 'mode=no_plasticity means trial_num_2=0'),
    ({'mode': 'replay_published', 'rng': 'modern'}, 'means rng=legacy'),
    ({'mode': 'prior_sweep', 'network_load': True}, 'a stored network is only tested'),
    ({'mode': 'replay_published', 'objective': 'classifier'}, 'this mode is the task estimation'),
    ({'mode': 'smoke', 'record_res': 1000, 'transient': 10.5}, 'no record would fall after'),
    ({'released_code': True, 'exact_prior': True}, 'released_code excludes'),
    ({'released_code': True, 'lambda_l2': 1.5 / 40}, 'released_code excludes'),
])
def test_impossible_parameters(given, message):
    with pytest.raises(ValueError) as error:
        load_params(exp_params, **given)
    assert message in str(error.value) and '\n' not in str(error.value)


PUBLISHED_SIZE = {'mode': 'smoke', 'network_load': True, 'N': 40}


@pytest.mark.parametrize('changed, message', [
    ({'W': np.zeros((40, 39))}, 'shapes W'), ({'D': np.zeros(40)}, 'shapes W'), ({'b': np.zeros((40, 1))}, 'shapes W'),
    ({'W': np.full((40, 40), np.nan)}, 'finite numbers'), ({'b': np.zeros(40) + 1j}, 'finite numbers'),
    ({'b': np.array(['x'] * 40)}, 'finite numbers'), ({'W_initial': np.zeros((3, 3))}, 'W_initial'),
])
def test_stored_arrays_that_are_no_network_are_refused(tmp_path, changed, message):
    with np.load(network.PUBLISHED) as file:
        np.savez(tmp_path / 'net.npz', **({name: file[name] for name in file.files} | changed))
    with pytest.raises(ValueError, match=message):
        network.stored(load_params(exp_params, network_file=str(tmp_path / 'net.npz'), **PUBLISHED_SIZE))


def test_cut_off_network_file_is_refused_in_one_line(tmp_path):
    (tmp_path / 'net.npz').write_bytes(network.PUBLISHED.read_bytes()[:20_000])
    with pytest.raises(ValueError, match='is no network file') as error:
        network.stored(load_params(exp_params, network_file=str(tmp_path / 'net.npz'), **PUBLISHED_SIZE))
    assert '\n' not in str(error.value)


def test_stored_network_of_another_task_or_size_is_refused(tmp_path):
    for given, message in (({'N': 12}, 'input_dim = 40, 12'),
                           ({'objective': 'classifier', 'N': 40}, 'the published network estimates')):
        with pytest.raises(ValueError, match=message):
            network.stored(load_params(exp_params, mode='estimation_pretrained', **given))
    published = dict(mode='smoke', network_load=True, network_file=str(network.PUBLISHED), N=40)
    for objective in ('classifier', 'double_angle', 'mixed'):
        with pytest.raises(ValueError, match='for the task estimation'):
            network.stored(load_params(exp_params, objective=objective, **published))
    with pytest.raises(ValueError, match='x.npz.* does not exist'):
        load_params(exp_params, mode='estimation_pretrained', network_file=str(tmp_path / 'x.npz'))
    (tmp_path / 'network_cr').write_bytes(pickle.dumps({'weights': 1}))
    with pytest.raises(ValueError, match='convert_network'):
        network.stored(load_params(exp_params, mode='estimation_pretrained', network_file=str(tmp_path / 'network_cr')))
