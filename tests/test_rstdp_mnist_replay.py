"""R-STDP on MNIST: replay of the authors' simulator and of the replication (tests/reference/rstdp_mnist), in float64.

Cases are recognised by the beginning of their names and described by the parameters inside; sizes come from their arrays.
"""
import json
import os
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rstdp_mnist_cases import check_replication, classes_of, close, convolution, equal, hashed, output, pooled

from common.params import load_params
from rstdp_mnist import encoding, exp_params, features, neurons, replication, stdp
from rstdp_mnist import spikingjelly_network as network
from rstdp_mnist.rstdp import Decider

REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', Path(__file__).parent / 'reference')) / 'rstdp_mnist'
CASES = sorted(REFERENCE.glob('*.npz'))


# ---------------------------------------------------------------- encoding

def check_encoding(case, params):
    bank = {'dog_window': tuple(int(n) for n, _, _ in params['dog']), 'norm_radius': params['norm_radius'],
            'dog_sigma_1': tuple(float(Fraction(a)) for _, a, _ in params['dog']), 'n_time_bins': params['T'],
            'dog_sigma_2': tuple(float(Fraction(b)) for _, _, b in params['dog']),
            'dog_threshold': tuple(np.atleast_1d(np.asarray(params['threshold'], float)).tolist())}
    p = load_params(exp_params, **bank)
    for m, kind in enumerate(zip(p.dog_window, p.dog_sigma_1, p.dog_sigma_2, strict=True)):
        close(encoding.dog_kernel(*kind), case.get(f'dog_k{m}'), f'DoG {m}', rtol=1e-6, atol=1e-7)
    kernels, half = encoding.dog_kernels(p), np.array(p.dog_window) // 2
    close(kernels, case.get('dog_kernels_padded'), 'padded kernels', rtol=1e-6, atol=1e-7)
    images, n_bins = case['images'], p.n_time_bins
    latency = encoding.encode(images, p)
    assert latency.shape == case['latency'].shape and (latency != case['latency']).mean() <= 1e-3, 'latencies'
    limits = np.broadcast_to(np.float32(p.dog_threshold), len(half)).copy()
    for i, image in enumerate(images):
        response = np.empty(case['latency'].shape[1:])
        encoding.respond(image.astype(np.float32), kernels, half, np.full(len(half), -np.inf, np.float32), response)
        if i < len(case.get('response', ())):
            close(response, case['response'][i], f'response {i}', rtol=1e-4, atol=1e-3)
        encoding.respond(image.astype(np.float32), kernels, half, limits, response)
        if i < len(case.get('response_thresholded', ())):
            close(response, case['response_thresholded'][i], f'thresholded {i}', rtol=1e-4, atol=1e-3)
        encoding.normalise(response, params['norm_radius'])
        if i < len(case.get('normalised', ())):
            close(response, case['normalised'][i], f'normalised {i}', rtol=1e-4, atol=1e-3)
        positive = encoding.rank_bins(response.reshape(-1), n_bins, np.empty(response.size, np.uint8))
        if 'nonzero_count' in case:
            assert positive == case['nonzero_count'][i], f'image {i}: number of responses'
        if 'bin_size' in case:
            assert positive // n_bins == case['bin_size'][i], f'image {i}: responses a bin'


# ---------------------------------------------------------------- forward passes

