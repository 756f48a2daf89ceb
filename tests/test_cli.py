"""The scripts as their users start them: as subprocesses, from another working folder, with mistakes."""
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common import ROOT


@pytest.fixture
def call(tmp_path):
    """Run a program with results, figures and working folder below tmp_path; returns the finished process."""
    folder = tmp_path / 'elsewhere'
    folder.mkdir()

    def run(*words, code=0, **environment):
        found = os.environ | {'PLASTICITY_RESULTS': str(tmp_path / 'results'), 'PLASTICITY_FIGURES': str(tmp_path / 'figures'),
                              'MPLBACKEND': 'Agg'} | environment
        result = subprocess.run([sys.executable, *map(str, words)], cwd=folder, env=found, capture_output=True, text=True)
        assert result.returncode == code, result.stdout + result.stderr
        return result
    return run


def test_run_then_plot_from_another_folder(call, tmp_path):
    """As module and as file; the plot before the simulation names the missing command."""
    result = call('-m', 'impression_learning.plot_generator', 'mode=smoke', code=1)
    assert 'python -m impression_learning.simulation mode=smoke' in result.stderr and 'Traceback' not in result.stderr
    result = call(ROOT / 'impression_learning' / 'simulation.py', 'mode=smoke')
    saved, = (tmp_path / 'results').rglob('*.npz')
    assert str(saved) in result.stdout
    call('-m', 'impression_learning.plot_generator', 'mode=smoke')
    assert {path.suffix for path in (tmp_path / 'figures').rglob('fig_1_smoke.*')} == {'.png', '.pdf'}


def test_mode_edited_in_the_parameter_file(call, tmp_path):
    """A copy of the repository with `mode` changed in exp_params.py, started as a file without words."""
    copy = tmp_path / 'copy'
    for name in ('impression_learning', 'common', 'plasticity.mplstyle'):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(['cp', '-r', ROOT / name, copy / name], check=True)
    params = copy / 'impression_learning' / 'exp_params.py'
    params.write_text(params.read_text().replace("mode = 'standard' ", "mode = 'smoke' ", 1))
    result = call(copy / 'impression_learning' / 'simulation.py')
    assert 'mode=smoke' in result.stdout and list((tmp_path / 'results').rglob('impression_smoke_1-*.npz'))


def test_array_job_runs_its_member(call, tmp_path):
    call('-m', 'impression_learning.simulation', 'mode=switch_period', 'scale=0.001', SLURM_ARRAY_TASK_ID='3')
    saved, = (tmp_path / 'results').rglob('*.npz')
    assert saved.name.startswith('impression_sp_3-')


def test_whole_sweep_in_processes(call, tmp_path):
    call('-m', 'impression_learning.simulation', 'mode=time_constant', 'array_num=0', 'scale=0.001', 'n_jobs=2')
    assert len(list((tmp_path / 'results').rglob('impression_tc_*.npz'))) == 10


def test_original_words_still_work(call):
    call('-m', 'impression_learning.backprop', 'scale=0.001')
    call('-m', 'impression_learning.plot_generator', 'mode=smoke', 'image_save=True', code=1)


@pytest.mark.parametrize('words, message', [
    (['mode=sinusoid'], 'unknown mode'),
    (['n_smaple=5'], 'did you mean n_sample?'), (['seed=1', 'seed=2'], 'seed is given twice'),
    (['mode=switch_period', 'array_num=12'], 'array_num must be 1..11 for switch_period'),
    (['mode=dimensionality', 'array_num=11'], 'array_num must be 1..10'),
    (['mode=lr_optim', 'array_num=41'], 'array_num must be 1..40'),
    (['mode=smoke', 'array_num=2'], 'mode=smoke has no sweep'),
    (['rng=legacy', 'seed=4294967296'], 'legacy seeds have 32 bits'),
    (['algorithm=oja'], 'choose from wake_sleep'),
    (['mode=Vocal_Digits', 'array_num=2'], 'backprop.py'),
    (['switch_period=-1'], 'switch_period = -1: allowed is 0 .. 1e+10'),
    (['switch_period=1.5'], 'switch_period takes int'),
    (['sigma_in=0'], 'a noise s.d. is positive'),
    (['dt=0'], '0 < dt < 4'),
    (['dt=4'], '0 < dt < 4'),
    (['recognition_scale=0'], 'it divides the learning rate'),
    (['data=spoken_digits'], '128 mel bands'),
])
def test_bad_input_ends_in_one_line_before_anything_is_computed(call, tmp_path, words, message):
    result = call('-m', 'impression_learning.simulation', *words, code=2)
    assert message in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / 'results').exists()


