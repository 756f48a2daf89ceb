"""R-STDP on MNIST: schedules, kernels as Python, SpikingJelly, runs that were stopped."""
import ast
import csv
import json

import numpy as np
import pytest
import torch
from killed import Killed
from spikingjelly.activation_based import functional
from test_rstdp_mnist_model import REFERENCE, T, random_latency, tiny

from common import ROOT
from common.checkpoint import Checkpoint
from common.params import load_params
from common.results import load_npz
from common.running import finish
from rstdp_mnist import encoding, exp_params, features, neurons, replication, simulation, stdp
from rstdp_mnist import spikingjelly_network as network

SMALLEST = {'data': 'digits', 'n_train': 40, 'n_test': 20, 'n_maps': (8, 12, 20), 'epochs_s1': 1, 'epochs_s2': 1,
            'epochs_s3': 1, 'factor_window': 20}

# ---------------------------------------------------------------- schedules, kernels as Python

def read_schedule(name):
    with open(REFERENCE / name, encoding='utf-8') as file:
        return list(csv.DictReader(file))


def test_rates_double_as_in_the_authors_simulator():
    steps = {int(row['first_presentation_counting_from_1']): (float(row['ltp_rate']), float(row['ltd_rate']))
             for row in read_schedule('rate_schedule_spyketorch.csv')}
    rates, expected = stdp.Rates(0.004, -0.003, 0.15, 500), None
    for presentation in range(1, max(steps) + 600):
        assert rates.present(1) == 1
        expected = steps.get(presentation, expected)
        np.testing.assert_allclose((rates.ltp, rates.ltd), expected, rtol=1e-6)


def test_rates_double_as_in_the_replication():
    rows = read_schedule('rate_schedule_replication.csv')
    steps = {(int(row['epoch']), int(row['first_batch_used'])): (float(row['ltp_rate']), float(row['ltd_rate']))
             for row in rows}
    size = int(rows[0]['batch_size'])
    rates, expected = replication.BatchRates(0.004, -0.003, 0.15, 500, size), None
    for epoch in range(2):
        rates.start_epoch()
        for batch in range(60_000 // size):
            expected = steps.get((epoch, batch), expected)
            np.testing.assert_allclose((rates.ltp, rates.ltd), expected, rtol=1e-6)
            rates.after_batch()


def test_kernels_are_their_python_source():
    """kernel == kernel.py_func on small input."""
    rng = np.random.default_rng(7)
    latency, W = random_latency(rng, (3, 2, 6, 6)), rng.uniform(0.3, 0.9, (2, 3, 3, 4))
    rule = stdp.Rule(T, 1, 1, 3.0, True, 2, 1, 0.0, 1.0)
    found = []
    for function in (stdp.learn, stdp.learn.py_func):
        w, winners = W.copy(), np.empty((3, 2, 4), np.int64)
        function(latency, w, np.zeros_like(w), True, 6, rule, 0.05, -0.04, winners)
        found.append((w, winners))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    cells = [np.empty(latency[0].size * 2, np.int64) for _ in range(2)]
    begins, orders = np.zeros((2, T + 1), np.int64), np.zeros((2, 2, 3, 3), np.int64)
    for i, function in enumerate((neurons.list_spikes, neurons.list_spikes.py_func)):
        function(latency[0], 2, T, cells[i], begins[i], orders[i])
    np.testing.assert_array_equal(begins[0], begins[1])
    np.testing.assert_array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(cells[0][:begins[0, T]], cells[1][:begins[0, T]])


# ---------------------------------------------------------------- SpikingJelly

def test_latency_neurons_fire_once_and_keep_their_potential():
    x = torch.tensor([[1.0, 2.0, 0.5], [1.0, 0.0, 0.5], [1.0, 3.0, 0.5]])
    for strict, expected in ((True, [[0, 0, 0], [0, 0, 0], [1, 1, 0]]), (False, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])):
        node = network.IFLatencyNode(2.0, strict)
        for _ in range(2):                         # a second time after reset_net: `fired` is a memory and is cleared
            assert torch.stack([node(row) for row in x]).tolist() == expected
            assert node.v.tolist() == [3.0, 5.0, 1.5]
            functional.reset_net(node)
        node.step_mode = 'm'
        assert node(x).tolist() == expected
    silent = network.IFLatencyNode(float('inf'))
    assert not silent(torch.full((4,), 1e30, dtype=torch.float64)).any() and silent.v.tolist() == [1e30] * 4