def check_forward(case, params):
    latency, n_bins, thresholds = case['input_latency'], params['T'], params['thresholds']
    maps = [latency.shape[1]] + [case[f's{i}_latency'].shape[1] for i in (1, 2)] + [case['s3_potential'].shape[1]]
    shapes = params.get('shapes') or [(maps[i + 1], maps[i], side, side) for i, side in enumerate((5, 3, 5))]
    weights = [case[f'conv{i}_weight'].astype(float) if f'conv{i}_weight' in case else hashed(params, i, shapes[i - 1])
               for i in (1, 2, 3)]
    close([w.sum() for w in weights], case.get('checksum'), 'checksums of the weights')
    pads = (*params.get('pads', (2, 1, 2)), 2)[:3]
    S1, V_1 = output(latency, 1, n_bins, weights[0], pads[0], thresholds[0])
    C1 = pooled(neurons.first_spikes, S1, 2)
    S2, V_2 = output(C1, 1, n_bins, weights[1], pads[1], thresholds[1])
    C2 = pooled(neurons.first_spikes, S2, 3)
    for name, tau in (('s1', S1), ('c1', C1), ('s2', S2), ('c2', C2)):
        equal(tau, case[f'{name}_latency'], f'{name} latencies')
    active = np.empty_like(C2)
    neurons.active_pools(C1, n_bins, neurons.map_last(weights[1]), pads[1], float(thresholds[1]), True, 3, active)
    equal(active, case['c2_latency'] < n_bins, 'active C2 cells')
    close(V_1[0], case.get('s1_potential_final_img0'), 'S1 potential')
    close(V_2[0], case.get('s2_potential_final_img0'), 'S2 potential')
    early = np.where(latency[:1] <= 3, latency[:1], n_bins)
    close(output(early, 1, n_bins, weights[0], pads[0], thresholds[0])[1][0], case.get('s1_potential_t3_img0'), 'S1 in bin 3')
    class_map, n_classes = classes_of(params['decision_map'], len(weights[2]), case['s3_potential'][0, 0].size)
    net = Decider(weights[2], (0.0, 1.0), n_classes=n_classes, class_map=class_map)
    decision, winner, largest = net.present(active)
    equal(decision, case['decision'], 'decisions')
    equal(winner, case['s3_winner'], 'winners')
    close(largest, case['s3_potential'].reshape(len(latency), -1).max(axis=1), 'largest potentials')
    if pads[1:] == (1, 2) and [w.shape[2] for w in weights] == [5, 3, 5]:         # the kernels and paddings of `layers`
        given = {'n_maps': tuple(maps[1:]), 'threshold': tuple(map(float, thresholds[:2])), 'n_time_bins': n_bins,
                 'n_channels': maps[0], 'image_size': latency.shape[2], 'padding': (pads[0], 1), 'n_classes': n_classes,
                 'class_map': class_map}
        p = SimpleNamespace(**asdict(load_params(exp_params)) | given)              # no check: any size will do
        check_module(case, network.DeepNetwork(p, weights), latency)


def check_module(case, net, latency):
    """The SpikingJelly network: spikes of every layer, potentials, decisions."""
    found = {name: [] for name in ('s1', 'c1', 's2', 'c2')}
    for name, module in zip(found, (net.node1, net.pool1, net.node2, net.pool2), strict=True):
        module.register_forward_hook(lambda _, __, out, name=name: found[name].append(out))
    decision, V = net.decide(latency)
    for name, waves in found.items():
        equal(network.latencies(network.torch.stack(waves)), case[f'{name}_latency'], f'{name} of the module')
    close(V, case['s3_potential'], 'S3 potentials of the module')
    equal(decision, case['decision'], 'decisions of the module')


# ---------------------------------------------------------------- competition

def kept_neurons(potential):
    """[(bin, rows (map, y, x))]: who is left by pointwise inhibition, bin by bin. potential (T, c, h, w)"""
    n_bins, _, h, w = potential.shape
    closed, found = np.zeros((h, w), bool), np.empty((h * w, 3), np.int64)
    kept = []
    for t in range(n_bins):
        V = np.ascontiguousarray(potential[t].transpose(1, 2, 0))
        n = stdp.decide_positions(V, 0.0, np.full((h, w), t), t, closed, found)
        kept.append(found[:n].copy())
    return kept


def k_winners(potential, candidates, k, r):
    """Winners (k, 3), -1 where there is none, of candidates (rows of map, y, x) bin by bin."""
    _, maps, h, w = potential.shape
    winners, n = np.full((k, 4), -1), 0
    won, inhibited, closed = np.zeros(maps, bool), np.zeros((h, w), bool), np.zeros((h, w), bool)
    for t, rows in enumerate(candidates):
        V = np.ascontiguousarray(potential[t].transpose(1, 2, 0))
        n = stdp.pick_winners(V, rows, len(rows), t, k, r, won, inhibited, closed, winners, n)
    return winners[:, :3]


