"""R-STDP on MNIST: the data loaders, files that are missing, damaged or too short, features as they are stored."""
import gzip
import re
import shutil
import struct
import zipfile

import numpy as np
import pytest
from rstdp_mnist_cases import write_events

from common.checkpoint import Checkpoint
from common.params import load_params
from rstdp_mnist import data, exp_params, features, nmnist, simulation

TINY = ['mode=digits', 'n_train=60', 'n_test=40', 'n_maps=8,12,20', 'epochs_s1=1', 'epochs_s2=1', 'epochs_s3=2',
        'factor_window=20']


def write_mnist(folder, images=None, labels=None):
    """idx files with these arrays in folder/mnist."""
    (folder / 'mnist').mkdir()
    images = np.zeros((3, 28, 28), np.uint8) if images is None else images
    labels = np.zeros(len(images), np.uint8) if labels is None else labels
    for part in data.FILES.values():
        for name, array in zip(part, (images, labels), strict=True):
            head = struct.pack('>HBB', 0, 8, array.ndim) + struct.pack(f'>{array.ndim}I', *array.shape)
            (folder / 'mnist' / name).write_bytes(gzip.compress(head + array.tobytes()))


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
    (None, np.zeros(4, np.uint8), '3 images but 4 labels'),
    (None, np.full(3, 10, np.uint8), 'labels 10 .. 10: 0 .. 9 is needed (n_classes = 10)'),
    (np.zeros((2, 28, 28), np.uint8), None, '3 images asked for'),
])
def test_wrong_mnist_files(tmp_path, images, labels, message):
    write_mnist(tmp_path, images, labels)
    p = load_params(exp_params, mode='smoke', data_dir=str(tmp_path), on_empty='silent')
    with pytest.raises(ValueError, match=re.escape(message)):
        data.load(p, 'train', 3)


@pytest.mark.parametrize('words, message', [
    ({'n_test': 4}, '4 images asked for, the test part of mnist has 3'), ({'n_classes': 5}, 'n_classes = 5'),
    ({}, 'the train part of mnist: image 0 is (almost) blank'), ({}, 'dog_threshold = (50.0,)')])
def test_what_is_wrong_with_the_images_is_said_before_work_begins(tmp_path, monkeypatch, words, message):
    """Sizes and labels of both parts before any image is encoded; a blank image with its part and the threshold."""
    write_mnist(tmp_path, labels=np.array([0, 1, 5], np.uint8))
    if words:
        monkeypatch.setattr(data.encoding, 'encode', lambda *more, **others: pytest.fail('an image was encoded'))
    p = load_params(exp_params, mode='smoke', data_dir=str(tmp_path), **({'n_train': 3, 'n_test': 3, 'factor_window': 3,
                                                                          'n_maps': (30, 250, 40)} | words))
    with pytest.raises(ValueError, match=re.escape(message)):
        simulation.run(p)


def test_a_folder_that_cannot_be_written_is_said_before_work_begins(tmp_path, monkeypatch):
    monkeypatch.setattr('common.results.RESULTS', tmp_path)
    (tmp_path / 'rstdp_mnist').mkdir()
    (tmp_path / 'rstdp_mnist' / 'layers12').write_text('a file')
    monkeypatch.setattr(data, 'read', lambda *more: pytest.fail('images were read'))
    with pytest.raises(OSError, match='cannot write into .*layers12'):
        simulation.run(load_params(exp_params, *TINY), Checkpoint(tmp_path / 'run.npz'))


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
        whole = (folder / 'nmnist_small.zip').read_bytes()
        first = whole.index(b'.bin') + 4
        (folder / 'nmnist_small.zip').write_bytes(whole[:first] + b'x' + whole[first + 1:])
        with pytest.raises(ValueError, match='nmnist_small.zip/Test/0/00004.bin is damaged'):
            nmnist.load('test', 10, 16, str(tmp_path))
        (folder / 'nmnist_small.zip').write_bytes(whole)
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


def test_copies_of_which_only_some_fire_twice_are_stored_alike():
    """pooling=distinct with moved images: bits for one copy and counts for another do not fit together."""
    p = load_params(exp_params, *TINY, 'pooling=distinct', 'shift=27', 'threshold=8,6')
    _, below = features.prepare(p, Checkpoint())
    assert below['train'].ndim == 4 and len(below['train']) == 5 * p.n_train
    first = features.unpacked(p, below['train'][:p.n_train])
    images = data.load(p, 'train', p.n_train)
    np.testing.assert_array_equal(first, features.c2_spikes(p, images.latency, below['conv1_weight'], below['conv2_weight']))