def test_pools_pass_one_spike_or_every_distinct_latency():
    latency = np.array([[[[3, 5], [5, 15]]]], np.uint8)
    waves = network.waves(latency, T)
    first = network.FirstSpikePool(2, 'm')(waves)
    every = torch.stack([torch.nn.functional.max_pool2d(wave, 2) for wave in waves])
    assert first.sum() == 1 and network.latencies(first).item() == 3
    assert every.sum() == 2
    out, count = np.empty((1, 1, 1, 1), np.uint8), np.empty((1, 1, 1, 1), np.uint8)
    neurons.first_spikes(latency, 2, out)
    neurons.count_spikes(latency, 2, T, count)
    assert out.item() == 3 and count.item() == 2


@pytest.mark.parametrize('released', [False, True])
def test_the_module_is_the_event_driven_network(released):
    """Trained on digits by the kernels, then 20 images: spikes of C2, largest potentials and decisions of both."""
    p = tiny(released_code=released, batch_size=20 if released else 1, doubling_interval=40)
    out = simulation.run(p)
    weights = [out[f'conv{i}_weight'].astype(float) for i in (1, 2, 3)]
    latency = encoding.encode(simulation.features.data.digits('test')[0][:20], p)
    net = network.DeepNetwork(p, weights)
    seen = []
    net.pool2.register_forward_hook(lambda _, __, spike: seen.append(spike))
    decision, V = net.decide(latency)
    counts = features.c2_spikes(p, latency, weights[0], weights[1])
    np.testing.assert_array_equal(torch.stack(seen).sum(0).numpy(), counts)
    kernel_decision, _, largest = simulation.decider(p, weights[2]).present(counts)
    np.testing.assert_array_equal(decision, kernel_decision)
    np.testing.assert_allclose(V.reshape(20, -1).max(axis=1), largest, rtol=1e-6)
    assert counts.any()


# ---------------------------------------------------------------- runs that were stopped

@pytest.mark.parametrize('given', [{}, {'reward': 'margin', 'slow_weights': 70, 'n_validation': 10, 'epochs_s3': 3},
                                   {'s3_dropout': 0.3, 'dropout_epochs': 2, 'shuffle': True, 'n_validation': 10},
                                   {'released_code': True, 'batch_size': 20, 'doubling_interval': 40}])
def test_a_run_that_is_stopped_anywhere_ends_with_the_same_bits(tmp_path, monkeypatch, given):
    """Stopped in layers 1, 2 and 3 one after the other, each time continued."""
    monkeypatch.setattr(features, 'BLOCK', 20)
    monkeypatch.setattr(simulation, 'CHUNK', 10)
    monkeypatch.setattr('common.results.RESULTS', tmp_path)
    p = tiny(**given)
    whole = simulation.run(p)
    stop, stages = [0], []
    monkeypatch.setattr(features, 'Checkpoint', lambda path, every: Killed(path, stop))
    for offers in (2, 3, 4, 6, 2, 5):
        stop[0] = offers
        try:
            out = simulation.run(p, Killed(tmp_path / 'run.npz', stop))
            break
        except KeyboardInterrupt:
            stages.append('3' if (tmp_path / 'run.npz').exists() else '1-2')
    else:
        stop[0] = -1
        out = simulation.run(p, Killed(tmp_path / 'run.npz', stop))
    assert '1-2' in stages and '3' in stages
    for name in whole:
        if name != 'lower_cpu_seconds':
            np.testing.assert_array_equal(out[name], whole[name], err_msg=name)


