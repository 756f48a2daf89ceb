"""R-STDP on MNIST: bad input in one line, data loaders, saved networks, the scripts as their users start them."""
import gzip
import json
import os
import struct
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from common import ROOT
from common.params import load_params
from rstdp_mnist import data, evaluate, exp_params, nmnist, simulation
from rstdp_mnist.checks import check_geometry

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
    ('ltp_rate=-0.004', 'signs of the rates exchanged'), ('ltd_rate=0.003', 'signs of the rates exchanged'),
    ('punishment_ltd=0.004', 'signs exchanged'), ('punishment_ltp=-0.0005', 'signs exchanged'),
    ('reward_ltp=-1', 'potentiates what fired'), ('reward_ltd=1', 'depresses what was silent'),
    ('weight_bounds=1,0', '0 <= low < high'), ('weight_bounds=-0.1,1', '0 <= low < high'),
    ('s3_bounds=0.8,0.8', '0 <= low < high'),
    ('n_winners=0,8', 'n_winners = (0, 8)'), ('n_winners=31,8', 'of 30 maps in layer 1 1 .. 30 may win'),
    ('n_winners=5', 'two entries'), ('inhibition_radius=-1,1', 'whole numbers >= 0'),
    ('batch_size=0', 'images whose changes are summed'), ('batch_size=60001', 'images whose changes are summed'),
    ('factor_window=0', 'presentations in a window'), ('factor_window=60001', 'presentations in a window'),
    ('threshold=15', 'two numbers'), ('threshold=nan,10', 'takes tuple'), ('s3_dropout=1', 'a probability'),
    ('n_validation=60000', 'layer 3 needs training images'), ('image_size=8', 'image_size = 8'),
    ('data=fashion', 'the data sets'), ('pooling=mean', 'what a pooled cell passes on'), ('class_map=mod', 'which class'),
    ('competition=batch', 'scores whole batches'), ('rng=legacy', 'no legacy stream'), ('first_factors=2,1', '0 .. 1'),
    ('n_classes=0', 'n_classes = 0'), ('n_tset=5', 'did you mean n_test?'), ('mode=papr', 'did you mean paper?'),
    ('mode=replication batch_size=600', 'double after whole batches'), ('test_every=0', 'epochs'),
    ('init_mean=-5', 'potentials that grow'), ('input_pad=10000', 'pixels'),
    ('mode=paper_short array_num=4', 'array_num must be 1..3'), ('max_ltp_rate=0.001', 'grows up to it'),
])
def test_bad_parameters_are_named(words, message):
    with pytest.raises(ValueError) as error:
        load_params(exp_params, *words.split())
    assert message in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('size, message', [(2, 'layer 1: its 5 x 5 kernel is larger than the padded input, 2 x 2'),
                                           (6, 'layer 2: its 1 x 1 output fills no pooling window of 3')])
def test_kernels_that_do_not_fit_are_named(size, message):
    p = vars(load_params(exp_params)) | {'data': 'own', 'image_size': size, 'input_pad': 0}
    with pytest.raises(ValueError, match=message):
        check_geometry(SimpleNamespace(**p, __dataclass_fields__=p))


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
    empty = {'PLASTICITY_DATA': str(tmp_path)}
    if (ROOT / 'data' / 'mnist').exists():
        pytest.skip('MNIST is in data/')
    _, error = call('-m', 'rstdp_mnist.simulation', 'mode=smoke', code=1, PYTHONPATH=str(ROOT), **empty)
    assert 'python data/fetch.py mnist' in error and 'train-images-idx3-ubyte.gz' in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize('damage, message', [
    (lambda path: path.write_bytes(path.read_bytes()[:20]), 'is not a complete gzipped idx file'),
    (lambda path: path.unlink(), 'not found'),
])
def test_damaged_mnist_is_named(tmp_path, monkeypatch, damage, message):
    monkeypatch.setenv('PLASTICITY_DATA', str(tmp_path / 'nowhere'))
    write_mnist(tmp_path)
    damage(tmp_path / 'mnist' / 'train-images-idx3-ubyte.gz')
    p = load_params(exp_params, mode='smoke', data_dir=str(tmp_path))
    if message == 'not found' and (ROOT / 'data' / 'mnist').exists():
        pytest.skip('MNIST is in data/')
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


