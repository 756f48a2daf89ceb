"""Task-dependent representations: converter of stored networks, bad input."""
import json
import math
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

from common.params import load_params
from task_plasticity import exp_params, network, simulation
from task_plasticity.convert_network import convert, main, read


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
    (original(weights=np.array([[object()]], dtype=object)), 'weights is an array that is not made of plain numbers'),
    (original(weights=np.eye(5) * 1j), 'weights is an array that is not made of plain numbers'),
    (original(decoder=np.zeros((4, 5))), 'so many outputs: none in tasks.py'),
    (original(decoder=np.zeros((0, 5))), 'no outputs'), (original(i_weights=np.zeros((5, 0))), 'no inputs'),
    (original(task_name='of my own'), "called 'of my own'; tasks with so many outputs: double_angle | estimation"),
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
    ({'dt': 0.06, 'T': 1200.0, 'switch_period': 240.0}, 'dt <= 0.05'), ({'R': 0.01}, 'dt <= 0.0005'),
    *((dict(mode='categorisation', theta_thresh=a, theta_thresh_rev=b), 'both classes need')
      for a, b in ((1.0, 2.0), (1.0, 1.0), (math.pi, -math.pi))),
    ({'theta_thresh': 3.2}, 'an angle in rad'), ({'theta_thresh_rev': -3.2}, 'an angle in rad'),
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


def damaged(path):
    """A network file cut off, begun only, marked as encrypted, with one other bit, and compressed with other bytes."""
    with np.load(path) as file:
        np.savez_compressed(path.with_name('compressed.npz'), **{name: file[name] for name in file.files})
    whole, small = path.read_bytes(), path.with_name('compressed.npz').read_bytes()
    encrypted = re.sub(b'(?s)(PK\x01\x02....|PK\x03\x04..)\0', lambda found: found[1] + b'\x01', whole)
    assert encrypted != whole
    return [whole[:20_000], b'PK\3\4garbage', encrypted, whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
            small[:300] + b'x' * 50 + small[350:]]


@pytest.mark.parametrize('number', range(5))
def test_damaged_network_files_end_in_one_line(tmp_path, capsys, number):
    """As network_file and in the converter."""
    path = tmp_path / 'net.npz'
    path.write_bytes(network.PUBLISHED.read_bytes())
    path.write_bytes(damaged(path)[number])
    with pytest.raises(ValueError, match='is no network file') as error:
        network.stored(load_params(exp_params, network_file=str(path), **PUBLISHED_SIZE))
    assert '\n' not in str(error.value)
    assert main([str(path)]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f'convert_network: {path} holds no network') and shown.count('\n') == 1


@pytest.mark.parametrize('more', [
    {'meta': '{"mode": "x"}'}, {'meta': '[1]'}, {'meta': '{"params": [1]}'}, {'meta': '{'}, {'params_json': '[1, 2]'},
    {'task_json': '"of my own"'}, {'task_json': '"mixed"'}, {'D': np.zeros((0, 40))}, {'C': np.zeros((40, 0))}], ids=str)
def test_the_converter_refuses_foreign_npz_files_in_one_line(tmp_path, capsys, more):
    with np.load(network.PUBLISHED) as file:
        np.savez(tmp_path / 'net.npz', **({name: file[name] for name in 'WCbD'} | more))
    assert main([str(tmp_path / 'net.npz')]) == 1
    shown = capsys.readouterr().err
    assert 'net.npz holds no network' in shown and shown.count('\n') == 1 and not (tmp_path / 'net.npz.network_cr').exists()


def test_a_huge_file_is_not_read_and_an_empty_name_is_refused(tmp_path, capsys):
    with open(tmp_path / 'huge', 'wb') as file:
        file.truncate(6 * 10 ** 9)
    assert main([str(tmp_path / 'huge')]) == 1 and 'at most' in capsys.readouterr().err
    assert main([str(network.PUBLISHED), '-o', '']) == 1 and '-o is empty' in capsys.readouterr().err


def test_no_escape_sequence_of_a_network_file_reaches_the_terminal(tmp_path):
    with np.load(network.PUBLISHED) as file:
        np.savez(tmp_path / 'net.npz', **{name: file[name] for name in 'WCbD'}, task_json='"\\u001b[31mevil"')
    with pytest.raises(ValueError, match='for the task') as error:
        network.stored(load_params(exp_params, network_file=str(tmp_path / 'net.npz'), **PUBLISHED_SIZE))
    assert str(error.value).isprintable()


def test_stored_network_of_another_task_or_size_is_refused(tmp_path):
    for given, message in (({'N': 12}, 'input_dim = 40, 12'),
                           ({'objective': 'classifier', 'N': 40}, 'the published network estimates')):
        with pytest.raises(ValueError, match=message):
            network.stored(load_params(exp_params, mode='estimation_pretrained', **given))
    published = dict(mode='smoke', network_load=True, network_file=str(network.PUBLISHED), N=40)
    for objective in ('classifier', 'double_angle', 'mixed'):
        with pytest.raises(ValueError, match="for the task 'estimation'"):
            network.stored(load_params(exp_params, objective=objective, **published))
    with pytest.raises(ValueError, match='x.npz.* does not exist'):
        load_params(exp_params, mode='estimation_pretrained', network_file=str(tmp_path / 'x.npz'))
    (tmp_path / 'network_cr').write_bytes(pickle.dumps({'weights': 1}))
    with pytest.raises(ValueError, match='convert_network'):
        network.stored(load_params(exp_params, mode='estimation_pretrained', network_file=str(tmp_path / 'network_cr')))