@pytest.mark.parametrize('lost', [(), ('weight_1', 'winners_1', 'unsaturated_1')])
def test_layer_2_may_be_stopped_again_and_again(tmp_path, monkeypatch, lost):
    """Every checkpoint of layer 2 holds what layer 1 left; one without it begins again. The bits of one piece either way."""
    monkeypatch.setattr(features, 'BLOCK', 20)
    monkeypatch.setattr('common.results.RESULTS', tmp_path)
    p, stop = tiny(), [0]
    whole = simulation.run(p)
    monkeypatch.setattr(features, 'Checkpoint', lambda path, every: Killed(path, stop))
    kept = features.cache_path(p).with_suffix('.checkpoint.npz')
    for offers in (7, 1, 2, 1):                    # layer 1 makes six offers, layer 2 as many
        stop[0] = offers
        with pytest.raises(KeyboardInterrupt):
            simulation.run(p, Checkpoint(tmp_path / 'run.npz'))
        meta, arrays = load_npz(kept, 'checkpoint')
        assert meta['stage'] == 2 and set(arrays) == {'W', *features.LAYER_1}
    arrays = {name: value for name, value in arrays.items() if name not in lost}
    np.savez(kept, meta=np.array(json.dumps(meta | {'names': sorted(arrays)})), **arrays)
    stop[0] = -1
    out = simulation.run(p, Checkpoint(tmp_path / 'run.npz'))
    for name in whole:
        if name != 'lower_cpu_seconds':
            np.testing.assert_array_equal(out[name], whole[name], err_msg=name)


EXTENDED = [{}, {'reward': 'margin', 'slow_weights': 70, 'n_validation': 10}, {'reward': 'true_class', 'test_every': 2},
            {'released_code': True, 'batch_size': 20, 'doubling_interval': 40}, {'s3_dropout': 0.4, 'dropout_epochs': 6}]


@pytest.mark.parametrize('given', EXTENDED)
def test_a_finished_run_can_be_extended(tmp_path, monkeypatch, given):
    """2 epochs, then 4 from there, then 7 from the longer one: the bits of 7 in one piece; edited settings start anew."""
    monkeypatch.setattr('common.results.RESULTS', tmp_path)
    whole = simulation.run(tiny(**given | {'epochs_s3': 7}))
    trained = []
    advance = simulation.Training.advance
    monkeypatch.setattr(simulation.Training, 'advance', lambda top: (trained.append(top.epoch), advance(top))[1])
    for epochs, begin in ((2, 0), (4, 2), (7, 4)):
        trained.clear()
        path = finish(tiny(**given | {'epochs_s3': epochs}))
        assert min(trained) == begin
    meta, out = load_npz(path, 'result')
    for name in whole:
        if name != 'lower_cpu_seconds':
            np.testing.assert_array_equal(out[name], whole[name], err_msg=name)
    trained.clear()
    finish(tiny(**given | {'epochs_s3': 8, 'reward_ltp': 0.005}))
    assert min(trained) == 0


def test_a_run_tested_at_other_epochs_is_not_extended(tmp_path, monkeypatch):
    """With test_every=2 the third and last epoch was tested only because it was the last."""
    monkeypatch.setattr('common.results.RESULTS', tmp_path)
    finish(tiny(test_every=2, epochs_s3=3))
    assert simulation.finished_with_fewer_epochs(tiny(test_every=2, epochs_s3=5)) is None


@pytest.mark.parametrize('stabiliser', [True, False])
def test_without_stabiliser_weights_move_by_the_bare_rates(stabiliser):
    """dW = a+ or a-, times (W - w_lo)(w_hi - W) with the stabiliser; the maps that did not win stay."""
    layer = neurons.Layer(2, 8, 0, 3, 5, 1)
    rule = stdp.Rule(T, 1, 0, 2.0, True, 2, 0, 0.0, 1.0, stabiliser)
    net = stdp.Learner(np.full(layer.shape, 0.4), layer, rule, stdp.Rates(0.1, -0.05, 0.15, 500))
    winners = net.advance(random_latency(np.random.default_rng(0), (1, 2, 8, 8)))[0]
    won = winners[winners[:, 0] >= 0, 0]
    factor = 0.4 * 0.6 if stabiliser else 1.0
    W = net.weight()
    assert won.tolist() == [0]                     # all maps are equal: the lowest takes every place
    np.testing.assert_allclose(np.unique(W[won].round(12)), [0.4 - 0.05 * factor, 0.4 + 0.1 * factor], rtol=1e-12)
    np.testing.assert_array_equal(np.delete(W, won, axis=0), 0.4)