def check_competition(case, params):
    for i, c in enumerate(params['cases']):
        potential, latency, T, k, r = case[f'case{i}_potential'], case[f'case{i}_latency'], c['T'], c['k'], c['r']
        equal(np.where((potential > 0).any(axis=0), (potential > 0).argmax(axis=0), T), latency, 'latencies')
        kept = kept_neurons(potential)
        left = np.zeros(potential.shape[1:])
        for f, y, x in np.concatenate(kept):
            left[f, y, x] = potential[-1, f, y, x]
        close(left, case.get(f'case{i}_inhibited_last'), f'case {i}: pointwise inhibition')
        winners = k_winners(potential, kept, k, r)
        equal(winners, case.get(f'case{i}_winners_with_pointwise'), f'case {i}: with pointwise inhibition')
        everyone = [np.argwhere(latency == t) for t in range(T)]
        equal(k_winners(potential, everyone, k, r), case.get(f'case{i}_winners_without_pointwise'), f'case {i}: without')
        if f'case{i}_winners_replication' not in case:
            continue
        winners = np.empty((1, k, 3), np.int64)
        replication.batch_winners(latency[None], potential[-1:], T, k, r, winners)
        theirs = case[f'case{i}_winners_replication']
        if r > 0:
            equal(winners[0], theirs, f'case {i}: the replication')
        else:
            largest = potential[-1][latency < T].max(initial=0)
            Q = np.where(latency < T, potential[-1] + (T - latency.astype(float)) * largest, 0)
            scores = [sorted(Q[tuple(rows.T)]) for rows in (winners[0], theirs)]
            close(*scores, f'case {i}: scores of the replication')
            close(scores[1], np.sort(Q.ravel())[-k:], f'case {i}: the largest scores')


# ---------------------------------------------------------------- learning

def check_layers12(case, params):
    n_bins = params['T']
    for number, inputs in ((1, case['input_latency']), (2, case['c1_latency'])):
        start, i = case[f'conv{number}_weight_init'], number - 1
        layer = neurons.Layer(inputs.shape[1], inputs.shape[2], params['pads'][i], start.shape[2], len(start), 1)
        rule = stdp.Rule(n_bins, 1, layer.pad, float(params['thresholds'][i]), True, params['k'][i], params['r'][i],
                         *map(float, params['bounds']), params.get('stabiliser', True))
        rates = stdp.Rates(*params['rates'], params['max_ap'], params['doubling_interval'])
        rates.count = params['counter_start'][i]
        net = stdp.Learner(start, layer, rule, rates)
        inhibited = f'layer{number}_inhibited_potential_img0_lastt'
        close(left_by_inhibition(inputs[0], start, rule), case.get(inhibited), inhibited)
        for j in range(len(inputs)):
            winners = net.advance(inputs[j:j + 1])[0]
            equal(winners[:, :3], case[f'layer{number}_winners'][j], f'winners of layer {number}, image {j}')
            n = (winners[:, 0] >= 0).sum()                   # what stands behind the last winner is not specified
            if f'layer{number}_winner_latency' in case:
                equal(winners[:n, 3], case[f'layer{number}_winner_latency'][j][:n], f'their latencies, image {j}')
            if f'layer{number}_rates_used' in case:
                close([rates.ltp, rates.ltd], case[f'layer{number}_rates_used'][j], 'rates', rtol=1e-7)
            W = net.weight()
            statistics = [W.sum(), (W ** 2).sum(), (W * (1 - W)).mean()]
            if f'layer{number}_weight_stats' in case:
                theirs = case[f'layer{number}_weight_stats'][j]
                close(statistics, theirs, f'weights of layer {number} after image {j}', rtol=1e-8)
            close(W, case.get(f'conv{number}_weight_after_{j + 1}'), f'weights of layer {number} after image {j}')
        assert any(name.startswith(f'conv{number}_weight_after_') for name in case), f'no weights of layer {number} to compare'


def left_by_inhibition(latency, W, rule):
    """Last potentials of the neurons that fire and are left by pointwise inhibition, else 0. -> (f, h, w)"""
    tau, V = output(latency[None], 1, rule.n_bins, W, rule.pad, rule.theta)
    cut = [np.where(latency <= t, latency, rule.n_bins)[None] for t in range(rule.n_bins)]
    potential = np.concatenate([output(x, 1, rule.n_bins, W, rule.pad, rule.theta)[1] for x in cut])
    fired = tau[0] <= np.arange(rule.n_bins)[:, None, None, None]
    left = np.zeros(V.shape[1:])
    for f, y, x in np.concatenate(kept_neurons(np.where(fired, potential, 0))):
        left[f, y, x] = V[0, f, y, x]
    return left


