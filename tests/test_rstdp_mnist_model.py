"""R-STDP on MNIST: the fast paths in the variants that equations.py does not hold; encoder, windows, factors."""
import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest

from common.checkpoint import Checkpoint
from common.params import load_params
from rstdp_mnist import data, encoding, equations, exp_params, features, neurons, rstdp, search, simulation, stdp

REFERENCE = Path(__file__).parent / 'reference' / 'rstdp_mnist'
T = 15
TINY = {'data': 'digits', 'n_train': 60, 'n_test': 40, 'n_maps': (8, 12, 20), 'epochs_s1': 2, 'epochs_s2': 2, 'epochs_s3': 2,
        'factor_window': 20, 'doubling_interval': 25, 'threshold': (8.0, 6.0)}


DEFAULT = load_params(exp_params)


def tiny(**given):
    return load_params(exp_params, mode='digits', **(TINY | given))


def random_latency(rng, shape, fire=0.5):
    """Latencies of which a share `fire` is not `never`."""
    return np.where(rng.random(shape) < fire, rng.integers(0, T, shape), T).astype(np.uint8)


# ---------------------------------------------------------------- encoding

def test_rank_order_bins_and_ties():
    """Stable descending ranks, b a bin; the n+ mod T weakest and all zeros never fire."""
    value = np.array([5, 0, 7, 5, 1, 7, 2, 3.0])
    latency = np.empty(8, np.uint8)
    assert encoding.rank_bins(value, 3, latency) == 7
    np.testing.assert_array_equal(latency, [1, 3, 0, 1, 3, 0, 2, 2])
    assert encoding.rank_bins(value, 8, latency) == 7 and (latency == 8).all()


def test_encoder_is_the_plain_one():
    """Filters, box mean and stable sort of equations.py, whole images."""
    rng = np.random.default_rng(0)
    images = np.where(rng.random((5, 28, 28)) < 0.2, rng.integers(0, 256, (5, 28, 28)), 0)
    plain = [equations.rank_order(equations.responses(image).astype(np.float32)) for image in images]
    latency = encoding.encode(images, DEFAULT)
    assert (latency != plain).mean() < 1e-3        # ties that the last bit of a sum decides
    assert (latency < T).sum() > 1000


def test_thresholds_of_their_own_for_each_filter():
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 8:20, 10:14] = 255
    all_six = encoding.encode(images, DEFAULT)
    some = encoding.encode(images, dataclasses.replace(DEFAULT, dog_threshold=(1e9, 1e9, 1e9, 1e9, 1e9, 50.0)))
    assert (some[0, :5] == T).all() and (some[0, 5] < T).any() and (all_six[0, 0] < T).any()


def test_a_filter_bank_of_ones_own():
    """One on-centre filter of 5 pixels: the first channel of equations.py with this bank."""
    p = dataclasses.replace(DEFAULT, dog_window=(5,), dog_sigma_1=(0.6,), dog_sigma_2=(1.2,))
    image = np.random.default_rng(1).integers(0, 256, (28, 28))
    plain = equations.rank_order(equations.responses(image, ((5, 0.6, 1.2),)).astype(np.float32))
    assert (encoding.encode(image[None], p)[0] != plain).mean() < 2e-3


@pytest.mark.parametrize('images, given, message', [
    (np.zeros((28, 28), np.uint8), {}, '(n, height, width)'),
    (np.full((1, 28, 28), 0.5), {}, '0 .. 255 is needed (multiply by 255)'),
    (np.full((1, 28, 28), 300), {}, 'grey values 300 .. 300'),
    (np.full((1, 28, 28), np.nan), {}, 'NaN'),
    (np.zeros((3, 28, 28), np.uint8), {'first': 7}, 'image 7 is (almost) blank: 0 responses for 15 time bins'),
])
def test_images_that_cannot_be_encoded(images, given, message):
    with pytest.raises(ValueError) as error:
        encoding.encode(images, DEFAULT, **given)
    assert message in str(error.value)


def test_a_blank_image_may_be_silent_if_asked():
    assert (encoding.encode(np.zeros((2, 28, 28), np.uint8), dataclasses.replace(DEFAULT, on_empty='silent')) == T).all()


# ---------------------------------------------------------------- layers 1 and 2

