"""HSIC-bottleneck learning: fast paths, chunks, many networks, orders, metrics."""
import os
import platform
import subprocess
import sys

import numba
import numpy as np
import pytest
from test_biohsic_model import params

from biohsic import data, layers, mlp, networks, simulation
from common import ROOT, machine

rng = np.random.default_rng(0)

# ---------------------------------------------------------------- fast paths, chunks, many networks

def test_reused_rows_and_sliding_kernel_are_exact():
    """A call over many windows (one new row of K^x, one new forward row each) = one call a window, to the bit."""
    p = params('mode=smoke', nmodels=1)
    net = layers.dense((9, 7, 5, 10))
    w = layers.initial_weights(net, 1, 1, 'float64')
    x, labels = rng.normal(size=(40, 9)), rng.integers(0, 10, 40)
    together, alone = networks.MlpModels(p, net, w.copy()), networks.MlpModels(p, net, w.copy())
    out = together.train([x], [labels], 37, 37)
    single = [alone.train([x[k:k + 4]], [labels[k:k + 4]], 1, 37)[:, 0] for k in range(37)]
    assert np.array_equal(together.w, alone.w) and np.array_equal(out[0], np.concatenate(single))


def test_metrics_do_not_change_what_is_learned():
    found = [simulation.run(params('mode=smoke', train_metrics=flag)) for flag in (True, False)]
    assert np.array_equal(found[0]['final_W1'], found[1]['final_W1'])
    assert np.array_equal(found[0]['test_loss'], found[1]['test_loss'])
    assert np.isfinite(found[0]['train_accuracy']).all() and np.isnan(found[1]['train_accuracy']).all()


@pytest.mark.parametrize('words', [['mode=smoke'], ['mode=smoke', 'task=bp'], ['mode=lif_linear', 'nepochs=1'],
                                   ['mode=smoke', 'model=cnn', 'features=3', 'train_size=40', 'nepochs=1']])
def test_each_network_is_what_it_is_alone(words, monkeypatch):
    """Three networks together (on several threads) = two of them, and the first alone."""
    runs = {n: simulation.run(params(*words, nmodels=n)) for n in (1, 2)}
    monkeypatch.setattr(numba.config, 'NUMBA_NUM_THREADS', 3)
    three = simulation.run(params(*words, nmodels=3))
    for n, run in runs.items():
        for name in ('final_W1', 'final_b2'):
            assert np.array_equal(three[name][:n], run[name])
        for name in ('test_loss', 'train_accuracy'):
            assert np.array_equal(three[name][:, :n], run[name])
    assert not np.array_equal(three['final_W1'][0], three['final_W1'][1])


@pytest.mark.parametrize('given', [{}, {'model': 'cnn', 'features': (3, 4)}])
def test_moments_that_have_faded_away_are_0_and_change_no_weight(monkeypatch, given):
    """Denormal numbers are flushed while a network learns: moments of weights that stopped learning become 0; the weights are
    those of arithmetic with denormals, but for biases of 0 that would differ by 1e-34."""
    p = params('mode=smoke', nmodels=1, nepochs=1, dtype='float32', modulator='none', **given)

    def trained():
        sets = data.load(p) if p.model == 'cnn' else data.load(p).flat
        models = simulation.models_of(p).begin(p, sets)
        for name, array in models.state().items():
            if name[0] in 'mv':
                array[...] = 1e-39                      # denormal in float32
        models.train([sets.train_x], [sets.train_y], 50, 100)
        return models.state()

    known, ours = (platform.system(), platform.machine()) in machine.CONTROL, trained()
    monkeypatch.setattr(machine, 'CONTROL', {})
    plain = trained()
    for name in ours:
        if name[0] == 'w':
            np.testing.assert_allclose(ours[name], plain[name], rtol=0, atol=1e-30)
    tiny = {name: sum(((state[n] != 0) & (np.abs(state[n]) < 1.1e-38)).sum() for n in state) for name, state in
            (('ours', ours), ('plain', plain))}
    assert tiny['plain'] > 100 and (tiny['ours'] == 0 or not known)


def test_independent_orders_give_each_network_its_own():
    same, own = (simulation.run(params('mode=smoke', independent_orders=flag)) for flag in (False, True))
    assert np.array_equal(same['final_W1'][0], own['final_W1'][0])
    assert not np.array_equal(same['final_W1'][1], own['final_W1'][1])


