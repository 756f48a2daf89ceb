"""R-STDP on MNIST: bad input in one line, data loaders, saved networks, the scripts as their users start them."""
import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from rstdp_mnist_cases import write_events

from common import ROOT
from common.params import load_params
from rstdp_mnist import data, evaluate, exp_params, nmnist, simulation

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


# ---------------------------------------------------------------- data

def write_mnist(folder, images=None, labels=None):
    """idx files with these arrays in folder/mnist."""
    (folder / 'mnist').mkdir()
    images = np.zeros((3, 28, 28), np.uint8) if images is None else images
    labels = np.zeros(len(images), np.uint8) if labels is None else labels
    for part in data.FILES.values():
        for name, array in zip(part, (images, labels), strict=True):
            head = struct.pack('>HBB', 0, 8, array.ndim) + struct.pack(f'>{array.ndim}I', *array.shape)
            (folder / 'mnist' / name).write_bytes(gzip.compress(head + array.tobytes()))


def test_missing_mnist_names_the_command(call, tmp_path):
    """The folder that is given is the only place, whatever $PLASTICITY_DATA holds."""
    (tmp_path / 'empty').mkdir()
    at = {'PYTHONPATH': str(ROOT)}
    for place, message, code in (('empty', 'python data/fetch.py mnist', 1), ('nowhere', 'does not exist', 2)):
        words = 'mode=smoke', f'data_dir={tmp_path / place}'
        _, error = call('-m', 'rstdp_mnist.simulation', *words, code=code, **at)
        assert message in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize('damage, message', [
    (lambda path: path.write_bytes(path.read_bytes()[:20]), 'is not a complete gzipped idx file'),
    (lambda path: path.unlink(), 'not found'),
])
def test_damaged_mnist_is_named(tmp_path, damage, message):
    write_mnist(tmp_path)
    damage(tmp_path / 'mnist' / 'train-images-idx3-ubyte.gz')
    p = load_params(exp_params, mode='smoke', data_dir=str(tmp_path))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        data.load(p, 'train', 2)


@pytest.mark.parametrize('images, labels, message', [
    (np.zeros((3, 28, 27), np.uint8), None, '28 x 28 is needed'),
    (None, np.zeros(2, np.uint8), '3 images but 2 labels'),
    (None, np.full(3, 10, np.uint8), 'labels 10 .. 10: 0 .. 9'),
    (np.zeros((2, 28, 28), np.uint8), None, '3 images asked for'),
])
def test_wrong_mnist_files(tmp_path, images, labels, message):
    write_mnist(tmp_path, images, labels)
    p = load_params(exp_params, mode='smoke', data_dir=str(tmp_path), on_empty='silent')
    with pytest.raises(ValueError, match=message.replace('(', r'\(')):
        data.load(p, 'train', 3)


def test_digits_are_the_small_ones_enlarged():
    """Corners keep their grey value, means stay close; 1,500 and 297 images."""
    from sklearn.datasets import load_digits
    small = load_digits().images
    train, test = data.digits('train'), data.digits('test')
    assert len(train[0]) == 1500 and len(test[0]) == 297 and train[0].shape[1:] == (28, 28) and train[0].dtype == np.uint8
    corners = [0, -1, 0], [0, 0, -1]
    np.testing.assert_array_equal(train[0][:, *corners], np.round(small[:1500, *corners] * 255 / 16))
    assert np.corrcoef(train[0].mean(axis=(1, 2)), small[:1500].mean(axis=(1, 2)))[0, 1] > 0.9
    np.testing.assert_array_equal(test[1], load_digits().target[1500:])


def test_events_become_latencies(tmp_path):
    """Overflow, denoising by direct neighbours, one event a pixel in the channel of its polarity, frames of 20 ms."""
    events = [(5, 5, 1, 100),                      # everything passes in the first 10 ms: neighbours count as marked until then
              (6, 5, 0, 30_000),                   # its neighbour (5, 5) was marked until 10,100: noise
              (6, 6, 0, 31_000),                   # (6, 5) is marked until 40,000: passes, frame (31,000 - 100) // 20,000 = 1
              (6, 6, 1, 32_000),                   # the same pixel again: refractory
              (0, 240, 0, 0),                      # overflow: later times + 8,192
              (7, 6, 1, 32_000),                   # 40,192: (6, 6) marked until 42,000: passes, frame 2
              (30, 30, 1, 70_000),                 # alone: noise
              (7, 7, 1, 90_000)]                   # (7, 6) marked until 50,192: noise
    write_events(tmp_path / 'a.bin', events)
    x, y, polarity, time = nmnist.events_of((tmp_path / 'a.bin').read_bytes(), 'a.bin')
    assert time.tolist() == [100, 30_000, 31_000, 32_000, 40_192, 78_192, 98_192] and polarity.tolist() == [1, 0, 0, 1, 1, 1, 1]
    latency = nmnist.latencies_of(x, y, polarity, time, 16)
    # last surviving event 40,192: two whole frames of 20 ms, the third is incomplete and dropped
    assert {(c, b, a): latency[c, b, a] for c, b, a in np.argwhere(latency < 16)} == {(1, 5, 5): 0, (0, 6, 6): 1}


@pytest.mark.parametrize('packed', [False, True])
def test_recordings_stand_in_the_order_of_their_numbers(tmp_path, packed):
    """From folders or from the zip: by number (MNIST's order), of equal numbers the lower digit first."""
    labels = [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    folder = tmp_path / 'nmnist'
    for part in ('Train', 'Test'):
        for number, digit in enumerate(labels, 1):
            write_events(folder / part / str(digit) / f'{number:05}.bin', [(number, digit, 1, 500)])
    if packed:
        with zipfile.ZipFile(folder / 'nmnist_small.zip', 'w') as archive:
            for path in sorted(folder.rglob('*.bin')):
                archive.write(path, path.relative_to(folder))
        for part in ('Train', 'Test'):
            shutil.rmtree(folder / part)
    latency, found = nmnist.load('train', 10, 16, str(tmp_path))
    assert found.tolist() == labels
    assert all(latency[i, 1, digit, i + 1] == 0 for i, digit in enumerate(labels))
    with pytest.raises(ValueError, match='there are 10 recordings in the train part of N-MNIST, 11 were asked for'):
        nmnist.load('train', 11, 16, str(tmp_path))
    p = load_params(exp_params, mode='nmnist', data_dir=str(tmp_path))
    assert len(data.input_files(p)) == (1 if packed else 2)


def test_damaged_recordings_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='download N-MNIST'):
        nmnist.load('test', 1, 16, str(tmp_path))
    for part in ('Train', 'Test'):
        write_events(tmp_path / 'nmnist' / part / '0' / '00001.bin', [(1, 3, 1, 500)])
    (tmp_path / 'nmnist' / 'Train' / '0' / '00001.bin').write_bytes(b'123')
    with pytest.raises(ValueError, match='00001.bin: 3 bytes are no whole number of events'):
        nmnist.load('train', 1, 16, str(tmp_path))
    shutil.rmtree(tmp_path / 'nmnist' / 'Train')
    (tmp_path / 'nmnist' / 'nmnist_small.zip').write_bytes(b'no zip')
    with pytest.raises(ValueError, match='not a complete zip file'):
        nmnist.load('train', 1, 16, str(tmp_path))


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
    assert drawn == {f'fig_{i}_digits_seed0.png' for i in (1, 2, 3, 4, 5)}
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