def test_batches_sum_the_changes_of_their_images():
    rng = np.random.default_rng(3)
    latency = random_latency(rng, (10, 4, 8, 8))
    start = rng.uniform(0.2, 0.9, (6, 4, 3, 3))
    rule = stdp.Rule(T, 1, 1, 6.0, True, 3, 1, 0.0, 1.0)
    net = stdp.Learner(start, neurons.Layer(4, 8, 1, 3, 6, 1), rule, stdp.Rates(0.02, -0.01, 0.15, 500), batch_size=5)
    net.advance(latency)
    W = start
    for part in (latency[:5], latency[5:]):
        D = np.zeros_like(W)
        for image in part:
            V = equations.potentials(image, W, 1)
            tau = equations.first_spikes(V, 6.0)
            D += equations.stdp(W, image, equations.winners(V, tau, 3, 1), tau, 1, 0.02, -0.01) - W
        W = np.clip(W + D, 0, 1)
    np.testing.assert_allclose(net.weight(), W, rtol=0, atol=1e-12)


def test_a_learner_leaves_the_weights_it_was_given():
    """One map, one channel: the kernels' order of axes is the given one, and still they work on a copy."""
    start = np.full((1, 1, 3, 3), 0.6)
    rule, layer = stdp.Rule(T, 1, 1, 1.0, True, 1, 0, 0.0, 1.0), neurons.Layer(1, 8, 1, 3, 1, 1)
    net = stdp.Learner(start, layer, rule, stdp.Rates(0.02, -0.01, 0.15, 500))
    net.advance(random_latency(np.random.default_rng(0), (3, 1, 8, 8)))
    kept = net.weight()
    assert (start == 0.6).all() and (kept != 0.6).any()
    net.advance(random_latency(np.random.default_rng(1), (3, 1, 8, 8)))
    assert (kept != net.weight()).any()


def test_blocks_do_not_matter():
    """The same images in one block or several: the same bits."""
    rng = np.random.default_rng(4)
    latency, start = random_latency(rng, (40, 4, 8, 8)), rng.normal(0.8, 0.05, (6, 4, 3, 3))
    rule, layer = stdp.Rule(T, 1, 1, 6.0, True, 3, 1, 0.0, 1.0), neurons.Layer(4, 8, 1, 3, 6, 1)
    nets = [stdp.Learner(start, layer, rule, stdp.Rates(0.02, -0.01, 0.15, 7)) for _ in range(2)]
    nets[0].advance(latency)
    for i in range(0, 40, 3):
        nets[1].advance(latency[i:i + 3])
    np.testing.assert_array_equal(nets[0].W, nets[1].W)
    assert nets[0].rates.state() == nets[1].rates.state()


def test_active_pools_are_the_pooled_spikes():
    """V in the last bin decides which pools fire: the same with time and without, with saturated weights too."""
    rng = np.random.default_rng(5)
    latency = random_latency(rng, (20, 5, 8, 8), 0.2)
    for W in (rng.random((7, 5, 3, 3)), (rng.random((7, 5, 3, 3)) < 0.3).astype(float)):
        for strict in (True, False):
            tau, out = np.empty((20, 7, 8, 8), np.uint8), np.empty((20, 7, 2, 2), np.uint8)
            neurons.forward(latency, 1, T, neurons.map_last(W), 1, 7.0, strict, tau, np.empty((0, 1, 1, 1)))
            neurons.active_pools(latency, T, neurons.map_last(W), 1, 7.0, strict, 3, out)
            plain = (tau[:, :, :6, :6].reshape(20, 7, 2, 3, 2, 3) < T).any(axis=(3, 5))
            np.testing.assert_array_equal(out, plain)
            assert 0 < out.sum() < out.size


# ---------------------------------------------------------------- layer 3 against the plain equations

