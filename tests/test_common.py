"""The common module and running.py: parameters, result files, checkpoints, sweeps, data files."""
import dataclasses
import functools
import gzip
import importlib
import io
import json
import os
import platform
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import cifar10, machine
from common.checkpoint import restore_rng, rng_state
from common.data import find_data, read_idx
from common.kernel import source_digest
from common.params import load_params
from common.results import is_complete, load_npz, load_result, result_path, save_result, write_atomically
from common.running import sweep
from common.words import apart, command, load_members
from impression_learning import exp_params
from reproduction.experiments import folders

SMOKE = {'mode': 'smoke'}
PARAMETERS = [importlib.import_module(f'{folder}.exp_params') for folder in folders()]


# ---------------------------------------------------------------- parameters

def test_words_override_modes_override_defaults():
    p = load_params(exp_params, 'mode=SNR', 'n_sample=1e3', 'dt=0.2', 'released_code=False')
    assert (p.mode, p.n_latent, p.n_sample, p.dt, p.learning_rate) == ('SNR', 2, 1000, 0.2, 1e-4)
    assert load_params(exp_params).mode == exp_params.mode


def test_released_code_sets_every_quirk_and_single_words_still_win():
    p = load_params(exp_params, released_code=True, squared_loss=True)
    assert p.squared_loss and not p.trace_reset and p.reinforce_gain == 1.0 and p.switch_all_layers
    assert load_params(exp_params, mode='dimensionality', array_num=6, released_code=True).learning_rate == 10 ** -9.5
    assert load_params(exp_params, mode='dimensionality', array_num=6).learning_rate == 1e-6


@pytest.mark.parametrize('words, message', [
    (['mode=standrad'], "unknown mode 'standrad'; did you mean standard?"),
    (['n_smaple=10'], "unknown parameter 'n_smaple'; did you mean n_sample?"),
    (['n_sample=1.5'], 'n_sample takes int, not 1.5'),
    (['n_sample=many'], "n_sample takes int, not 'many'"),
    (['released_code=1'], 'released_code takes bool, not 1'),
    (['dt=nan'], "dt takes float, not 'nan'"),
    (['dt=1e999'], 'dt takes float, not inf'),
    (['n_sample'], "'n_sample': parameters are given as name=value"),
    (['dt=4'], 'dt = 4.0: 0 < dt < 4 must hold'),
    (['mode=switch_period', 'array_num=12'], 'array_num must be 1..11 for switch_period, not 12'),
    (['algorithm=hebb'], "algorithm = 'hebb'"),
])
def test_mistakes_are_named_in_one_line(words, message):
    with pytest.raises(ValueError) as error:
        load_params(exp_params, *words)
    assert message in str(error.value) and '\n' not in str(error.value)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.sampled_from([(m, f.name) for m in PARAMETERS for f in dataclasses.fields(m.Params)]),
       st.one_of(st.text(max_size=8), st.integers(), st.floats(), st.none(), st.booleans(),
                 st.lists(st.one_of(st.integers(), st.floats()), max_size=3)))
def test_any_value_of_any_parameter_is_accepted_or_refused_in_one_line(parameter, value):
    module, name = parameter
    try:
        p = load_params(module, **{name: value})
    except ValueError as error:
        assert '\n' not in str(error) and len(str(error)) > 8
    else:
        assert json.dumps(dataclasses.asdict(p), allow_nan=False)


NASTY = ('x', '', 'nan', '1' * 400, '[', float('nan'), float('inf'), -float('inf'), -1, 0, -1.5, 1e308, -1e308, 10 ** 30, None,
         True, (), (float('nan'),), (-1,), (0, 0, 0), (1e308,) * 3, ('x',), (1,) * 50, [], {}, 1j)


@pytest.mark.parametrize('module', PARAMETERS, ids=lambda module: module.__name__.split('.')[0])
def test_every_parameter_with_every_kind_of_nonsense(module):
    """Wrong types, NaN, infinities, negative, huge, empty: accepted as plain finite values or refused in one line."""
    accepted = 0
    for field in dataclasses.fields(module.Params):
        for value in NASTY:
            try:
                p = load_params(module, **{field.name: value})
            except ValueError as error:
                assert '\n' not in str(error) and len(str(error)) > 8, f'{field.name}={value!r}: {error}'
            else:
                accepted += 1
                assert json.dumps(dataclasses.asdict(p), allow_nan=False)
    assert accepted > 0