@pytest.mark.parametrize('n_validation', [0, 20])
def test_the_best_weights_are_those_of_the_best_epoch(n_validation):
    """Chosen by the withheld images if there are any, else by the test images; of equals the later epoch."""
    p = tiny(epochs_s3=6, n_validation=n_validation)
    out = simulation.run(p)
    part = 'validation' if n_validation else 'test'
    right = out[f'{part}_fractions'][:, 0]
    chosen = len(right) - 1 - int(np.argmax(right[::-1]))
    shorter = simulation.run(tiny(epochs_s3=chosen + 1, n_validation=n_validation))
    np.testing.assert_array_equal(out['best_conv3_weight'], shorter['conv3_weight'])


def test_the_key_of_layers_1_and_2_covers_all_code_below():
    """features.BELOW: the modules that features.py imports, and theirs; nothing of layer 3."""
    def imported(name):
        source = (ROOT / 'rstdp_mnist' / f'{name}.py').read_text(encoding='utf-8')
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
        return {alias.name for node in nodes if node.module == 'rstdp_mnist' for alias in node.names} | {
            node.module.split('.')[1] for node in nodes if node.module.startswith('rstdp_mnist.')}
    found, todo = {'features'}, {'features'}
    while todo:
        todo = {other for name in todo for other in imported(name)} - found
        found |= todo
    assert found == set(features.BELOW)


def test_runs_that_differ_in_layer_3_share_layers_1_and_2(tmp_path, monkeypatch):
    monkeypatch.setattr('common.results.RESULTS', tmp_path)
    changes = {}, {'s3_seed': 5}, {'factor_window': 30}, {'class_map': 'flat_mod'}
    paths = {features.cache_path(tiny(**given)) for given in changes}
    assert len(paths) == 1
    assert features.cache_path(tiny(threshold=(8.0, 7.0))) not in paths
    a, b = (simulation.run(tiny(s3_seed=s), Checkpoint(tmp_path / f'{s}.npz')) for s in (-1, 5))
    assert len(list((tmp_path / 'rstdp_mnist' / 'layers12').glob('*.npz'))) == 1
    np.testing.assert_array_equal(a['conv2_weight'], b['conv2_weight'])
    assert (a['conv3_weight'] != b['conv3_weight']).any()


@pytest.mark.parametrize('mode', ['class_map', 'pooling', 'batch', 'threshold', 'window', 'radius', 'padding', 'not_strict',
                                  'init_sd', 'competition'])
def test_each_departure_alone_can_be_run(mode):
    """One parameter (for the competition two) is the replication's, all others are the default's; it runs to the end."""
    default, released = load_params(exp_params), load_params(exp_params, mode='replication')
    p = load_params(exp_params, mode=mode)
    other = {k for k, v in vars(p).items() if v != getattr(default, k)} - {'mode'}
    assert len(other) == 1 + (mode == 'competition') and all(getattr(p, k) == getattr(released, k) for k in other)
    given = {'threshold': (8.0, 8.0)} if mode == 'threshold' else {}
    sizes = {'batch_size': 20} if p.batch_size > 1 else {}
    out = simulation.run(load_params(exp_params, mode=mode, **(SMALLEST | given | sizes)))
    assert np.isfinite(out['conv3_weight']).all() and len(out['test_fractions']) == 1


def test_initial_weights_are_three_draws_of_one_generator():
    p = tiny(seed=3)
    rng = np.random.default_rng(3)
    for W, layer in zip(features.initial_weights(p), neurons.layers(p), strict=True):
        np.testing.assert_array_equal(W, rng.normal(0.8, 0.05, layer.shape))
