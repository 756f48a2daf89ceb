"""HSIC-bottleneck learning: reservoir, data."""
import pickle

import numpy as np
import pytest
from test_biohsic_model import params

from biohsic import data, layers, lif_training, networks
from biohsic.reservoir import Reservoir, Samples, agreement, one_model
from common.checkpoint import Checkpoint

# ---------------------------------------------------------------- reservoir

def small_reservoir(**given):
    p = params('mode=reservoir', nhidden=40, dtype='float64', **given)
    return Reservoir.random(p, 6, np.random.default_rng(2))

rng = np.random.default_rng(0)


def test_density_of_the_recurrent_weights():
    """D7: a fraction `density` is kept, with s.d. sqrt(1 / (0.1 n)) whatever the density."""
    for density in (0.1, 0.9):
        net = Reservoir.random(params('mode=reservoir', nhidden=600, density=density), 6, np.random.default_rng(2))
        kept = net.W_r[net.W_r != 0]
        assert kept.size / net.W_r.size == pytest.approx(density, abs=0.005)
        assert kept.std() == pytest.approx((0.1 * 600) ** -0.5, rel=0.01)


def test_one_lms_step_cancels_the_error_when_the_rate_fits():
    """eta |r|^2 = 1: after one step the same r gives the target exactly (why a frozen read-out knows nothing, D8)."""
    net = small_reservoir()
    r, xi = rng.normal(size=40), rng.normal(size=10)
    net.p = params('mode=reservoir', learning_rate=1 / (r @ r))
    net.learn(r, r @ net.W_o, xi)
    np.testing.assert_allclose(r @ net.W_o, xi, rtol=1e-12)


def test_rls_is_ridge_regression():
    net, rs, targets = small_reservoir(readout_rule='rls', rls_alpha=0.5), rng.normal(size=(60, 40)), rng.normal(size=(60, 10))
    for r, xi in zip(rs, targets, strict=True):
        net.learn(r, r @ net.W_o, xi)
    np.testing.assert_allclose(net.W_o, np.linalg.solve(rs.T @ rs + 0.5 * np.eye(40), rs.T @ targets), rtol=1e-8, atol=1e-10)


def test_rmhebb_learns_only_when_the_reward_is_above_its_mean():
    net = small_reservoir(readout_rule='rmhebb', learning_rate=0.1, output_noise=0.1)
    r, xi = rng.normal(size=40), np.zeros(10)
    net.learn(r, np.full(10, 0.1), xi)             # mean so far 0: a reward of -0.1 is below it
    assert not net.W_o.any()
    net.slow_reward[:] = -5.0
    net.learn(r, np.full(10, 0.1), xi)
    assert net.W_o.any()


def few_samples(**given):
    """Twelve random images in place of MNIST's."""
    samples = Samples.__new__(Samples)
    samples.p = params('mode=reservoir', nhidden=40, nsamples=12, nepochs=1, dtype='float64', **given)
    samples.x, samples.y = np.random.default_rng(3).normal(size=(12, 784)), data.one_hot(np.arange(12) % 10, 10)
    return samples


def test_the_learning_rate_of_the_reservoir_has_a_schedule():
    """Factor 0 from the first update on: nothing is learned; from the end of the epoch on: as without a schedule."""
    found = []
    updates = 3 * 20                               # windows times T_s
    for given in ({}, *({'schedule': 'piecewiseconstant', 'init_value': 5e-4, 'boundaries_and_scales': ((at, 0.0),)}
                        for at in (0, updates, updates - 1))):
        samples = few_samples(**given)
        found.append(one_model(samples.p, samples, 0, Checkpoint())['final_W_o'])
    assert found[0].any() and not found[1].any()
    assert np.array_equal(found[0], found[2]) and not np.array_equal(found[0], found[3])


