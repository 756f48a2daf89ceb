"""Tiny runs of every folder, killed at one moment after another and continued, end with the bits of a run in one piece.

tests/test_kill.py does the same with real kills of long runs; here every array of a checkpoint matters within seconds.
"""
import importlib

import numpy as np
import pytest
from killed import Killed

from common.params import load_params

RUNS = {
    'impression_learning': [
        {'n_sample': 120, 'n_test': 20, 'algorithm': 'reinforce', 'learning_rate': 1e-6, 'switch_period': 6},
        {'n_sample': 120, 'n_test': 20, 'rng': 'legacy', 'carry_over': True, 'switch_period': 2},
        {'n_sample': 120, 'n_test': 20, 'alternation': 'random', 'epoch_num': 2}],
    'task_plasticity': [
        {'trial_num_2': 7, 'T': 1.0, 'switch_period': 0.5, 'transient': 0.2, 'N': 4, 'test_num': 2, 'record_period': 1} | more
        for more in ({}, {'released_code': True, 'rng': 'legacy'}, {'annealed': True, 'objective': 'classifier'})],
    'biohsic': [
        {'features': (3,), 'train_size': 14, 'test_size': 8, 'schedule': 'expdecay', 'decay_rate': 0.99,
         'independent_orders': True},
        {'mode': 'lif_xor', 'features': (3,), 'train_size': 20, 'test_size': 10, 'sample_timesteps': 2, 'batch_size': 4,
         'nmodels': 2, 'nepochs': 2}],
    'microcircuits': [
        {'Tpres': 0.2, 'settling_time': 0.1, 'task': 'fw_bw'},
        {'mode': 'phased_pinv', 'epochs': 3, 'dataset_size': 2, 'Tpres': 0.5, 'settling_time': 0.1, 'change_epoch': 2}],
}


@pytest.mark.parametrize('folder, given', [(folder, given) for folder, runs in RUNS.items() for given in runs],
                         ids=[f'{folder}-{i}' for folder, runs in RUNS.items() for i in range(len(runs))])
def test_a_run_killed_and_continued_ends_with_the_bits_of_a_whole_one(tmp_path, monkeypatch, folder, given):
    simulation = importlib.import_module(f'{folder}.simulation')
    p = load_params(importlib.import_module(f'{folder}.exp_params'), **{'mode': 'smoke'} | given)
    if folder == 'biohsic':                         # windows between two offers
        monkeypatch.setattr(simulation, 'CHUNK', dict.fromkeys(simulation.CHUNK, 4))
    if folder == 'microcircuits':                   # normals held in memory, hence steps between two offers
        monkeypatch.setattr(simulation, 'CHUNK', 15 * sum(p.layers[1:-1]))
    whole, path = simulation.run(p), tmp_path / 'run.npz'
    assert whole['diverged_at'] < 0
    for n in (3, 2, -1):
        try:
            out = simulation.run(p, Killed(path, [n]))
            assert n == -1, 'it ended before it was killed'
        except KeyboardInterrupt:
            assert path.exists()
    assert out.keys() == whole.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(out[name], value, err_msg=name)
