"""R-STDP on MNIST: bad input in one line, data loaders, saved networks, the scripts as their users start them."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from common import ROOT
from common.params import load_params
from rstdp_mnist import evaluate, exp_params, simulation

TINY = ['mode=digits', 'n_train=60', 'n_test=40', 'n_maps=8,12,20', 'epochs_s1=1', 'epochs_s2=1', 'epochs_s3=2',
        'factor_window=20']


@pytest.fixture
def start(tmp_path):
    """Start a program with results and figures below tmp_path; -> Popen"""
    def begin(*words, **environment):
        found = os.environ | {'PLASTICITY_RESULTS': str(tmp_path / 'results'), 'PLASTICITY_FIGURES': str(tmp_path / 'figures'),
                              'MPLBACKEND': 'Agg', 'NUMBA_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1'} | environment
        return subprocess.Popen([sys.executable, *map(str, words)], cwd=tmp_path, env=found, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
    return begin


@pytest.fixture
def call(start):
    """Run a program to its end; -> (stdout, stderr)"""
    def run(*words, code=0, **environment):
        process = start(*words, **environment)
        out, error = process.communicate()
        assert process.returncode == code, out + error
        assert 'Traceback' not in error
        return out, error
    return run


@pytest.mark.parametrize('words, message', [
    ('n_time_bins=0', 'latencies are bytes'), ('n_time_bins=255', 'latencies are bytes'),
    ('n_time_bins=1.5', 'n_time_bins takes int'), ('n_maps=30,250,195', 'cannot be shared equally among n_classes = 10'),
    ('n_maps=30,250', 'three whole numbers'), ('n_maps=0,250,200', 'three whole numbers'),
    ('kernel_size=5,3,4', 'must have an odd side'), ('kernel_size=40,3,5', 'layer 1: its 40 x 40 kernel is larger'),
    ('pool=15,3', 'layer 2: its 1 x 1 output fills no pooling window of 3'), ('pool=2', 'two whole numbers'),
    ('padding=-1,1', 'padding = (-1, 1)'), ('input_pad=0', 'unknown parameter'),
    ('dog_window=3,3,7,7,13', 'one a filter'), ('dog_window=3,3,7,7,13,12', 'odd numbers of pixels'),
    ('dog_sigma_1=1,1,1,1,1,0', 'from 0.1 pixels on'), ('dog_threshold=50,50', 'or 6: one a filter'),
    ('dog_threshold=0', 'one positive grey value'),
    ('ltp_rate=-0.004', 'signs of the rates exchanged'), ('ltd_rate=0.003', 'signs of the rates exchanged'),
    ('punishment_ltd=0.004', 'signs exchanged'), ('punishment_ltp=-0.0005', 'signs exchanged'),
    ('reward_ltp=-1', 'potentiates what fired'), ('reward_ltd=1', 'depresses what was silent'),
    ('weight_bounds=1,0', '0 <= low < high'), ('weight_bounds=-0.1,1', '0 <= low < high'),
    ('s3_bounds=0.8,0.8', '0 <= low < high'), ('init_sd=1e300', '0 .. 1000'), ('init_mean=1e300', 'init_mean <= 1000'),
    ('n_winners=0,8', 'n_winners = (0, 8)'), ('n_winners=31,8', 'of 30 maps in layer 1 1 .. 30 may win'),
    ('n_winners=5', 'two entries'), ('inhibition_radius=-1,1', 'whole numbers >= 0'),
    ('batch_size=0', 'images whose changes are summed'), ('batch_size=60001', 'images whose changes are summed'),
    ('factor_window=0', 'presentations in a window'), ('factor_window=60001', 'presentations in a window'),
    ('threshold=15', 'two numbers'), ('threshold=nan,10', 'takes tuple'), ('s3_dropout=1', 'a probability'),
    ('n_validation=60000', 'layer 3 needs training images'), ('reward=margn', 'did you mean margin?'),
    ('reward=margin class_map=flat_mod', 'class_map=by_map is needed'), ('margin=0 reward=margin', '0 < margin <= 1'),
    ('slow_weights=-1', 'slow_weights = -1: allowed is 0 .. '),
    ('data=fashion', 'did you mean fashion_mnist?'), ('pooling=mean', 'what a pooled cell passes on'),
    ('class_map=mod', 'which class'),
    ('competition=batch', 'scores whole batches'), ('rng=legacy', 'no legacy stream'), ('first_factors=2,1', '0 .. 1'),
    ('n_classes=0', 'n_classes = 0'), ('n_tset=5', 'did you mean n_test?'), ('mode=papr', 'did you mean paper?'),
    ('mode=replication batch_size=600', 'double after whole batches'), ('test_every=0', 'passes'),
    ('epochs_s1=0 init_sd=0.5', 'a layer without training keeps its weights'),
    ('init_mean=-5', 'potentials that grow'), ('seed=1 seed=2', 'seed is given twice'),
    ('mode=paper_short array_num=4', 'array_num must be 1..3'), ('max_ltp_rate=0.001', 'grows up to'),
])
def test_bad_parameters_are_named(words, message):
    with pytest.raises(ValueError) as error:
        load_params(exp_params, *words.split())
    assert message in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('words, message', [
    ('init_mean=0.1 threshold=1e9,10', 'layer 1, threshold 1e+09: 0 % of the places fire'),
    ('threshold=8,1e9', 'layer 2, threshold 1e+09: 0 % of the places fire'),
    ('competition=batch batch_size=20 threshold=1e9,10', 'no neuron won in a whole epoch'),
])
def test_a_network_in_which_nobody_wins_is_named(words, message):
    with pytest.raises(ValueError, match='no neuron won in a whole epoch') as error:
        simulation.run(load_params(exp_params, *TINY, *words.split()))
    assert message in str(error.value) and '\n' not in str(error.value)


def test_memory_that_is_not_there_is_asked_for_in_one_line(call):
    _, error = call('-m', 'rstdp_mnist.simulation', 'mode=smoke', 'n_maps=30,60000,60000', code=1, PYTHONPATH=str(ROOT))
    assert 'GB of memory' in error and len(error.strip().splitlines()) == 1


def test_everything_but_the_spikingjelly_network_runs_without_torch(call):
    """Blocked imports: training, classification, figures and the experiments' list need neither torch nor spikingjelly."""
    code = """
import sys
class Blocked:
    def find_spec(self, name, *more):
        if name.split('.')[0] in ('torch', 'spikingjelly'):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
sys.path.insert(0, sys.argv[1])
from common.params import load_params
from rstdp_mnist import classify, evaluate, exp_params, experiments, plot_generator, simulation
print(len(simulation.run(load_params(exp_params, *sys.argv[2:]))['test_fractions']))
experiments.experiments('headline')
"""
    out, _ = call('-c', code, ROOT, *TINY)
    assert out.strip() == '2'


