"""Killed at a random moment and started again, a long run of each folder ends with the bits of an uninterrupted one."""
import importlib
import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from common import ROOT
from common.params import load_params
from common.results import load_npz, result_path

# one long run a folder and, for the slow tests, four other kinds of run (stages, rules, streams)
RUNS = {
    'impression_learning': [['mode=dimensionality', 'array_num=6', 'scale=0.5'],
                            ['mode=SNR', 'epoch_num_snr=300000'],
                            ['mode=switch_period', 'rng=legacy', 'released_code=True'],
                            ['mode=backprop', 'array_num=5'],
                            ['mode=standard', 'scale=0.3']],
    'task_plasticity': [['mode=smoke', 'T=200.0', 'switch_period=40.0', 'trial_num_2=40', 'test_num=2'],
                        ['mode=estimation', 'trial_num_2=60', 'test_num=3'],
                        ['mode=categorisation', 'trial_num_2=80', 'test_num=3'],
                        ['mode=estimation', 'trial_num_2=60', 'test_num=3', 'rng=legacy', 'released_code=True'],
                        ['mode=smoke', 'T=200.0', 'switch_period=40.0', 'trial_num_2=10', 'test_num=40']],
    'microcircuits': [['mode=fig4_pal', 'epochs=400', 'rng=legacy'],
                      ['mode=fig3_weak', 'epochs=20', 'rec_per_steps=500'],
                      ['mode=yin_yang', 'dataset_size=400', 'epochs=12', 'test_epochs=3'],
                      ['mode=phased_pinv', 'epochs=12', 'change_epoch=6', 'rng=legacy', 'released_code=True'],
                      ['mode=fig4_fa', 'epochs=600']],
    'rstdp_mnist': [['mode=digits', 'n_train=500', 'n_test=50', 'factor_window=100', 'epochs_s3=30'],
                    ['mode=digits', 'released_code=True', 'epochs_s3=4'],
                    ['mode=digits', 'class_map=flat_mod', 'shuffle=True', 'n_validation=300'],
                    ['mode=digits', 's3_dropout=0.5', 'epochs_s3=20'],
                    ['mode=digits', 'epochs_s1=3', 'epochs_s2=6', 'epochs_s3=1']],
    'biohsic': [['mode=lif_xor', 'nmodels=4', 'nepochs=8'],
                ['mode=smoke', 'nepochs=800'],
                ['mode=smoke', 'model=cnn', 'features=4', 'nepochs=20'],
                ['mode=smoke', 'task=bp', 'nepochs=2000', 'optimizer=adam'],
                ['mode=lif_linear', 'nmodels=4', 'nepochs=30', 'independent_orders=True', 'check_size=50']],
}


def params(folder, words):
    """The run's parameters."""
    return load_params(importlib.import_module(f'{folder}.exp_params'), *words)


def same(a, b):
    """Two dicts of arrays are equal to the bit (NaN equals NaN; measured times do not count)."""
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k], equal_nan=np.asarray(a[k]).dtype.kind == 'f')
                                        for k in a if not k.endswith('cpu_seconds'))


def start(folder, words, results):
    """A run in a process of its own that writes a checkpoint whenever it can."""
    environment = os.environ | {'PLASTICITY_RESULTS': str(results), 'PLASTICITY_CHECKPOINT_SECONDS': '0.05'}
    return subprocess.Popen([sys.executable, '-m', f'{folder}.simulation', *words], env=environment, cwd=ROOT,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(folder, words, results):
    """Run to the end; returns the arrays. No checkpoint may be left over."""
    process = start(folder, words, results)
    assert process.wait() == 0, process.stderr.read()
    assert not list(results.rglob('*.checkpoint*.npz'))          # a kill in the middle of a write may leave a .tmp
    path = results.joinpath(*result_path(params(folder, words)).parts[-3:])
    return load_npz(path, 'result')[1]


def kill_after_checkpoint(folder, words, results, more_seconds=0.1, patience=120):
    """Start a run and SIGKILL it `more_seconds` after its first checkpoint. -> False if it was already complete."""
    process, deadline = start(folder, words, results), time.time() + patience
    while not list(results.rglob('*.checkpoint*.npz')) and process.poll() is None and time.time() < deadline:
        time.sleep(0.01)
    time.sleep(more_seconds)
    process.kill()
    process.wait()
    return len(list(results.rglob('*.checkpoint*.npz'))) > 0


@pytest.mark.parametrize('folder', RUNS)
def test_killed_run_ends_bit_identical(folder, tmp_path, monkeypatch):
    monkeypatch.setattr('common.results.RESULTS', tmp_path / 'whole')
    words = RUNS[folder][0]
    assert kill_after_checkpoint(folder, words, tmp_path / 'killed')
    whole = importlib.import_module(f'{folder}.simulation').run(params(folder, words))
    assert same(finish(folder, words, tmp_path / 'killed'), whole)


@pytest.mark.slow
@pytest.mark.parametrize('folder, words', [(folder, words) for folder, runs in RUNS.items() for words in runs],
                         ids=lambda x: x if isinstance(x, str) else '-'.join(x))
def test_killed_again_and_again_at_random_moments(folder, words, tmp_path):
    """Up to five SIGKILLs, each a random time after a start (compiling, checkpointing and saving included)."""
    whole = finish(folder, words, tmp_path / 'whole')
    began = time.time()
    assert same(finish(folder, words, tmp_path / 'again'), whole)           # compiled by now: its length is the kills'
    length, moments = time.time() - began, random.Random(f'{folder}{words}')
    killed = 0
    for _ in range(5):
        process = start(folder, words, tmp_path / 'killed')
        time.sleep(moments.uniform(0.2, 1.0) * length)
        killed += process.poll() is None
        process.kill()
        process.wait()
    assert killed > 0
    assert same(finish(folder, words, tmp_path / 'killed'), whole)