def test_an_interrupted_reservoir_goes_on_to_the_same_end(tmp_path, monkeypatch):
    """Stopped in the second epoch, with noise and a learning rate that changes at every update."""
    given = {'output_noise': 0.1, 'schedule': 'expdecay', 'decay_rate': 0.99, 'readout_rule': 'rmhebb', 'target_scale': 1000.0}
    samples = few_samples(**given)
    whole = one_model(samples.p, samples, 0, Checkpoint())
    evaluate, calls = Reservoir.evaluate, []

    def fail_at_the_fifth(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return evaluate(*arguments)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Reservoir, 'evaluate', fail_at_the_fifth)
        one_model(samples.p, samples, 0, Checkpoint(tmp_path / 'a.npz', every=0))
    again = one_model(samples.p, samples, 0, Checkpoint(tmp_path / 'a.npz', every=0))
    assert whole['final_W_o'].any() and all(np.array_equal(whole[name], again[name], equal_nan=True) for name in whole)


def test_reservoirs_see_the_same_windows_unless_orders_are_independent():
    same, own = few_samples(), few_samples(independent_orders=True)
    first = same.epoch(0, 1)
    for name, other in (('same', same.epoch(1, 1)), ('own', own.epoch(1, 1))):
        assert all(np.array_equal(a, b) for a, b in zip(first, other, strict=True)) == (name == 'same')
    assert np.array_equal(own.epoch(0, 1)[0], first[0])


def test_euler_step_is_of_first_order():
    """Without recurrence u relaxes to its drive: u(T) = drive (1 - exp(-T / tau)). Error against dt: slope 1."""
    errors, drive = [], np.linspace(-1, 1, 40)
    for dt in (1e-3, 5e-4, 2.5e-4):
        net = small_reservoir(time_step=dt)
        net.W_r[:] = net.W_f[:] = 0.0
        u = np.zeros(40)
        for _ in range(round(0.01 / dt)):
            u, _, _ = net.step(u, drive)
        errors.append(np.abs(u - drive * (1 - np.exp(-0.01 / 0.005))).max())
    slopes = np.diff(np.log(errors)) / np.log(0.5)
    assert (abs(slopes - 1) < 0.1).all()


def test_agreement():
    target = rng.normal(size=(5, 3))
    perfect = np.repeat(target[:, None], 4, axis=1)
    assert agreement(target, perfect) == pytest.approx((1, 0))
    correlation, nmse = agreement(target, np.zeros((5, 4, 3)))
    assert np.isnan(correlation) and nmse == 1
    assert agreement(target, -perfect) == pytest.approx((-1, 4))


# ---------------------------------------------------------------- data

def test_points():
    p = params('mode=lif_xor', synthetic='new', input_scale=1.0)
    sets = data.load(p)
    assert len(sets.train_x) == 900 and len(sets.test_x) == 100
    corners = np.rint(sets.train_x).astype(int)
    assert ((corners[:, 0] ^ corners[:, 1]) == sets.train_y).mean() > 0.999
    assert np.abs(data.load(params('mode=lif_linear')).train_x).max() <= 1 / 255      # D6
    assert not np.array_equal(data.load(params('mode=lif_xor', synthetic='new', synthetic_seed=1)).train_x, sets.train_x)


def test_augmentation():
    """One crop a batch (offsets 0..2 of an image with a black frame of one pixel), a flip an image."""
    images = rng.integers(1, 256, (50, 32, 32, 3), dtype=np.uint8)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    seen = set()
    for k in range(40):
        out = data.augmented(images, np.random.default_rng(k))
        raw = np.rint((out * data.CIFAR_STD + data.CIFAR_MEAN) * 255).astype(int)
        matches = [(t, l) for t in range(3) for l in range(3)
                   if all((raw[i] == crop).all() or (raw[i] == crop[:, ::-1]).all()
                          for i, crop in enumerate(padded[:5, t:t + 32, l:l + 32]))]
        assert len(matches) == 1
        seen.add(matches[0])
        t, l = matches[0]
        flips = sum((raw[i] == padded[i, t:t + 32, l:l + 32][:, ::-1]).all() for i in range(50))
        assert 8 < flips < 42
    assert len(seen) == 9