def test_missing_mnist_names_the_command(call, tmp_path):
    """The folder that is given is the only place, whatever $PLASTICITY_DATA holds."""
    (tmp_path / 'empty').mkdir()
    at = {'PYTHONPATH': str(ROOT)}
    for place, message, code in (('empty', 'python data/fetch.py mnist', 1), ('nowhere', 'does not exist', 2)):
        words = 'mode=smoke', f'data_dir={tmp_path / place}'
        _, error = call('-m', 'rstdp_mnist.simulation', *words, code=code, **at)
        assert message in error and len(error.strip().splitlines()) == 1


# ---------------------------------------------------------------- saved networks

def test_a_saved_network_is_tested_again(call, tmp_path):
    """simulation, plot_generator before and after, evaluate: from another folder, as their users start them."""
    at = {'PYTHONPATH': str(ROOT)}
    _, error = call('-m', 'rstdp_mnist.plot_generator', *TINY, code=1, **at)
    assert 'python -m rstdp_mnist.simulation mode=digits' in error
    out, error = call(ROOT / 'rstdp_mnist' / 'simulation.py', *TINY, **at)
    assert 'stand-in, not MNIST' in error
    saved, = (tmp_path / 'results' / 'rstdp_mnist' / 'digits').glob('*.npz')
    assert str(saved) in out
    out, _ = call('-m', 'rstdp_mnist.evaluate', f'load={saved}', **at)
    with np.load(saved) as d:
        share = 100 * d['test_fractions'][-1, 0]
    assert f'{share:.2f} % right' in out and '40 test images of digits' in out
    call('-m', 'rstdp_mnist.plot_generator', *TINY, **at)
    drawn = {path.name for path in (tmp_path / 'figures').rglob('*.png')}
    assert {name.split('-')[0] for name in drawn} == {f'fig_{i}_digits_seed0' for i in (1, 2, 3, 4, 5)} and len(drawn) == 5
    assert 'layer 1, threshold 15' in out and 'layer 2, threshold 10' in out
    for words, message in ((['n_maps=8,12,30'], 'conv3_weight has shape (20, 12, 5, 5), (30, 12, 5, 5) is needed'),
                           (['data=mnist', f'data_dir={tmp_path / "nowhere"}'], 'does not exist'),
                           (['which=best', 'which=last'], 'which is given twice'), (['which=lst'], 'did you mean last?')):
        _, error = call('-m', 'rstdp_mnist.evaluate', f'load={saved}', *words, code=1, **at)
        assert message in error and len(error.strip().splitlines()) == 1


def test_networks_that_cannot_be_used(tmp_path):
    p = load_params(exp_params, *TINY)
    weights = simulation.features.initial_weights(p)
    path = tmp_path / 'net.npz'

    def saved(**changes):
        arrays = {f'conv{i}_weight': w for i, w in enumerate(weights, 1)} | changes
        np.savez(path, meta=np.array(json.dumps({'params': vars(p)})), **{k: v for k, v in arrays.items() if v is not None})
        return path
    mistakes = (({'conv2_weight': None}, 'it has no conv2_weight'), ({'conv1_weight': weights[0][:5]}, 'has shape'),
                ({'conv1_weight': weights[0] * np.nan}, 'NaN'), ({'conv3_weight': -weights[2]}, 'negative'),
                ({'conv2_weight': weights[1] * 1j}, 'complex128'), ({'conv2_weight': weights[1].astype(str)}, 'real numbers'),
                ({'conv1_weight': weights[0] * 1e300}, 'beyond 1e6'))
    for changes, message in mistakes:
        with pytest.raises(ValueError, match=message):
            evaluate.load(saved(**changes))
    assert evaluate.load(saved())[0] == p
    with pytest.raises(ValueError, match='allowed: best, last, slow'):
        evaluate.load(path, which='first')
    path.write_bytes(b'no zip')
    with pytest.raises(ValueError, match='holds no network'):
        evaluate.load(path)
    with pytest.raises(FileNotFoundError, match='does not exist'):
        evaluate.load(tmp_path / 'nothing.npz')
    with pytest.raises(FileNotFoundError, match='is a folder'):
        evaluate.load(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('data_set', ['mnist', 'digits'])
def test_the_walkthrough_runs_through(call, tmp_path, data_set):
    """On MNIST where it is on disk, and on the stand-in; it ends with asserts on what it says."""
    place = {'PLASTICITY_DATA': str(tmp_path)} if data_set == 'digits' else {}
    out, _ = call(ROOT / 'rstdp_mnist' / 'walkthrough.py', **place)
    assert 'test accuracy in epoch 3' in out
