"""What goes wrong outside the models: full disks, foreign files, two runs at once, a lost worker, absurd parameters."""
import dataclasses
import importlib
import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_kill import same

from common import ROOT
from common.params import load_params
from common.results import load_npz, result_path
from common.running import sweep
from reproduction.experiments import folders

FOLDERS = folders()
LIGHT = [pytest.param(folder, marks=pytest.mark.slow if folder == 'rstdp_mnist' else ()) for folder in FOLDERS]     # a long one


def simulate(folder, *words, limit=None, **environment):
    """`python -m folder.simulation words`; limit: size in bytes beyond which no file may grow (a full disk)."""
    def before():
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return subprocess.run([sys.executable, '-m', f'{folder}.simulation', *words], env=os.environ | environment, cwd=ROOT,
                          capture_output=True, text=True, preexec_fn=before if limit else None)


SMALLEST = {'rstdp_mnist': ['mode=digits', 'n_train=200', 'n_test=50', 'factor_window=100', 'epochs_s1=1', 'epochs_s2=1',
                            'epochs_s3=1']}        # its smoke mode needs MNIST


def smallest(folder):
    """The words of the folder's smallest run that needs no data set."""
    return SMALLEST.get(folder, ['mode=smoke'])


def smoke(folder, **given):
    """Its parameters."""
    return load_params(importlib.import_module(f'{folder}.exp_params'), *smallest(folder), **given)


def one_line(result, *parts):
    """The program ended with one clear line, not with a traceback."""
    assert result.returncode in (1, 2), result.stdout + result.stderr
    assert 'Traceback' not in result.stderr, result.stderr
    for part in parts:
        assert part in result.stderr, result.stderr


# ---------------------------------------------------------------- files

@pytest.mark.skipif(os.name == 'nt', reason='a limit of file sizes')
@pytest.mark.parametrize('folder', LIGHT)
def test_full_disk_while_saving_leaves_the_old_result(folder, results):
    path = result_path(smoke(folder))
    simulate(folder, *smallest(folder))                          # compiled, so that the result is all that is written
    path.write_bytes(b'the result of yesterday')
    before = {p: p.read_bytes() for p in results.rglob('*') if p.is_file()}      # rstdp_mnist: layers 1, 2 beside it
    one_line(simulate(folder, *smallest(folder), limit=1000), f'cannot write {results}', 'nothing that existed was changed')
    assert {p: p.read_bytes() for p in results.rglob('*') if p.is_file()} == before


@pytest.mark.parametrize('folder', FOLDERS)
def test_a_place_that_cannot_be_written_is_named(folder, tmp_path):
    (tmp_path / 'results').write_text('a file, not a folder')
    one_line(simulate(folder, *smallest(folder), PLASTICITY_RESULTS=str(tmp_path / 'results')), 'cannot write', str(tmp_path))
    assert (tmp_path / 'results').read_text() == 'a file, not a folder'


@pytest.mark.skipif(os.name == 'nt', reason='POSIX permissions')
def test_a_read_only_folder_is_named(tmp_path):
    """Not even root can make a folder in /sys; for others a folder without permission to write."""
    folder = '/sys' if os.getuid() == 0 else str(tmp_path)
    if os.getuid() != 0:
        tmp_path.chmod(0o500)
    one_line(simulate('microcircuits', 'mode=smoke', PLASTICITY_RESULTS=f'{folder}/plasticity'), 'cannot write', folder)


@pytest.mark.parametrize('folder', [folder for folder in FOLDERS if folder != 'across'])       # its runs keep none
def test_damaged_and_foreign_checkpoints_are_named(folder, results):
    checkpoint = result_path(smoke(folder)).with_suffix('.checkpoint.npz')
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b'PK\x03\x04 cut short')
    one_line(simulate(folder, *smallest(folder)), str(checkpoint), 'not a readable checkpoint', 'delete it')
    np.savez(checkpoint, something=np.arange(3))
    one_line(simulate(folder, *smallest(folder)), str(checkpoint), 'not a readable checkpoint', 'delete it')