def test_padded_slots_do_nothing():
    """The same windows with more padding: equal weights and u."""
    p = params('mode=lif_linear', nmodels=1)
    net, found = layers.dense((2, 4, 2)), []
    x, labels = rng.normal(size=(30, 2)), rng.integers(0, 2, 30)
    for slots in (16, 24):
        models = networks.LifModels(p, net, layers.initial_weights(net, 1, 1, 'float64'))
        models.u = np.zeros((1, 6, slots))
        out = models.train([x], [labels], 21, 21)
        found.append((models.w, models.u[:, :, :10], out))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


PLAIN = '''
import sys, numpy as np
from biohsic import layers, lif, lif_training, mlp, mlp_training, optimise
from common.params import load_params
from biohsic import exp_params
p = load_params(exp_params, mode='smoke')
o, rng = optimise.optimiser(p), np.random.default_rng(5)
x, labels = rng.normal(size=(8, 3)), rng.integers(0, 2, 8)
net = layers.dense((3, 5, 2))
w = layers.initial_weights(net, 2, 1, 'float64')[0]
rule, out = lif.Rule(0, 2.0, 0.5, 0.4, 1.0, 0.2, 3, 2, False, False), np.zeros((4, 9))
a, m, v, u = w[None].copy(), np.zeros((1, w.size)), np.zeros((1, w.size)), np.zeros((7, 8))
lif_training.train(net, rule, o, x, labels, 4, 4, a, m, v, u, np.full(12, 0.01), 0, True, out)
results = [a.ravel(), out.ravel()]
for task in range(3):
    b, m, v = w.copy(), np.zeros(w.size), np.zeros(w.size)
    rule, out = mlp.Rule(task, 0, 2.0, 0.5, 0.4, 1.0, 2, False), np.zeros((4 if task == 0 else 2, 3))
    common = (net, rule, o, x, labels)
    if task == 0:
        mlp_training.train_windows(*common, 4, 4, b, m, v, np.full(4, 0.01), 0, True, out)
    else:
        mlp_training.train_batches(*common, 4, b, m, v, np.full(4, 0.01), 0, True, out)
    results += [b, out.ravel()]
np.save(sys.argv[1], np.concatenate(results))
'''


def test_compiled_kernels_are_their_python_text(tmp_path):
    """The kernels of both networks, compiled and as plain Python."""
    found = []
    for disable in ('0', '1'):
        path = tmp_path / f'{disable}.npy'
        environment = os.environ | {'NUMBA_DISABLE_JIT': disable}
        subprocess.run([sys.executable, '-c', PLAIN, path], env=environment, check=True, cwd=ROOT)
        found.append(np.load(path))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-13)
    assert np.isfinite(found[0]).all() and len(set(found[0])) > 50


# ---------------------------------------------------------------- layers, orders, metrics

