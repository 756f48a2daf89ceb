"""Task-dependent representations: networks to and from the original program's files."""
import json
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.params import load_params
from common.results import save_result
from task_plasticity import convert_network, exp_params, network, simulation
from task_plasticity.convert_network import convert, main
from task_plasticity.convert_network.reader import MAX_BYTES, read

ORIGINAL = '''
import sys, dill, numpy as np
def rule(x):
    return x
class PlasticNet:
    "As the original's: a class of the main program, with functions and numpy scalars in it."
    def train_run(self):
        return 1
net, rng = PlasticNet(), np.random.default_rng(0)
net.weights, net.i_weights = rng.normal(size=(5, 5)), np.asfortranarray(rng.normal(size=(5, 12)))
net.biases, net.decoder, net.weights_old = np.zeros(5), rng.normal(size=(2, 5)), rng.normal(size=(9, 5))[::2]
net.params, net.input_params = {'N': np.int64(5), 'sigma': np.float64(0.2), 'odd': [1]}, {'dt': 0.01}
net.param_fns, net.pcas = {'nl': rule, 'rule': lambda r: 2 * r}, []
net.unneeded = [object(), np.zeros((0, 3)), np.zeros(2, complex), np.array(['a']), np.array([None]), np.zeros(2, 'f2'),
                np.zeros(2, [('a', 'f8')]), np.complex128(1j), np.str_('x')]
for protocol in range(6):
    with open(f'{sys.argv[1]}/network_cr_{protocol}', 'wb') as file:
        dill.dump(net, file, protocol=protocol)
'''
LOAD = '''
import sys, dill, numpy as np
class PlasticNet:
    def __init__(self):
        raise SystemExit('a file must not call the constructor')
    def loss(self):
        return self.decoder.sum()
with open(sys.argv[1], 'rb') as file:
    net = dill.load(file)
assert type(net) is PlasticNet and np.isfinite(net.loss()) and net.weights.flags.writeable
np.savez(sys.argv[2], W=net.weights, C=net.i_weights, b=net.biases, D=net.decoder, W_initial=net.weights_old)
'''


@pytest.fixture(scope='module')
def originals(tmp_path_factory):
    """Folder with files as today's dill and numpy write them, protocols 0 to 5."""
    folder = tmp_path_factory.mktemp('originals')
    subprocess.run([sys.executable, '-c', ORIGINAL, folder], check=True)
    return folder


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """(result file, its arrays) of a tiny run."""
    p = load_params(exp_params, mode='smoke')
    d = simulation.run(p)
    return save_result(tmp_path_factory.mktemp('run') / 'run.npz', p, d, diverged_at=-1), d


@pytest.mark.parametrize('protocol', range(6))
def test_files_of_todays_dill_convert(originals, protocol):
    rng = np.random.default_rng(0)
    W, C = rng.normal(size=(5, 5)), rng.normal(size=(5, 12))
    D, before = rng.normal(size=(2, 5)), rng.normal(size=(9, 5))[::2]
    arrays, ignored = convert(originals / f'network_cr_{protocol}')
    for name, value in (('W', W), ('C', C), ('b', np.zeros(5)), ('D', D), ('W_initial', before)):
        assert np.array_equal(arrays[name], value), name
    assert json.loads(str(arrays['params_json'])) == {'N': 5, 'sigma': 0.2}
    assert 'dill._dill._create_function' in ignored and "params['odd']" in ignored


@pytest.mark.parametrize('protocol', range(6))
def test_plain_pickles_convert(tmp_path, protocol):
    state = {'weights': np.eye(3), 'i_weights': np.ones((3, 2), order='F'), 'biases': np.zeros(3),
             'decoder': np.ones((1, 3), '>f8')}
    (tmp_path / 'f').write_bytes(pickle.dumps(state, protocol=protocol))
    arrays, ignored = convert(tmp_path / 'f')
    assert ignored == [] and json.loads(str(arrays['task_json'])) == 'categorisation'
    assert np.array_equal(arrays['W'], np.eye(3)) and np.array_equal(arrays['D'], np.ones((1, 3)))


def test_a_network_trained_here_travels_to_the_original_program_and_back(trained, tmp_path, capsys):
    """npz -> original file -> dill -> the same bits; original file -> reader -> the same test to the bit."""
    path, d = trained
    assert main([str(path), '-o', str(tmp_path / 'network_cr')]) == 0
    subprocess.run([sys.executable, '-c', LOAD, tmp_path / 'network_cr', tmp_path / 'back.npz'], check=True)
    with np.load(tmp_path / 'back.npz') as back:
        assert all(np.array_equal(back[name], d[name]) for name in ('W', 'C', 'b', 'D', 'W_initial'))
    assert main([str(tmp_path / 'network_cr')]) == 0
    tests = [simulation.run(load_params(exp_params, mode='smoke', network_load=True, network_file=str(file)))
             for file in (path, tmp_path / 'network_cr.npz')]
    assert all(np.array_equal(tests[0][name], tests[1][name]) for name in tests[0])
    state, _ = read(tmp_path / 'network_cr')
    assert state['params']['N'] == 9 and state['input_params']['kappa_in'] == 0.75


