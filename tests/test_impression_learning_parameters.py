"""Impression learning: parameters and preprocessing against what was read from the released program (JSON reference files)."""
import json
import os
from pathlib import Path

import numpy as np
import pytest

from common.params import load_params
from impression_learning import data, exp_params, preprocess_fsdd

REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', Path(__file__).parent / 'reference')) / 'impression_learning'
PARAMETERS = [(name, number, values) for path in sorted(REFERENCE.glob('mode_parameters*.json'))
              for name, number, values in ((*key.rsplit('/', 1), v) for key, v in json.loads(path.read_text()).items())]
FACTS = sorted(REFERENCE.glob('fsdd_whole_set_facts*.json'))
ELSEWHERE = {'backprop_dimensionality': 'backprop'}      # the released program has a file of its own for it
CRASHES = {('Vocal_Digits', 'backprop')}                 # in the released program (D8); refused here
UNUSED = {('Vocal_Digits', 'gen_sim_num')}               # listed in the released file; one generation is simulated


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
        made = preprocess_fsdd.make(out=tmp_path / 'spoken_digits.npz')
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    with np.load(made) as file:
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