def test_layer_normalisation():
    """Mean 0, variance 1 over the units; a silent layer gives 0 and stays finite."""
    net = layers.dense((4, 50, 3))
    w = layers.initial_weights(net, 1, 1, 'float64')[0]
    z = mlp.layer(net, mlp.outputs(net, rng.normal(size=(6, 4)), w), 0, 6)
    np.testing.assert_allclose(z.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(z.var(axis=1), 1, rtol=1e-4)
    layers.split(net, w)[0][1][:] = -1e3
    assert not mlp.layer(net, mlp.outputs(net, rng.normal(size=(6, 4)), w), 0, 6).any()


def test_initial_weights():
    """LeCun normal: s.d. sqrt(1 / fan_in), cut at two s.d. of the uncut normal; network k has its own stream."""
    net = layers.dense((400, 300, 10))
    w = layers.initial_weights(net, 7, 2, 'float64')
    W, b = layers.split(net, w[0])[0]
    assert W.std() == pytest.approx(400 ** -0.5, rel=0.01) and not b.any()
    assert np.abs(W).max() <= 2 * 400 ** -0.5 / layers.TRUNCATED_STD
    assert np.array_equal(layers.initial_weights(net, 7, 1, 'float64')[0], w[0]) and not np.array_equal(w[0], w[1])


def test_windows_of_epoch_zero_are_counted_right():
    """Weights of the samples = a count over all windows."""
    for n, N in ((10, 3), (7, 7), (9, 5)):
        p = params('mode=smoke', batch_size=N)
        count = np.zeros(n)
        for w in range(n - N + 1):
            count[w:w + N] += 1
        assert np.array_equal(simulation.multiplicity(p, n), count)


def test_accuracy_over_samples_or_over_batches():
    """D10: 60 test samples in batches of 50: the last ten count as much as the first fifty."""
    p = params('mode=smoke', test_batchsize=50, nmodels=1)
    sets = data.load(p).flat
    models = networks.MlpModels.begin(p, sets)
    plain = simulation.measure(p, models, sets.test_x, sets.test_y, 1)
    assert params('mode=smoke', released_code=True).accuracy == 'batches'
    batches = simulation.measure(params('mode=smoke', test_batchsize=50, nmodels=1, accuracy='batches'), models, sets.test_x,
                                 sets.test_y, 1)
    order = layers.generator(42, 5, 1).permutation(60)
    out = models.evaluate(sets.test_x[order], sets.test_y[order])
    np.testing.assert_allclose(plain, out.mean(axis=1))
    np.testing.assert_allclose(batches, (out[:, :50].mean(axis=1) + out[:, 50:].mean(axis=1)) / 2)


def test_lif_test_set_with_an_incomplete_last_batch():
    """D3: 25 samples in batches of 10; the single sample of a batch of one has no HSIC."""
    p = params('mode=lif_linear', test_size=25, nmodels=1, nepochs=0)
    assert simulation.run(p)['test_accuracy'].shape == (1, 1)
    d = simulation.run(params('mode=lif_linear', test_size=21, nmodels=1, nepochs=0))
    assert np.isfinite(d['test_hsic']).all()
    d = simulation.run(params('mode=lif_linear', test_size=1, nmodels=1, nepochs=0))
    assert np.isfinite(d['test_loss']).all() and np.isnan(d['test_hsic']).all()


@pytest.mark.parametrize('words', [('model=mlp',), ('model=cnn', 'features=4')])
def test_last_batch_of_one_sample_trains_the_output_alone(words):
    """HSIC of one sample is undefined: hidden layers stay, whatever momentum the optimiser has."""
    p = params('mode=smoke', 'task=hsic', *words, batch_size=6, nmodels=1, optimizer='adam')
    sets = data.load(p) if p.net_kind == 'cnn' else data.load(p).flat
    models = simulation.models_of(p).begin(p, sets)
    x, y = sets.train_x[:31], sets.train_y[:31]
    models.train([x[:30]], [y[:30]], 5, 6)
    before = {name: value.copy() for name, value in models.weights().items()}
    models.train([x[30:]], [y[30:]], 1, 6)
    last = max(name for name in before if name.startswith('W'))
    for name, value in models.weights().items():
        assert np.array_equal(value, before[name]) == (name[1:] != last[1:]), name


def test_read_out_learns_from_the_current_sample_alone():
    """D14: its gradient is that of the last sample, not divided by N."""
    def gradient(N, **more):
        p = params('mode=smoke', optimizer='sgd', learning_rate=1.0, modulator='none', batch_size=N, nmodels=1, **more)
        net = layers.dense((4, 5, 10))
        models = networks.MlpModels(p, net, layers.initial_weights(net, 1, 1, 'float64'))
        before = models.w.copy()
        models.train([x[5 - N:]], [labels[5 - N:]], 1, 1)
        return layers.split(net, (before - models.w)[0])[1][0]
    x, labels = rng.normal(size=(5, 4)), rng.integers(0, 10, 5)
    np.testing.assert_allclose(gradient(5, readout_batch='current'), gradient(2, readout_batch='current'), rtol=1e-12)
    assert not np.allclose(gradient(5), gradient(5, readout_batch='current'))


def test_state_is_reset_on_request():
    """D16: with reset_state the order of the windows before does not matter for a network that does not learn."""
    p = params('mode=lif_linear', reset_state=True, nmodels=1)
    sets = data.load(p)
    models = networks.LifModels.begin(p, sets)
    first = models.evaluate(sets.test_x, sets.test_y)
    models.u[:] = 5.0
    assert np.array_equal(models.evaluate(sets.test_x, sets.test_y), first)