@pytest.mark.parametrize('folder', FOLDERS)
def test_damaged_results_are_named_before_plotting(folder, results, tmp_path):
    path = result_path(smoke(folder))
    path.parent.mkdir(parents=True)
    for content in (b'PK\x03\x04 cut short', b''):
        path.write_bytes(content)
        result = subprocess.run([sys.executable, '-m', f'{folder}.plot_generator', *smallest(folder)], cwd=ROOT, text=True,
                                env=os.environ | {'MPLBACKEND': 'Agg'}, capture_output=True)
        one_line(result, str(path), 'not a readable result', 'made by: python -m')


@pytest.mark.parametrize('folder', LIGHT)
def test_two_runs_of_the_same_thing_at_once(folder, results):
    command = [sys.executable, '-m', f'{folder}.simulation', *smallest(folder)]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0], [process.stderr.read() for process in both]
    files = list(results.rglob('*.npz'))           # whole files, no temporary ones, no checkpoint left over
    assert result_path(smoke(folder)) in files and not list(results.rglob('.*'))
    for path in files:
        assert 'checkpoint' not in path.name and load_npz(path, 'file' if 'layers12' in path.parts else 'result')[1]


# ---------------------------------------------------------------- a cluster that loses a worker

@pytest.mark.slow
def test_a_killed_worker_of_a_cluster_loses_and_doubles_nothing(tmp_path, monkeypatch):
    """Two Dask workers, one SIGKILLed in the middle of a sweep over runs of all folders: every member is there, with the bits
    of a serial run."""
    from dask.distributed import LocalCluster
    members = [load_params(importlib.import_module('microcircuits.exp_params'), mode='fig4_pal', epochs=60, seed=seed)
               for seed in range(4)]
    members += [smoke(folder, seed=1) for folder in FOLDERS]
    found = []
    for name in ('serial', 'cluster'):
        monkeypatch.setenv('PLASTICITY_RESULTS', str(tmp_path / name))
        monkeypatch.setattr('common.results.RESULTS', tmp_path / name)
        if name == 'serial':
            assert sweep(members, n_jobs=1) == []
        else:
            with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
                assert sweep_and_kill(cluster, members, tmp_path / name) == []
        files = sorted(path for path in (tmp_path / name).rglob('*.npz') if path.parent.name != 'layers12')
        assert files == sorted(map(result_path, members))             # none lost, none twice, no checkpoint left
        found.append([load_npz(result_path(p), 'result')[1] for p in members])
    assert all(same(a, b) for a, b in zip(*found, strict=True))


def sweep_and_kill(cluster, members, results):
    """The sweep, while one worker is killed as soon as the first result is there."""
    def kill():
        while not list(results.rglob('*.npz')):
            time.sleep(0.05)
        psutil.Process(next(iter(cluster.workers.values())).pid).kill()

    killer = threading.Thread(target=kill)
    killer.start()
    errors = sweep(members, cluster=cluster.scheduler_address)
    killer.join()
    return errors


# ---------------------------------------------------------------- absurd parameters

def numbers(folder):
    """The float fields of a folder that do not decide how long a run takes."""
    apart = {'scale', 'T', 'Tpres', 'settling_time', 'dt', 'switch_period', 'time_step'}
    fields = dataclasses.fields(importlib.import_module(f'{folder}.exp_params').Params)
    return [(folder, f.name) for f in fields if f.type is float and f.name not in apart]


ABSURD = st.one_of(st.sampled_from([0.0, -1.0, 1e-300, 1e300, -1e300, 1e12, 1e-9]), st.floats(0, 1),
                   st.floats(allow_nan=False, allow_infinity=False))


@settings(derandomize=True, max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([field for folder in FOLDERS for field in numbers(folder)]), ABSURD)
def test_absurd_numbers_end_in_a_clear_line_or_a_finite_result(field, value):
    """A tiny run with one parameter replaced: refused in one line, or finite, or its divergence is recorded."""
    folder, name = field
    try:
        p = smoke(folder, **{name: value})
    except ValueError as error:
        assert '\n' not in str(error)
        return
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)              # overflow on the way to a recorded divergence
        arrays = importlib.import_module(f'{folder}.simulation').run(p)
    if int(arrays.get('diverged_at', -1)) < 0:
        for key, array in arrays.items():
            if key.startswith('final_') and np.asarray(array).dtype.kind == 'f':
                assert np.isfinite(array).all(), f'{folder} {name}={value}: {key} is not finite and nothing was said'