def write_events(path, events):
    """(x, y, polarity, time) rows as an N-MNIST file."""
    raw = [[x, y, polarity << 7 | time >> 16 & 127, time >> 8 & 255, time & 255] for x, y, polarity, time in events]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(np.array(raw, np.uint8).tobytes())


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
    x, y, polarity, time = nmnist.read_events(tmp_path / 'a.bin')
    assert time.tolist() == [100, 30_000, 31_000, 32_000, 40_192, 78_192, 98_192] and polarity.tolist() == [1, 0, 0, 1, 1, 1, 1]
    latency = nmnist.latencies_of(x, y, polarity, time, 16)
    # last surviving event 40,192: two whole frames of 20 ms, the third is incomplete and dropped
    assert {(c, b, a): latency[c, b, a] for c, b, a in np.argwhere(latency < 16)} == {(1, 5, 5): 0, (0, 6, 6): 1}


def test_event_folders(tmp_path):
    for digit in range(10):
        write_events(tmp_path / 'nmnist' / 'Train' / str(digit) / f'0000{digit}.bin', [(digit, 3, 1, 500)])
    latency, labels = nmnist.load('train', 10, 16, str(tmp_path))
    assert labels.tolist() == list(range(10)) and all(latency[d, 1, 3, d] == 0 for d in range(10))
    with pytest.raises(ValueError, match='holds 10 recordings, 11 were asked for'):
        nmnist.load('train', 11, 16, str(tmp_path))
    with pytest.raises(FileNotFoundError, match='download N-MNIST'):
        nmnist.load('test', 1, 16, str(tmp_path))
    (tmp_path / 'nmnist' / 'Train' / '0' / '00000.bin').write_bytes(b'123')
    with pytest.raises(ValueError, match='no whole number of events'):
        nmnist.load('train', 10, 16, str(tmp_path))


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
    assert {path.name for path in (tmp_path / 'figures').rglob('*.png')} == {f'fig_{i}.png' for i in (1, 2, 3, 4, 5)}
    _, error = call('-m', 'rstdp_mnist.evaluate', f'load={saved}', 'n_maps=8,12,30', code=2, **at)
    assert 'conv3_weight has shape (20, 12, 5, 5), (30, 12, 5, 5) is needed' in error


def test_networks_that_cannot_be_used(tmp_path):
    p = load_params(exp_params, *TINY)
    weights = simulation.lower.initial_weights(p)
    path = tmp_path / 'net.npz'

    def saved(**changes):
        arrays = {f'conv{i}_weight': w for i, w in enumerate(weights, 1)} | changes
        np.savez(path, meta=np.array(json.dumps({'params': vars(p)})), **{k: v for k, v in arrays.items() if v is not None})
        return path
    mistakes = (({'conv2_weight': None}, 'it has no conv2_weight'), ({'conv1_weight': weights[0][:5]}, 'has shape'),
                ({'conv1_weight': weights[0] * np.nan}, 'NaN'), ({'conv3_weight': -weights[2]}, 'negative'))
    for changes, message in mistakes:
        with pytest.raises(ValueError, match=message):
            evaluate.load(saved(**changes))
    assert evaluate.load(saved())[0] == p
    with pytest.raises(ValueError, match='last'):
        evaluate.load(path, which='first')
    path.write_bytes(b'no zip')
    with pytest.raises(ValueError, match='holds no network'):
        evaluate.load(path)
    with pytest.raises(FileNotFoundError, match='does not exist'):
        evaluate.load(tmp_path / 'nothing.npz')