def plain_rstdp(counts, labels, W, net, off, batch):
    """The plain rule with what equations.py leaves out: maps that are off, several spikes a cell, classes by index, batches."""
    decisions, winners, D = [], [], np.zeros(W.shape)
    side, low, high = W.shape[2], W.dtype.type(0.2), W.dtype.type(0.8)
    for i, (image, label) in enumerate(zip(counts, labels, strict=True)):
        V = equations.correlate(image, W, side // 2)
        V[off[i]] = 0
        winner = equations.strongest(V, np.arange(len(V)))
        f, y, x = winner or (-1, -1, -1)
        decision = -1 if f < 0 else (f // (len(W) // 10) if net.by_map else int(V.argmax()) % 10)
        decisions.append(decision)
        winners.append((f, y, x))
        if f >= 0:
            fired, (phi_r, phi_p) = equations.afferents(image > 0, y, x, side, side // 2), net.phi
            D[f] += (np.where(fired, phi_r * 0.004, phi_r * -0.003) if decision == label
                     else np.where(fired, phi_p * -0.004, phi_p * 0.0005))
        if (i + 1) % batch == 0 and (batch > 1 or f >= 0):
            W, D = np.clip((W + D).astype(W.dtype), low, high), np.zeros(W.shape)
    return np.array(decisions), np.array(winners), W


@pytest.mark.parametrize('dtype, class_map, most, batch, drop', [
    ('float32', 'by_map', 1, 1, 0), ('float64', 'by_map', 1, 1, 0.5), ('float32', 'flat_mod', 4, 1, 0),
    ('float32', 'by_map', 3, 6, 0.2)])
def test_layer3_is_the_plain_rule(dtype, class_map, most, batch, drop):
    """60 images; bytes, left-out positions and exact sums against the convolution: same winners, same weights."""
    rng = np.random.default_rng(most)
    counts = (rng.random((60, 40, 4, 4)) < 0.3) * rng.integers(1, most + 1, (60, 40, 4, 4))
    counts[7] = 0                                  # silent
    counts[20:, :, :2] = 0                         # positions at the bottom have few afferents
    labels = rng.integers(0, 10, 60)
    W = rng.normal(0.8, 0.05, (20, 40, 5, 5)).astype(dtype)
    net = rstdp.Decider(W.copy(), class_map=class_map, batch_size=batch)
    net.phi[:] = 0.9, 0.8
    off = rng.random((60, 20)) < drop
    decision, winner, largest = net.present(counts.astype(np.uint8), labels, learn=True, off=off)
    expected = plain_rstdp(counts, labels, W, net, off, batch)
    np.testing.assert_array_equal(decision, expected[0])
    np.testing.assert_array_equal(winner, expected[1])
    np.testing.assert_allclose(net.W, expected[2], rtol=0, atol=2e-7 if dtype == 'float32' else 1e-12)
    assert decision[7] == -1 and largest[7] == 0 and (decision == labels).any()


def test_sums_of_float32_weights_are_exact():
    """Whatever the order of the afferents: the same potential, so no machine decides otherwise."""
    rng = np.random.default_rng(6)
    W = rng.uniform(0.2, 0.8, (1, 250, 5, 5)).astype(np.float32)
    where, n = np.tile(np.arange(250), (16, 1)), np.full(16, 250)
    first = search.potential(W, 0, 5, where, n, 4)
    for _ in range(20):
        for row in where:
            rng.shuffle(row)
        assert search.potential(W, 0, 5, where, n, 4) == first


def test_class_maps():
    """200 maps of 4 x 4: 20 maps a class; flat index (16 map + 4 row + column) mod 10."""
    for f, position in ((0, 0), (19, 15), (20, 3), (199, 7)):
        assert rstdp.class_of(f, position, 16, 200, 10, True) == f // 20
        assert rstdp.class_of(f, position, 16, 200, 10, False) == (16 * f + position) % 10


def test_factors_follow_hits_and_misses():
    """phi_r = wrong / n, phi_p = right / n of the window just ended; the last window of an epoch may be short."""
    p = tiny(n_train=50, factor_window=20)
    counts = {'train': np.zeros((50, 12, 4, 4), np.uint8), 'train_labels': np.zeros(50, int)}
    top = simulation.Training(p, counts)
    for outcome, n in (((5, 15, 0), 20), ((20, 0, 0), 20), ((1, 8, 1), 10)):
        top.window[:] = outcome
        top.close_window()
        np.testing.assert_allclose(top.net.phi, (outcome[1] / n, outcome[0] / n))
    assert top.running.tolist() == [26, 23, 1]


def test_moved_spikes():
    """One pixel down moves every row one down; what comes in never fires; there and back is the same inside."""
    latency = np.random.default_rng(0).integers(0, 15, (2, 3, 6, 6)).astype(np.uint8)
    down = features.moved(latency, 1, 0, 15)
    np.testing.assert_array_equal(down[:, :, 1:], latency[:, :, :-1])
    assert (down[:, :, 0] == 15).all()
    left = features.moved(latency, 0, -2, 15)
    np.testing.assert_array_equal(left[..., :-2], latency[..., 2:])
    assert (left[..., -2:] == 15).all()
    np.testing.assert_array_equal(features.moved(features.moved(latency, 2, 1, 15), -2, -1, 15)[:, :, :-2, :-1],
                                  latency[:, :, :-2, :-1])


def test_layer_3_sees_each_copy_in_turn(monkeypatch):
    """Five epochs: every image once as it is and once moved to each side; the features are those of moved input spikes."""
    p = load_params(exp_params, mode='smoke', n_train=10, n_test=5, factor_window=10, epochs_s3=5, shift=2, data='digits',
                    threshold=(15.0, 190.0), epochs_s1=0, epochs_s2=0)
    below, top = features.prepare(p, Checkpoint())[1], None
    latency = data.load(p, 'train', 10).latency
    expected = np.array([features.c2_spikes(p, features.moved(latency, *by, p.n_time_bins), below['conv1_weight'],
                                            below['conv2_weight']) for by in features.shifts(p)])
    top, seen = simulation.Training(p, below), []
    monkeypatch.setattr(top.net, 'present', lambda inputs, labels=None, learn=False, off=None:
                        (seen.append(inputs) if learn else None, (np.zeros(len(inputs), int), None, None))[1])
    for _ in range(5):
        top.advance()
        top.end_epoch()
    for i in range(10):
        found = sorted(epoch[i].tobytes() for epoch in seen)
        assert found == sorted(copy[i].tobytes() for copy in expected)
    assert not np.array_equal(expected[0], expected[1])


def test_rates_fall_from_epoch_to_epoch():
    """s3_decay = 0.5: all six rates of the third epoch are a quarter of the first's, also after going on from a checkpoint."""
    p = load_params(exp_params, mode='smoke', n_train=10, n_test=5, factor_window=10, epochs_s3=3, s3_decay=0.5, data='digits')
    top = simulation.Training(p, features.prepare(p, Checkpoint())[1])
    top.advance()
    top.end_epoch()
    top.advance()
    top.end_epoch()
    top.net.phi[:] = 1
    plain = np.array([[p.reward_ltp, p.reward_ltd], [p.punishment_ltd, p.punishment_ltp], [p.reward_ltp, p.reward_ltd]])
    np.testing.assert_allclose(top.net.scaled_rates(), plain / 4)
    again = simulation.Training(p, top.below)
    again.restore(*top.frozen())
    np.testing.assert_array_equal(again.net.scaled_rates(), top.net.scaled_rates())


def test_cifar10_in_grey(tmp_path):
    """Weights of the three colours, one image a row; a folder without the files is one line with the command."""
    folder = tmp_path / 'cifar-10-batches-py'
    folder.mkdir()
    colour = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3))
    for name in ('data_batch_1', 'test_batch'):
        batch = {b'data': colour.transpose(0, 3, 1, 2).reshape(4, -1).astype(np.uint8), b'labels': [0, 9, 3, 4]}
        (folder / name).write_bytes(pickle.dumps(batch))
    p = load_params(exp_params, mode='cifar10', n_train=4, n_test=2, data_dir=str(tmp_path), factor_window=4)
    images, labels = data.images_of(p, 'train')
    np.testing.assert_array_equal(images, np.round(colour @ (0.299, 0.587, 0.114)))
    assert labels.tolist() == [0, 9, 3, 4] and data.load(p, 'test', 2).latency.shape == (2, 6, 32, 32)
    (folder / 'data_batch_1').unlink()
    with pytest.raises(FileNotFoundError, match='data_batch_1 is missing; get it with: python data/fetch.py cifar10'):
        data.load(p, 'train', 4)


def test_dropout_falls_linearly_to_zero():
    p = tiny(s3_dropout=0.5, dropout_epochs=4, epochs_s3=5)
    top = simulation.Training(p, {})
    share = []
    for top.epoch in range(4):
        share.append(top.dropped(1000).mean())
    np.testing.assert_allclose(share, [0.5, 0.375, 0.25, 0.125], atol=0.03)
    top.epoch = 4
    assert top.dropped(1000) is None
    assert simulation.Training(tiny(s3_dropout=0.5), {}).dropped(1000).mean() == pytest.approx(0.5, abs=0.03)