def test_the_task_of_a_network_makes_the_round_trip(tmp_path):
    p = load_params(exp_params, mode='smoke', objective='double_angle', test_num=0)
    path = save_result(tmp_path / 'run.npz', p, simulation.run(p), diverged_at=-1)
    assert main([str(path)]) == 0
    arrays, _ = convert(f'{path}.network_cr')
    assert json.loads(str(arrays['task_json'])) == 'double_angle'
    assert json.loads(str(convert(f'{path}.network_cr', 'estimation')[0]['task_json'])) == 'estimation'


def test_the_published_network_makes_the_round_trip(tmp_path):
    (tmp_path / 'f').write_bytes(convert_network.original(network.PUBLISHED))
    arrays, _ = convert(tmp_path / 'f')
    with np.load(network.PUBLISHED) as file:
        same = [name for name in file.files if name in arrays and not name.endswith('json')]
        assert len(same) == 8 and all(np.array_equal(arrays[name], file[name]) for name in same)
        assert json.loads(str(arrays['params_json'])) == json.loads(str(file['params_json']))


def test_a_network_without_neurons_and_a_missing_folder_are_named(trained, tmp_path, capsys):
    assert main([str(trained[0]), '-o', str(tmp_path / 'nowhere' / 'network_cr')]) == 1
    assert 'there is no folder' in capsys.readouterr().err and not (tmp_path / 'nowhere').exists()
    empty = {'W': np.zeros((0, 0)), 'C': np.zeros((0, 3)), 'b': np.zeros(0), 'D': np.zeros((2, 0))}
    np.savez(tmp_path / 'empty.npz', **empty)
    assert main([str(tmp_path / 'empty.npz'), '-o', str(tmp_path / 'out')]) == 1
    assert 'no neurons' in capsys.readouterr().err and not (tmp_path / 'out').exists()


def test_nothing_that_exists_is_overwritten(trained, tmp_path, capsys):
    (tmp_path / 'mine').write_text('precious')
    assert main([str(trained[0]), '-o', str(tmp_path / 'mine')]) == 1
    assert 'exists already' in capsys.readouterr().err and (tmp_path / 'mine').read_text() == 'precious'
    assert main([str(trained[0]), '-o', str(trained[0])]) == 1


BOMB = b'\x80\x03]r\xff\xff\xff\x06.'      # nine bytes: memo entry number 117 million


@pytest.mark.parametrize('content', [BOMB, b'\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.', b'\x80\x02X\xff\xff\xff\x7fabc.',
                                     b'\x80\x04\x8e\xff\xff\xff\xff\xff\0\0\0x.'])
def test_a_small_file_takes_little_memory(tmp_path, content):
    (tmp_path / 'f').write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError):
        read(tmp_path / 'f')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


def test_arrays_that_repeat_the_same_bytes_are_counted(tmp_path):
    """One megabyte of text that is made into bytes a thousand times."""
    text, many = 'a' * 2 ** 20, MAX_BYTES // 2 ** 20 + 2

    class Bytes:
        def __reduce__(self):
            import _codecs
            return _codecs.encode, (text, 'latin1')
    (tmp_path / 'f').write_bytes(pickle.dumps({'weights': [Bytes() for _ in range(many)]}, protocol=2))
    assert (tmp_path / 'f').stat().st_size < 2 * 2 ** 20
    with pytest.raises(ValueError, match='its arrays need more than'):
        read(tmp_path / 'f')


def test_no_escape_sequence_reaches_the_terminal(tmp_path, capsys):
    """Names and texts of the file are printed with control characters written out, and cut."""
    state = pickle.dumps({'weights': np.eye(2), 'i_weights': np.ones((2, 2)), 'biases': np.zeros(2), 'decoder': np.ones((2, 2)),
                          'params': {'\x1b[31mred\u202e': 1, '\x1b]0;title\x07': [1]}, 'x': 'y'}, protocol=2)
    evil = state[:-1].replace(b'X\x01\0\0\0y', b'c\x1b[2Jmodule\n' + 5000 * b'n' + b'\n') + b'.'
    (tmp_path / 'f').write_bytes(evil)
    assert main([str(tmp_path / 'f')]) == 0
    (tmp_path / 'g').write_bytes(b'\x80\x02c\x1b[2J\nname\n.')
    assert main([str(tmp_path / 'g')]) == 1
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert '\x1b' not in text and '\x07' not in text and '\u202e' not in text and len(text) < 5000
    assert '\\x1b[2Jmodule' in shown.out


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_bytes_end_in_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp('bytes') / 'f'
    path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        convert(path)
    assert str(path) in str(error.value)


@given(st.integers(0, 5), st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_a_damaged_file_converts_to_finite_arrays_or_ends_in_one_line(originals, protocol, place, byte):
    content = bytearray((originals / f'network_cr_{protocol}').read_bytes())
    content[place % len(content)] = byte
    path = originals / 'damaged'
    path.write_bytes(content)
    try:
        arrays, _ = convert(path)
    except (ValueError, FileNotFoundError):
        return
    assert all(np.isfinite(arrays[name]).all() for name in 'WCbD')