def test_all_members_of_a_sweep():
    assert len(load_members(exp_params, 'mode=switch_period', 'array_num=0')) == 11
    assert [p.run_seed for p in load_members(exp_params, 'mode=SNR', 'array_num=0')] == list(range(120994, 121014))
    assert len(load_members(exp_params, 'mode=smoke', 'array_num=0')) == 1      # not twenty times the same
    vocal = load_members(exp_params, 'mode=Vocal_Digits', 'array_num=0')
    assert [p.array_num for p in vocal] == [1, *range(3, 13)]            # 2, back-propagation, does not exist there
    with pytest.raises(ValueError, match='n_smaple'):
        load_members(exp_params, 'mode=switch_period', 'array_num=0', 'n_smaple=3')


def test_the_command_of_a_run_gives_the_same_parameters():
    for words in (['mode=SNR', 'seed=3', 'scale=0.5'], ['mode=dimensionality', 'array_num=7', 'released_code=True', 'dt=0.2'],
                  ['mode=MNIST', 'sigma_latent_gen=0.3']):
        p = load_params(exp_params, *words)
        program, *given_words = command(p).removeprefix('python -m ').split()
        assert program == 'impression_learning.simulation'
        assert load_params(exp_params, *given_words) == p


# ---------------------------------------------------------------- results

def test_results_round_trip_with_their_provenance(results):
    p = load_params(exp_params, **SMOKE)
    path = save_result(result_path(p), p, {'a': np.arange(3.0), 'b': np.array(2)}, wall_seconds=1.5)
    meta, arrays = load_result(p)
    assert path.parent == results / 'impression_learning' / 'smoke' and path.name.startswith('impression_smoke_1-')
    assert np.array_equal(arrays['a'], np.arange(3.0)) and arrays['b'] == 2
    assert meta['params']['n_sample'] == 400 and meta['wall_seconds'] == 1.5 and meta['versions']['numpy'] == np.__version__
    assert not list(path.parent.glob('.*'))


def test_key_changes_with_parameters_and_source_but_not_with_comments(tmp_path, monkeypatch):
    p = load_params(exp_params, **SMOKE)
    assert result_path(p) != result_path(dataclasses.replace(p, seed=1))
    digests = []
    for text in ('x = 1\n', '"""Says what."""\n# a remark\nx = (1)\n', 'x = 2\n'):
        (tmp_path / 'folder').mkdir(exist_ok=True)
        (tmp_path / 'folder' / 'model.py').write_text(text)
        monkeypatch.setattr('common.kernel.ROOT', tmp_path)
        digests.append(source_digest('folder'))
    assert digests[0] == digests[1] != digests[2]


def test_missing_result_names_the_command(results):
    with pytest.raises(FileNotFoundError, match=r'python -m impression_learning\.simulation mode=smoke'):
        load_result(load_params(exp_params, **SMOKE))


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 cut short', b'not a result at all' * 10])
def test_damaged_files_are_refused_clearly(tmp_path, content):
    path = tmp_path / 'result.npz'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='result.npz is not a readable result'):
        load_npz(path, 'result')


def test_pickled_content_is_never_loaded(tmp_path):
    path = tmp_path / 'evil.npz'
    np.savez(path, meta=np.array('{}'), x=np.array([{'a': 1}], dtype=object))
    with pytest.raises(ValueError, match='not a readable result'):
        load_npz(path, 'result')


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / 'file'
    path.write_text('old')

    def full_disk(file):
        file.write(b'new')
        raise OSError(28, 'No space left on device')

    with pytest.raises(OSError, match='No space left on device; nothing that existed was changed'):
        write_atomically(path, full_disk)
    assert path.read_text() == 'old' and os.listdir(tmp_path) == ['file']


@pytest.mark.skipif(os.name == 'nt', reason='POSIX signals')
def test_kill_in_the_middle_of_a_write_leaves_the_old_file(tmp_path):
    path = tmp_path / 'file'
    path.write_text('old')
    code = ('import os, signal, sys; from common.results import write_atomically\n'
            'write_atomically(sys.argv[1], lambda f: (f.write(b"new"), f.flush(), os.kill(os.getpid(), signal.SIGKILL)))')
    result = subprocess.run([sys.executable, '-c', code, str(path)])
    assert result.returncode == -signal.SIGKILL and path.read_text() == 'old'


# ---------------------------------------------------------------- checkpoints and sweeps

def test_generator_states_survive_json():
    for rng in (np.random.default_rng(3), np.random.RandomState(3)):
        rng.standard_normal(7)                     # an odd number: the legacy generator keeps one back
        state = json.loads(json.dumps(rng_state(rng)))
        ahead = rng.standard_normal(5)
        restore_rng(rng, state)
        assert np.array_equal(rng.standard_normal(5), ahead)


def sweep_arrays(results, members):
    return [load_npz(result_path(p), 'result')[1] for p in members]