def check_layer3(case, params):
    labels, window = case['label'], params['batch']
    start = case['conv3_weight_init']
    assert not params.get('stabiliser', False), 'layer 3 learns without a stabiliser; this case does not'
    W_1, W_2 = (np.array(case[f'conv{i}_weight'], float) if f'conv{i}_weight' in case
                else hashed(params, i, params['shapes'][i - 1]) for i in (1, 2))
    pads = params.get('pads', (2, 1))
    S1 = output(case['input_latency'], 1, params['T'], W_1, pads[0], params['thresholds'][0])[0]
    C1 = pooled(neurons.first_spikes, S1, 2)
    C2 = pooled(neurons.first_spikes, output(C1, 1, params['T'], W_2, pads[1], params['thresholds'][1])[0], 3)
    equal(C2, case['c2_latency'], 'C2 latencies')
    counts = (case['c2_latency'] < params['T']).astype(np.uint8)
    class_map, n_classes = classes_of(params['decision_map'], len(start), counts[0, 0].size)
    rates = {'rates': params['rates']} if 'rates' in params else {}
    net = Decider(start.copy(), params['bounds'], n_classes=n_classes, class_map=class_map, **rates)
    batches = -(-len(labels) // window)
    for b in range(batches):                       # the last window may be short: its fractions have its own length
        part = slice(b * window, (b + 1) * window)
        n = len(labels[part])
        close(net.rates * net.phi[[0, 0, 1, 1]], case['rates_used'][b], f'rates of batch {b}', rtol=1e-6, atol=1e-9)
        first = net.present(counts[part][:-1], labels[part][:-1], learn=True)
        if b == batches - 1:
            close(convolution(counts[-1:], net.W)[0], case.get('s3_potential_last'), 'last potential')
        last = net.present(counts[part][-1:], labels[part][-1:], learn=True)
        decision, winner, _ = (np.concatenate(pair) for pair in zip(first, last, strict=True))
        equal(decision, case['decision'][part], f'decisions of batch {b}')
        equal(winner, case['winner'][part], f'winners of batch {b}')
        action = np.where(decision < 0, 0, np.where(decision == labels[part], 1, -1))
        if 'action' in case:
            equal(action, case['action'][part], f'actions of batch {b}')
        right, silent = (decision == labels[part]).sum(), (decision < 0).sum()
        if 'perf' in case:
            close(np.array([right, n - right - silent, silent]) / n, case['perf'][b], f'outcome of batch {b}')
        net.adjust(right, n - right - silent, n)
        close(net.W, case.get(f'conv3_weight_after_batch{b + 1}'), f'weights after batch {b}')
    assert any(name.startswith('conv3_weight_after_') for name in case), 'no weights to compare'
    close(net.rates * net.phi[[0, 0, 1, 1]], case['rates_used'][-1], 'last rates', rtol=1e-6, atol=1e-9)
    close(convolution(counts[:1], start)[0], case.get('s3_potential_first'), 'first potential')


def check_trained(case, params):
    """Weights for feature extraction, saturated: the fast features are the plain ones."""
    W_1, W_2 = case['conv1_weight'].astype(float), case['conv2_weight'].astype(float)
    p = load_params(exp_params, threshold=tuple(map(float, params.get('thresholds', (15, 10))[:2])),
                    n_maps=(len(W_1), len(W_2), 200), n_winners=(1, 1))
    rng = np.random.default_rng(1)
    latency = rng.integers(0, 3 * p.n_time_bins, (3, W_1.shape[1], 28, 28)).clip(max=p.n_time_bins).astype(np.uint8)
    counts = features.c2_spikes(p, latency, W_1, W_2)
    C1 = pooled(neurons.first_spikes, output(latency, 1, p.n_time_bins, W_1, 2, p.threshold[0])[0], 2)
    C2 = pooled(neurons.first_spikes, output(C1, 1, p.n_time_bins, W_2, 1, p.threshold[1])[0], 3)
    equal(counts, C2 < p.n_time_bins, 'features')
    assert 0 < counts.sum() < counts.size
    for weight in (W_1, W_2):
        assert (weight * (1 - weight)).mean() < 1e-5


KINDS = {'encoding': check_encoding, 'spyke_forward': check_forward, 'competition': check_competition,
         'spyke_stdp_layers12': check_layers12, 'spyke_rstdp_layer3': check_layer3, 'replication_batches': check_replication,
         'trained_layers12': check_trained}


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_replay(path):
    kinds = [check for prefix, check in KINDS.items() if path.name.startswith(prefix)]
    assert len(kinds) == 1, f'{path.name}: unknown kind of case'
    with np.load(path, allow_pickle=False) as file:
        case = {name: file[name] for name in file.files}
    kinds[0](case, json.loads(str(case.pop('params'))))


def test_there_are_cases():
    assert CASES, f'no reference cases in {REFERENCE}'