def test_warnings_of_settings_that_do_nothing(call):
    """K = 0 never sleeps; sigma_latent_gen away from sigma_d on the simulated stimulus."""
    result = call('-m', 'impression_learning.simulation', 'mode=smoke', 'switch_period=0')
    assert 'recognition weights never learn' in result.stderr
    result = call('-m', 'impression_learning.simulation', 'mode=smoke', 'sigma_latent_gen=0.5')
    assert 'sigma_latent_gen' in result.stderr


def test_divergence_says_where_and_what_to_do(call):
    result = call('-m', 'impression_learning.simulation', 'mode=smoke', 'algorithm=reinforce', 'learning_rate=1', code=1)
    assert 'non-finite loss or weights at step' in result.stderr and 'learning_rate=1.0' in result.stderr
    assert 'Traceback' not in result.stderr


def test_missing_data_name_the_command(call, tmp_path):
    empty = {'PLASTICITY_DATA': str(tmp_path), 'PLASTICITY_ROOT_DATA': str(tmp_path)}
    result = call('-m', 'impression_learning.simulation', 'mode=MNIST', f'data_dir={tmp_path}', code=1, **empty)
    assert 'python data/fetch.py mnist' in result.stderr and 'Traceback' not in result.stderr
    result = call('-m', 'impression_learning.simulation', 'mode=Vocal_Digits', f'data_dir={tmp_path}', code=1, **empty)
    assert 'python data/fetch.py fsdd' in result.stderr and 'Traceback' not in result.stderr


def test_damaged_checkpoint_is_named(call, tmp_path):
    call('-m', 'impression_learning.simulation', 'mode=smoke')
    saved, = (tmp_path / 'results').rglob('*.npz')
    saved.rename(saved.with_suffix('.checkpoint.npz'))
    saved.with_suffix('.checkpoint.npz').write_bytes(b'cut short')
    result = call('-m', 'impression_learning.simulation', 'mode=smoke', code=1)
    assert 'not a readable checkpoint' in result.stderr and 'delete it' in result.stderr


def test_fetching_an_unknown_set(call):
    assert 'mnist, fashion_mnist, fsdd, cifar10' in call(ROOT / 'data' / 'fetch.py', 'imagenet', code=2).stderr


def test_batches_of_images_are_put_in_place_whole(tmp_path, monkeypatch):
    """A folder that an interruption left half full is completed; nothing is unpacked into it directly."""
    spec = importlib.util.spec_from_file_location('fetch', ROOT / 'data' / 'fetch.py')
    fetch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fetch)
    source, target = tmp_path / 'source' / 'cifar-10-batches-py', tmp_path / 'cifar-10-batches-py'
    source.mkdir(parents=True)
    target.mkdir()
    for name in ('data_batch_1', 'test_batch'):
        (source / name).write_text(name)
    (target / 'test_batch').write_text('cut')
    archive = shutil.make_archive(tmp_path / 'archive', 'gztar', source.parent, source.name)
    monkeypatch.setattr(fetch, 'HERE', tmp_path)
    monkeypatch.setattr(fetch.pooch, 'retrieve', lambda url, **more: archive)
    fetch.fetch_cifar10()
    assert {path.name: path.read_text() for path in target.iterdir()} == {name: name for name in ('data_batch_1', 'test_batch')}
    assert {path.name for path in tmp_path.iterdir()} == {'source', target.name, Path(archive).name}
