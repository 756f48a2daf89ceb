"""R-STDP on MNIST: pictures of any kind become digits like MNIST's, and are classified; networks in few bytes."""
import gzip
import json
import os
import struct
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from common import ROOT
from common.params import Remark, load_params
from rstdp_mnist import classify, data, evaluate, exp_params, simulation
from rstdp_mnist import classify_images as images

ENVIRONMENT = os.environ | {'MPLBACKEND': 'Agg', 'NUMBA_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1'}
TINY = {'mode': 'digits', 'n_train': 600, 'n_test': 100, 'n_maps': (30, 60, 40), 'epochs_s3': 4, 'factor_window': 200}


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """A network trained for a moment on scikit-learn's digits; -> (Params, weights, file)"""
    p = load_params(exp_params, **TINY)
    out = simulation.run(p)
    weights = [out[f'conv{i}_weight'] for i in (1, 2, 3)]
    path = tmp_path_factory.mktemp('network') / 'net.npz'
    evaluate.pack(p, weights, path)
    return p, weights, path


def photographed(digit, seed, light=True):
    """A digit (28, 28) as a picture of another size: blurred strokes somewhere on shaded, noisy paper, dark or light ink."""
    rng = np.random.default_rng(seed)
    large = Image.fromarray(digit).resize((150, 150), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1.5))
    page = np.zeros((260, 320))
    y, x = rng.integers(0, 110), rng.integers(0, 170)
    page[y:y + 150, x:x + 150] = np.asarray(large, float)
    shade = np.linspace(-15, 15, 320) + np.linspace(-8, 8, 260)[:, None] + rng.normal(0, 4, page.shape)
    page = 215 - 0.65 * page + shade if light else 30 + 0.65 * page + shade
    return page.clip(0, 255).astype(np.uint8)


@pytest.fixture
def digits():
    """Scikit-learn's test digits, as MNIST's: (images (n, 28, 28) uint8, labels)."""
    found, labels = data.digits('test')
    return np.stack([images.as_mnist(np.pad(digit.astype(float), 6)) for digit in found[:60]]), labels[:60]


def test_digits_like_mnists_stay_what_they_are(digits):
    """A digit that fills 20 pixels with its centre of mass at (14, 14) comes back."""
    one = np.zeros((28, 28))
    one[4:24, 13:16] = 200
    np.testing.assert_array_equal(images.as_mnist(one) > 0, one > 0)
    for fitted in digits[0][:20]:
        again = images.as_mnist(fitted.astype(float))
        rows, columns = (np.flatnonzero((fitted > 80).any(axis=axis)) for axis in (1, 0))
        assert 17 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
        centre = [(axis * fitted).sum() / fitted.sum() for axis in np.mgrid[:28, :28].astype(float)]
        np.testing.assert_allclose(centre, 14, atol=1.2)
        assert np.corrcoef(again.ravel(), fitted.ravel())[0, 1] > 0.9


@pytest.mark.parametrize('light', [True, False])
def test_photographs_become_the_digit(digits, light):
    """Whatever the size, the place, the paper and the shading: close to the digit itself, fitted."""
    alike = [np.corrcoef(images.as_mnist(photographed(digit, i, light).astype(float)).ravel(), digit.ravel())[0, 1]
             for i, digit in enumerate(digits[0][:20])]
    assert np.median(alike) > 0.9 and min(alike) > 0.6


def test_files_of_all_kinds_are_read(tmp_path, digits):
    found, labels = digits[0][:3], digits[1][:3].astype(np.uint8)
    (tmp_path / 'folder').mkdir()
    Image.fromarray(found[0]).save(tmp_path / 'folder' / 'a.png')
    np.save(tmp_path / 'folder' / 'b.npy', found[1])
    np.savez(tmp_path / 'set.npz', images=found, labels=labels)
    for name, array in (('x-images-idx3-ubyte', found), ('x-labels-idx1-ubyte', labels)):
        head = struct.pack('>HBB', 0, 8, array.ndim) + struct.pack(f'>{array.ndim}I', *array.shape)
        (tmp_path / f'{name}.gz').write_bytes(gzip.compress(head + array.tobytes()))
    one = images.read([tmp_path / 'folder'])
    assert [label for _, _, label in one] == [None, None]
    np.testing.assert_array_equal([image for _, image, _ in one], found[:2])
    for file in ('set.npz', 'x-images-idx3-ubyte.gz'):
        many = images.read([tmp_path / file])
        np.testing.assert_array_equal([image for _, image, _ in many], found)
        assert [label for _, _, label in many] == labels.tolist()
    seen = Image.new('RGBA', (40, 40), (255, 255, 255, 0))              # transparent, black ink
    seen.paste((0, 0, 0, 255), (18, 8, 22, 32))
    seen.save(tmp_path / 'ink.png')
    assert images.as_mnist(images.read([tmp_path / 'ink.png'])[0][1])[14, 14] == 255