def test_sweep_serial_processes_and_dask_give_the_same_bits(tmp_path, monkeypatch):
    from dask.distributed import LocalCluster
    found = []
    for engine in ('serial', 'processes', 'dask'):
        monkeypatch.setenv('PLASTICITY_RESULTS', str(tmp_path / engine))
        monkeypatch.setattr('common.results.RESULTS', tmp_path / engine)
        members = [load_params(exp_params, mode='smoke', seed=seed) for seed in range(4)]
        if engine == 'dask':
            with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
                errors = sweep(members, cluster=cluster.scheduler_address)
        else:
            errors = sweep(members, n_jobs=1 if engine == 'serial' else 2)
        assert not errors
        found.append(sweep_arrays(tmp_path / engine, members))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert a.keys() == b.keys() and all(np.array_equal(a[k], b[k], equal_nan=a[k].dtype.kind == 'f') for k in a)


def test_sweep_goes_on_after_a_failure_and_skips_what_is_done(results):
    good = [load_params(exp_params, mode='smoke', seed=seed) for seed in (1, 2)]
    bad = load_params(exp_params, mode='MNIST')
    object.__setattr__(bad, 'n_in', 10)            # no data, or images of another size
    errors = sweep([good[0], bad, good[1]], n_jobs=1)
    assert len(errors) == 1 and 'Error' in errors[0]
    times = [result_path(p).stat().st_mtime_ns for p in good]
    assert sweep(good, n_jobs=1) == []
    assert times == [result_path(p).stat().st_mtime_ns for p in good]


# ---------------------------------------------------------------- data

def idx(array):
    return gzip.compress(struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape) + array.tobytes())


def test_idx_files(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / 'x.gz'
    path.write_bytes(idx(array))
    assert np.array_equal(read_idx(path), array)
    for content in (idx(array)[:-20], b'plain text', gzip.compress(b'\0\0\x09\x01\0\0\0\1x'), gzip.compress(b'')):
        path.write_bytes(content)
        with pytest.raises(ValueError, match='x.gz is not a complete gzipped idx file'):
            read_idx(path)


def test_damaged_compressed_files_are_one_line_whichever_byte_is_wrong(tmp_path):
    """The first to notice may be zlib, zipfile, numpy or its parser of headers."""
    rng, refused = np.random.default_rng(0), 0
    whole = {'a.npz': io.BytesIO(), 'a.gz': io.BytesIO(idx(np.arange(400).astype(np.uint8).reshape(20, 20)))}
    np.savez_compressed(whole['a.npz'], meta=np.array(json.dumps({'params': {}, 'mode': '', 'seed': 0})), x=rng.normal(size=50))
    for name, file in whole.items():
        for place in range(0, len(file.getvalue()), 3):
            damaged = bytearray(file.getvalue())
            damaged[place:place + 4] = rng.bytes(4)
            (tmp_path / name).write_bytes(damaged)
            try:
                (read_idx if name == 'a.gz' else functools.partial(load_npz, what='result'))(tmp_path / name)
            except ValueError as error:
                assert str(tmp_path / name) in str(error) and '\n' not in str(error)
                assert not is_complete(tmp_path / name)
                refused += 1
    assert refused > 50


def test_a_file_may_have_an_equals_sign_in_its_name():
    assert apart(['x=1.png', 'x=2.png', 'labels=l.npy'], 'labels') == (['x=1.png', 'x=2.png'], {'labels': 'l.npy'})
    with pytest.raises(ValueError, match='labels is given twice'):
        apart(['labels=a', 'labels=b'], 'labels')


def test_more_images_than_cifar10_has_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='50001 training images are asked for, CIFAR-10 has 50,000'):
        cifar10.paths(50_001, str(tmp_path))


def test_data_are_searched_in_order(tmp_path, monkeypatch):
    for place in ('given', 'environment'):
        (tmp_path / place / 'set').mkdir(parents=True)
    monkeypatch.setenv('PLASTICITY_DATA', str(tmp_path / 'environment'))
    assert find_data('set') == tmp_path / 'environment' / 'set'
    assert find_data('set', data_dir=str(tmp_path / 'given')) == tmp_path / 'given' / 'set'
    with pytest.raises(FileNotFoundError, match='nothing not found below .*; get it so'):
        find_data('nothing', how='get it so')


def test_denormals_are_flushed_within_and_back_after():
    tiny = np.full(8, 1e-30, 'f4')
    with machine.without_denormals():
        inside = tiny * np.float32(1e-10)
    known = (platform.system(), platform.machine()) in machine.CONTROL
    assert (inside == 0).all() or not known
    assert (tiny * np.float32(1e-10) > 0).all()                 # as before