def test_cifar_files_are_read_and_code_in_them_is_not_run(tmp_path):
    folder = tmp_path / 'cifar-10-batches-py'
    folder.mkdir()
    batch = {b'data': rng.integers(0, 256, (20, 3072), dtype=np.uint8), b'labels': list(range(10)) * 2}
    for name in ('data_batch_1', 'test_batch'):
        (folder / name).write_bytes(pickle.dumps(batch))
    p = params('mode=biohsic_cifar10_reduced', data_dir=str(tmp_path), train_size=20, test_size=20)
    sets = data.load(p)
    assert sets.train_x.shape == (20, 32, 32, 3) and sets.train_x.dtype == np.float32
    red = (batch[b'data'][3, 5 * 32 + 7] / 255 - 0.4914) / 0.247
    assert sets.train_x[3, 5, 7, 0] == pytest.approx(red, rel=1e-5)
    with pytest.raises(FileNotFoundError, match='data_batch_2 is missing; get it with: .*up to 10,000'):
        data.load(params('mode=biohsic_cifar10_cnn', data_dir=str(tmp_path)))
    (folder / 'test_batch').write_bytes(b'cos\nsystem\n(S"touch hacked"\ntR.')
    with pytest.raises(ValueError, match='not a batch of CIFAR-10'):
        data.load(p)


def test_every_mode_has_the_originals_parameters():
    """Layers, N, learning rate, gamma, widths, epochs."""
    expected = {'lif_linear': ((4,), 10, 1e-4, 10, (0.5, 0.25, 1), 25), 'lif_xor': ((10, 4), 10, 1e-4, 10, (0.3, 0.25, 2), 25),
                'biohsic_mnist': ((128, 64), 8, 1e-4, 2, (0.5, 0.1, 1), 25),
                'hsic_mnist': ((128, 64), 6, 1e-4, 2, (0.5, 0.1, 1), 25),
                'biohsic_fashion': ((128, 64), 6, 1e-3, 2, (1, 0.5, 2), 25),
                'biohsic_cifar10_cnn': ((128, 256), 4, 5e-5, 50, (1, 0.1, 0.5), 50),
                'hsic_cifar10_mlp': ((5120, 3072, 1024, 512), 6, 5e-5, 50, (1, 0.1, 0.5), 50),
                'biohsic_xor': ((10, 4), 64, 1e-4, 10, (0.3, 0.25, 2), 25), 'hsic_linear': ((4,), 10, 1e-3, 2, (1, 0.5, 2), 25)}
    for mode, wanted in expected.items():
        p = params(mode=mode)
        widths = (p.sigma_x, p.sigma_y, p.sigma_z)
        assert (p.features, p.batch_size, p.learning_rate, p.gamma, widths, p.nepochs) == wanted, mode
    for mode, wanted in {'bp_mnist': (6, 1e-3, 25), 'bp_fashion': (6, 1e-3, 25), 'bp_cifar10_cnn': (16, 5e-4, 50),
                         'bp_xor': (256, 1e-3, 4), 'bp_linear': (10, 1e-3, 25)}.items():
        p = params(mode=mode)
        assert (p.batch_size, p.learning_rate, p.nepochs) == wanted
    p = params(mode='reservoir')
    assert (p.nhidden, p.batch_size, p.learning_rate, p.gamma, p.sigma_z, p.nepochs) == (2000, 10, 5e-4, 2, 0.5, 10)
    assert params('mode=biohsic_mnist', 'model=cnn').features == (16, 32)
    assert params('mode=biohsic_mnist', 'model=linear').features == ()
    assert params('mode=lif_mnist').features == (128, 64)
    assert [params(mode='memory_sweep', array_num=i).batch_size for i in range(1, 6)] == [2, 4, 8, 16, 32]


def test_large_mlp_for_cifar_has_the_right_shapes():
    """cifar10_mlp has 35 million weights: layers and length only."""
    net = layers.dense((3072, *params(mode='biohsic_cifar10_mlp').features, 10))
    biases = 5120 + 3072 + 1024 + 512 + 10
    assert layers.n_weights(net) == 3072 * 5120 + 5120 * 3072 + 3072 * 1024 + 1024 * 512 + 512 * 10 + biases


def test_evaluation_of_lif_does_not_change_the_state():
    p = params('mode=lif_linear', nmodels=2)
    sets = data.load(p)
    models = networks.LifModels.begin(p, sets)
    models.train([sets.train_x[:40]], [sets.train_y[:40]], 31, 31)
    before = models.u.copy()
    assert np.array_equal(models.evaluate(sets.test_x, sets.test_y), models.evaluate(sets.test_x, sets.test_y))
    assert np.array_equal(models.u, before) and before.any()
    assert lif_training.evaluate.targetoptions['nogil']