def damaged_npz(path):
    """A compressed .npz with some bytes changed inside its member."""
    np.savez_compressed(path, images=np.random.default_rng(0).integers(0, 255, (9, 28, 28)))
    whole = bytearray(path.read_bytes())
    whole[200:240] = b'x' * 40
    path.write_bytes(whole)


@pytest.mark.parametrize('make, message', [
    (lambda path: path.with_suffix('.png').write_bytes(b'no picture'), 'holds no images'),
    (lambda path: path.with_suffix('.txt').write_bytes(b'some text'), 'neither a picture'),
    (lambda path: np.save(path.with_suffix('.npy'), np.zeros((2, 3, 4, 5))), 'of shape (2, 3, 4, 5)'),
    (lambda path: np.save(path.with_suffix('.npy'), np.full((30, 30), np.nan)), 'finite grey values'),
    (lambda path: np.save(path.with_suffix('.npy'), np.full((30, 30), 1j)), 'complex128'),
    (lambda path: np.savez(path.with_suffix('.npz'), other=np.zeros(3)), 'holds no images'),
    (lambda path: np.savez(path.with_suffix('.npz'), images=np.zeros((2, 28, 28)), labels=np.zeros(3, int)),
     'labels of shape (3,)'),
    (lambda path: np.save(path.with_suffix('.npy'), np.full((30, 30), 7)), 'of one grey value'),
    (lambda path: np.save(path.with_suffix('.npy'), np.arange(21.0).reshape(3, 7)), '3 x 7 pixels show no digit'),
    (lambda path: np.save(path.with_suffix('.npy'), np.zeros((0, 28, 28))), 'is empty'),
    (lambda path: np.save(path.with_suffix('.npy'), np.zeros((30, 30, 3))), 'looks like colours'),
    (lambda path: path.with_suffix('.npy').write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': ((([ \n "), 'holds no images'),
    (lambda path: damaged_npz(path.with_suffix('.npz')), 'holds no images'),
    (lambda path: path.with_name('bad-images-idx3-ubyte.gz').write_bytes(gzip.compress(bytes(999))[:10] + b'xxxxxxxx'),
     'holds no images'),
])
def test_pictures_that_cannot_be_used_are_named(tmp_path, make, message):
    make(tmp_path / 'bad')
    bad, = tmp_path.iterdir()
    with pytest.raises(ValueError) as error:
        for name, image, _ in images.read([bad]):
            classify.prepared(name, image)
    assert message in str(error.value) and 'bad' in str(error.value) and '\n' not in str(error.value)


def test_margin_and_runner_up(network, digits):
    """Against potentials written out: the strongest class, the strongest other one, the lead of the first."""
    from rstdp_mnist import encoding, equations, features
    p, weights, _ = network
    found = classify.classify(p, weights, digits[0][:10])
    counts = features.c2_spikes(p, encoding.encode(digits[0][:10], p), weights[0], weights[1])
    for i, image in enumerate(counts):
        V = equations.correlate(image, weights[2], 2).reshape(10, -1).max(axis=1)
        first, second = np.argsort(-V)[:2]
        assert (found['decision'][i], found['runner_up'][i]) == (first, second)
        assert found['margin'][i] == pytest.approx(V[first] / V[second] - 1)


def test_a_packed_network_decides_alike(network):
    p, weights, path = network
    packed = evaluate.load(path)[1]
    assert path.stat().st_size < 100_000
    np.testing.assert_allclose(packed[2], weights[2], atol=0.6 / 510 + 1e-6)
    right = [evaluate.evaluate(p, some)['right'] for some in (weights, packed)]
    assert abs(right[0] - right[1]) < 0.1


@pytest.mark.parametrize('mode', ['beyond', 'paper'])
def test_the_published_networks_read_digits(mode):
    """Both are small, know ten digits, were trained on MNIST: at least 90 % of the first 500 test images."""
    place = classify.NETWORK.parent / f'network_{mode}.npz'
    p, weights = evaluate.load(place)
    assert sum(path.stat().st_size for path in place.parent.glob('network_*.npz')) <= 2_000_000
    assert (p.mode, p.data, p.n_classes) == (mode, 'mnist', 10)
    try:
        found, labels = data.idx_images('mnist', 'test')
    except FileNotFoundError:
        pytest.skip('MNIST is not on disk (python data/fetch.py mnist)')
    assert (classify.classify(p, weights, found[:500])['decision'] == labels[:500]).mean() >= 0.9


def test_classify_as_its_users_start_it(network, tmp_path, digits):
    """Photographs dark on light, and a set with labels: the decisions of the network, a table, a picture."""
    p, weights, path = network
    for i in range(3):
        Image.fromarray(photographed(digits[0][i], i)).save(tmp_path / f'photo{i}.png')
    np.savez(tmp_path / 'set.npz', images=digits[0][:50], labels=digits[1][:50])

    def call(*words, code=0):
        done = subprocess.run([sys.executable, '-m', 'rstdp_mnist.classify', *map(str, words)], capture_output=True, text=True,
                              cwd=ROOT, env=ENVIRONMENT | {'PLASTICITY_FIGURES': str(tmp_path / 'figures')})
        assert done.returncode == code and 'Traceback' not in done.stderr, done.stderr
        return done.stdout if code == 0 else done.stderr
    out = call(*(tmp_path / f'photo{i}.png' for i in range(3)), tmp_path / 'set.npz', f'network={path}')
    pictures = np.stack([images.as_mnist(photographed(digits[0][i], i).astype(float)) for i in range(3)])
    expected = classify.classify(p, evaluate.load(path)[1], pictures)['decision']
    assert [line.split(': ')[1].split(',')[0] for line in out.splitlines()[:3]] == [str(d) for d in expected]
    assert '50 with labels: ' in out and 'label \\ decision' in out
    assert len(list((tmp_path / 'figures' / 'rstdp_mnist').glob('classify_photo0-*.png'))) == 1
    assert 'does not exist' in call(tmp_path / 'nothing.png', f'network={path}', code=1)
    assert 'no word of this script' in call(tmp_path / 'photo0.png', 'netwrk=x', code=1)
    assert 'name pictures' in call(code=1)


# ---------------------------------------------------------------- the script, in this process

@pytest.fixture
def script(network, tmp_path, monkeypatch):
    """classify.main with the small network and figures below tmp_path."""
    monkeypatch.setattr('common.figures.FIGURES', tmp_path / 'figures')
    return lambda *words: classify.main([*map(str, words), f'network={network[2]}'])


def test_no_two_figures_share_a_name(script, tmp_path, digits):
    """Pictures called alike in other folders, names with dots, letters that no font or encoding has, formulas."""
    names = ['a/photo.npy', 'b/photo.npy', 'photo.v1.npy', 'photo.v2.npy', 'cost$5^^$.npy', '\u4e2d.npy',
             os.fsdecode(b'\xff.npy')]
    drawn = []
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with open(tmp_path / name, 'wb') as file:
            np.save(file, digits[0][0])
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            drawn.append(script(tmp_path / name))
    assert len(set(drawn)) == len(names) and all(path.exists() for path in drawn)


def test_mistakes_are_said_before_work_begins(script, tmp_path, digits, monkeypatch):
    """Labels, the folder of the figures, a network of other pictures."""
    np.savez(tmp_path / 'neg.npz', images=digits[0][:2], labels=[-5, 4])
    monkeypatch.setattr(classify, 'classify', lambda *more: pytest.fail('something was classified'))
    with pytest.raises(ValueError, match='labels -5 .. 4: this network knows 0 .. 9'):
        script(tmp_path / 'neg.npz')
    (tmp_path / 'file').write_text('a file')
    with monkeypatch.context() as context, pytest.raises(OSError, match='cannot write into'):
        context.setattr('common.figures.FIGURES', tmp_path / 'file')
        script(tmp_path / 'neg.npz')
    other = SimpleNamespace(class_map='by_map', data='cifar10', image_size=32)
    monkeypatch.setattr(evaluate, 'load', lambda *more: (other, []))
    with pytest.raises(ValueError, match='data=cifar10 of 32 x 32 pixels; a network of grey pictures of 28 x 28'):
        script(tmp_path / 'neg.npz')


def test_words_that_cannot_act_on_an_evaluation_are_named(network):
    path = network[2]
    words = ['epochs_s3=7', 'seed=9', 'released_code=True', 'mode=beyond', 's3_bounds=0.1,0.9']
    with pytest.warns(Remark, match='epochs_s3, seed, released_code, mode, s3_bounds: nothing here'):
        evaluate.load(path, words)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        evaluate.load(path, ['n_test=50', 'threshold=15,9', 's3_bounds=0.1,0.9'], acting=evaluate.ACTING | evaluate.PACKING)


def test_a_network_that_cannot_be_used_is_named_with_its_file(network, tmp_path):
    with np.load(network[2]) as file:
        arrays = dict(file)
    arrays['meta'] = np.array(json.dumps({'params': {'foo': 3, 's3_bounds': [0.2, 0.8]}}))
    np.savez(tmp_path / 'foreign.npz', **arrays)
    with pytest.raises(ValueError, match="foreign.npz: unknown parameter 'foo'"):
        evaluate.load(tmp_path / 'foreign.npz')
    with pytest.raises(ValueError, match='net.npz with n_maps=30,60,50: conv3_weight has shape'):
        evaluate.load(network[2], ['n_maps=30,60,50'])
    damaged_npz(tmp_path / 'damaged.npz')
    with pytest.raises(ValueError, match='damaged.npz holds no network'):
        evaluate.load(tmp_path / 'damaged.npz')
