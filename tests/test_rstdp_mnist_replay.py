"""R-STDP on MNIST: replay of the authors' simulator and of the replication (tests/reference/rstdp_mnist), in float64.

Cases are recognised by the beginning of their names and described by the parameters inside; sizes come from their arrays.
"""
import json
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from common import load_params
from rstdp_mnist import encoding, exp_params, lower, replication, spikes, spiking, stdp
from rstdp_mnist.rstdp import Decider

REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', Path(__file__).parent / 'reference')) / 'rstdp_mnist'
CASES = sorted(REFERENCE.glob('*.npz'))
NOTHING = np.empty((0, 1, 1, 1))


def hash_weights(shape, seed, power, low=0.0, high=1.0):
    """The reference's weights from a multiplicative hash (its README)."""
    k = np.arange(np.prod(shape), dtype=np.uint64)
    u = ((k * np.uint64(2654435761) + np.uint64(seed * 40503 + 12345)) % np.uint64(2 ** 32)).astype(np.float64) / 2 ** 32
    v = u.copy()
    for _ in range(power - 1):
        v = v * u
    return (low + (high - low) * v).reshape(shape)


def hashed(params, layer, shape):
    """Hash weights of layer 1, 2 or 3 of a case."""
    low, high = (params.get(name, (end,) * 3)[layer - 1] for name, end in (('lo', 0.0), ('hi', 1.0)))
    return hash_weights(shape, params['hash_seed'] + layer - 1, params['hash_power'][layer - 1], low, high)


def close(ours, theirs, what, rtol=1e-9, atol=1e-12):
    assert np.shape(ours) == np.shape(theirs), f'{what}: {np.shape(ours)} and {np.shape(theirs)}'
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=what)


def equal(ours, theirs, what):
    np.testing.assert_array_equal(ours, theirs, err_msg=what)


def classes_of(text, maps, positions):
    """('by_map', number of classes) of 'feature//20', ('flat_mod', n) of 'flat_index % 10'."""
    if '//' in text:
        return 'by_map', maps // int(text.split('//')[1])
    return 'flat_mod', int(text.split('%')[1])


def output(latency, window, n_bins, W, pad, theta, strict=True, potentials=True):
    """Latencies and last potentials of a layer with weights W (f, c, ky, kx)."""
    size = latency.shape[2] // window + 2 * pad - W.shape[2] + 1
    tau = np.empty((len(latency), len(W), size, size), np.uint8)
    V = np.empty(tau.shape) if potentials else NOTHING
    spikes.forward(latency, window, n_bins, spikes.map_last(W), pad, float(theta), strict, tau, V)
    return tau, V


def pooled(function, tau, window, *more):
    out = np.empty((*tau.shape[:2], tau.shape[2] // window, tau.shape[3] // window), np.uint8)
    function(tau, window, *more, out)
    return out


# ---------------------------------------------------------------- encoding

def check_encoding(case, params):
    kinds = [(int(n), float(Fraction(a)), float(Fraction(b))) for n, a, b in params['dog']]
    for m, kind in enumerate(kinds):
        if f'dog_k{m}' in case:
            close(encoding.dog_kernel(*kind), case[f'dog_k{m}'], f'DoG {m}', rtol=1e-6, atol=1e-7)
    close(encoding.dog_kernels(kinds), case['dog_kernels_padded'], 'padded kernels', rtol=1e-6, atol=1e-7)
    images, n_bins = case['images'], params['T']
    latency = encoding.encode(images, n_bins, params['threshold'], params['norm_radius'], kinds)
    assert (latency != case['latency']).mean() <= 1e-3, 'latencies'
    half, limits = np.array([n // 2 for n, _, _ in kinds]), np.full(len(kinds), params['threshold'], np.float32)
    for i, image in enumerate(images):
        response = np.empty(case['latency'].shape[1:])
        encoding.respond(image.astype(np.float32), encoding.dog_kernels(kinds), half, np.full(len(kinds), -np.inf, np.float32),
                         response)
        if i < len(case['response']):
            close(response, case['response'][i], f'response {i}', rtol=1e-4, atol=1e-3)
        encoding.respond(image.astype(np.float32), encoding.dog_kernels(kinds), half, limits, response)
        if i < len(case['response_thresholded']):
            close(response, case['response_thresholded'][i], f'thresholded {i}', rtol=1e-4, atol=1e-3)
        encoding.normalise(response, params['norm_radius'])
        if i < len(case['normalised']):
            close(response, case['normalised'][i], f'normalised {i}', rtol=1e-4, atol=1e-3)
        positive = encoding.rank_bins(response.reshape(-1), n_bins, np.empty(response.size, np.uint8))
        assert positive == case['nonzero_count'][i] and positive // n_bins == case['bin_size'][i]


# ---------------------------------------------------------------- forward passes

def check_forward(case, params):
    latency, n_bins, thresholds = case['input_latency'], params['T'], params['thresholds']
    maps = [latency.shape[1]] + [case[f's{i}_latency'].shape[1] for i in (1, 2)] + [case['s3_potential'].shape[1]]
    shapes = params.get('shapes') or [(maps[i + 1], maps[i], side, side) for i, side in enumerate((5, 3, 5))]
    weights = [case[f'conv{i}_weight'].astype(float) if f'conv{i}_weight' in case else hashed(params, i, shapes[i - 1])
               for i in (1, 2, 3)]
    close([w.sum() for w in weights], case['checksum'], 'checksums of the weights')
    pads = params.get('pads', (2, 1, 2))
    S1, V_1 = output(latency, 1, n_bins, weights[0], pads[0], thresholds[0])
    C1 = pooled(spikes.first_spikes, S1, 2)
    S2, V_2 = output(C1, 1, n_bins, weights[1], pads[1], thresholds[1])
    C2 = pooled(spikes.first_spikes, S2, 3)
    for name, tau in (('s1', S1), ('c1', C1), ('s2', S2), ('c2', C2)):
        equal(tau, case[f'{name}_latency'], f'{name} latencies')
    active = np.empty_like(C2)
    spikes.active_pools(C1, n_bins, spikes.map_last(weights[1]), pads[1], float(thresholds[1]), True, 3, active)
    equal(active, case['c2_latency'] < n_bins, 'active C2 cells')
    close(V_1[0], case['s1_potential_final_img0'], 'S1 potential')
    close(V_2[0], case['s2_potential_final_img0'], 'S2 potential')
    early = np.where(latency[:1] <= 3, latency[:1], n_bins)
    close(output(early, 1, n_bins, weights[0], pads[0], thresholds[0])[1][0], case['s1_potential_t3_img0'], 'S1 in bin 3')
    class_map, n_classes = classes_of(params['decision_map'], len(weights[2]), case['s3_potential'][0, 0].size)
    net = Decider(weights[2], (0.0, 1.0), n_classes=n_classes, class_map=class_map)
    decision, winner, largest = net.present(active)
    equal(decision, case['decision'], 'decisions')
    equal(winner, case['s3_winner'], 'winners')
    close(largest, case['s3_potential'].reshape(len(latency), -1).max(axis=1), 'largest potentials')
    p = load_params(exp_params, n_maps=tuple(maps[1:]), threshold=tuple(map(float, thresholds[:2])), n_time_bins=n_bins,
                    n_channels=maps[0], input_pad=pads[0], n_classes=n_classes, class_map=class_map, n_winners=(1, 1))
    check_module(case, spiking.DeepNetwork(p, weights), latency)


def check_module(case, net, latency):
    """The SpikingJelly network: spikes of every layer, potentials, decisions."""
    found = {name: [] for name in ('s1', 'c1', 's2', 'c2')}
    for name, module in zip(found, (net.node1, net.pool1, net.node2, net.pool2), strict=True):
        module.register_forward_hook(lambda _, __, out, name=name: found[name].append(out))
    decision, V = net.decide(latency)
    for name, waves in found.items():
        equal(spiking.latencies(spiking.torch.stack(waves)), case[f'{name}_latency'], f'{name} of the module')
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
        close(left, case[f'case{i}_inhibited_last'], f'case {i}: pointwise inhibition')
        equal(k_winners(potential, kept, k, r), case[f'case{i}_winners_with_pointwise'], f'case {i}: with pointwise inhibition')
        everyone = [np.argwhere(latency == t) for t in range(T)]
        equal(k_winners(potential, everyone, k, r), case[f'case{i}_winners_without_pointwise'], f'case {i}: without')
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
        layer = spikes.Layer(inputs.shape[1], inputs.shape[2], params['pads'][i], start.shape[2], len(start), 1)
        rule = stdp.Rule(n_bins, 1, layer.pad, float(params['thresholds'][i]), True, params['k'][i], params['r'][i],
                         *map(float, params['bounds']))
        rates = stdp.Rates(*params['rates'], params['max_ap'], params['doubling_interval'])
        rates.count = params['counter_start'][i]
        net = stdp.Learner(start, layer, rule, rates)
        inhibited = f'layer{number}_inhibited_potential_img0_lastt'
        if inhibited in case:
            close(left_by_inhibition(inputs[0], start, rule), case[inhibited], inhibited)
        for j in range(len(inputs)):
            winners = net.advance(inputs[j:j + 1])[0]
            equal(winners[:, :3], case[f'layer{number}_winners'][j], f'winners of layer {number}, image {j}')
            equal(winners[:, 3], case[f'layer{number}_winner_latency'][j], f'their latencies, image {j}')
            close([rates.ltp, rates.ltd], case[f'layer{number}_rates_used'][j], 'rates', rtol=1e-7)
            W = net.weight()
            statistics = [W.sum(), (W ** 2).sum(), (W * (1 - W)).mean()]
            close(statistics, case[f'layer{number}_weight_stats'][j], f'weights of layer {number} after image {j}', rtol=1e-8)
            if f'conv{number}_weight_after_{j + 1}' in case:
                close(W, case[f'conv{number}_weight_after_{j + 1}'], f'weights of layer {number} after image {j}')


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
    W_1, W_2 = (hashed(params, i, params['shapes'][i - 1]) for i in (1, 2))
    C1 = pooled(spikes.first_spikes, output(case['input_latency'], 1, params['T'], W_1, 2, params['thresholds'][0])[0], 2)
    C2 = pooled(spikes.first_spikes, output(C1, 1, params['T'], W_2, 1, params['thresholds'][1])[0], 3)
    equal(C2, case['c2_latency'], 'C2 latencies')
    counts = (case['c2_latency'] < params['T']).astype(np.uint8)
    class_map, n_classes = classes_of(params['decision_map'], len(start), counts[0, 0].size)
    net = Decider(start.copy(), params['bounds'], n_classes=n_classes, class_map=class_map)
    for b in range(len(labels) // window):
        part = slice(b * window, (b + 1) * window)
        close(net.rates * net.phi[[0, 0, 1, 1]], case['rates_used'][b], f'rates of batch {b}', rtol=1e-6, atol=1e-9)
        first = net.present(counts[part][:-1], labels[part][:-1], learn=True)
        if b == len(labels) // window - 1:
            close(convolution(counts[-1:], net.W)[0], case['s3_potential_last'], 'last potential')
        last = net.present(counts[part][-1:], labels[part][-1:], learn=True)
        decision, winner, _ = (np.concatenate(pair) for pair in zip(first, last, strict=True))
        equal(decision, case['decision'][part], f'decisions of batch {b}')
        equal(winner, case['winner'][part], f'winners of batch {b}')
        action = np.where(decision < 0, 0, np.where(decision == labels[part], 1, -1))
        equal(action, case['action'][part], f'actions of batch {b}')
        right, silent = (decision == labels[part]).sum(), (decision < 0).sum()
        close(np.array([right, window - right - silent, silent]) / window, case['perf'][b], f'outcome of batch {b}')
        net.adjust(right, window - right - silent, window)
        close(net.W, case[f'conv3_weight_after_batch{b + 1}'], f'weights after batch {b}')
    close(net.rates * net.phi[[0, 0, 1, 1]], case['rates_used'][-1], 'last rates', rtol=1e-6, atol=1e-9)
    V = convolution(counts[:1], start)
    close(V[0], case['s3_potential_first'], 'first potential')


def convolution(counts, W):
    """Potentials of layer 3 (n, f, h, h), plainly."""
    x, w = (spiking.torch.tensor(np.asarray(a, float)) for a in (counts, W))
    return spiking.torch.nn.functional.conv2d(x, w, padding=W.shape[2] // 2).numpy()


def check_replication(case, params):
    latency, n_bins = case['input_latency'], params['T']
    batches, size = params['n_batches'], params['N']
    W_1, W_2 = (hash_weights(case[f'L{i}_conv{i}_weight_init'].shape, params['hash_seed'] + i - 1, params['hash_power'][i - 1])
                for i in (1, 2))
    S1 = output(latency, 1, n_bins, W_1, params['input_padding'], params['thresholds'][0], False, False)[0]
    for number, inputs, window, pool in ((1, latency, 1, 2), (2, S1, 2, 3)):
        net = batch_learner(case, params, number, inputs, window)
        for b in range(batches):
            part, key = slice(b * size, (b + 1) * size), f'L{number}_b{b}_'
            before = net.weight()
            winners, masks, tau, F = net.batch(inputs[part])
            equal(tau, case[f'{key}s{number}_latency'], f'{key} latencies')
            equal(winners, case[f'{key}winners'], f'{key} winners')
            equal(masks, case[f'{key}ltp_mask'], f'{key} masks')
            close(net.D.transpose(3, 0, 1, 2), case[f'{key}dw'], f'{key} dw')
            close(net.weight(), case[f'{key}weight_after'], f'{key} weights')
            equal(pooled(spikes.count_spikes, tau, pool, n_bins), case[f'{key}c{number}_spike_count'], f'{key} pools')
            assert np.abs(net.weight() - before).max() > 0
            if f'{key}s1_potential_img0' in case:
                close(F[0], case[f'{key}s1_potential_img0'], f'{key} potential')
            if f'{key}c1_first_latency' in case:
                equal(pooled(spikes.first_spikes, inputs[part], 2), case[f'{key}c1_first_latency'], f'{key} C1')
    S2 = output(S1, 2, n_bins, W_2, 1, params['thresholds'][1], False, False)[0]
    check_replication_layer3(case, params, pooled(spikes.count_spikes, S2, 3, n_bins))


def batch_learner(case, params, number, inputs, window):
    """Our layer 1 or 2 in the state of the case."""
    start, i = case[f'L{number}_conv{number}_weight_init'], number - 1
    pad = (params['input_padding'], 1)[i]
    layer = spikes.Layer(inputs.shape[1], inputs.shape[2] // window, pad, start.shape[2], len(start), 1)
    rule = stdp.Rule(params['T'], window, pad, params['thresholds'][i], False, params['k'][i], params['r'][i], 0.0, 1.0)
    rates = replication.BatchRates(*params['rates'][:2], 0.15, 500, 100)
    return replication.BatchLearner(start, layer, rule, rates, params['N'])


def check_replication_layer3(case, params, counts):
    start, size = case['L3_conv3_weight_init'], params['N']
    class_map, n_classes = classes_of(params['decision_map'], len(start), counts[0, 0].size)
    net = Decider(start.copy(), (0.2, 0.8), params['rates'], n_classes, class_map, batch_size=size)
    for b in range(params['n_batches']):
        part, key = slice(b * size, (b + 1) * size), f'L3_b{b}_'
        equal(counts[part], case[f'{key}c2_spike_count'], 'spikes of C2')
        close(net.rates * net.phi[[0, 0, 1, 1]], case[f'{key}rates_used'], 'rates', atol=1e-9)
        close(convolution(counts[part], net.W), case[f'{key}s3_potential'], 'potentials')
        before = net.W.copy()
        decision, winner, _ = net.present(counts[part], case[f'{key}label'], learn=True)
        equal(decision, case[f'{key}decision'], 'decisions')
        equal(np.maximum(winner, 0)[:, None], case[f'{key}winners'], 'winners')
        close(net.W, np.clip(before + case[f'{key}dw'], 0.2, 0.8), 'dw')
        close(net.W, case[f'{key}weight_after'], 'weights')
        right = (decision == case[f'{key}label']).sum()
        net.adjust(right, size - right, size)


def check_trained(case, params):
    """Weights for feature extraction: saturated, of the default network's shapes; the fast features are the plain ones."""
    p = load_params(exp_params, threshold=tuple(map(float, params['thresholds'])))
    rng = np.random.default_rng(1)
    latency = rng.integers(0, 3 * p.n_time_bins, (3, 6, 28, 28)).clip(max=p.n_time_bins).astype(np.uint8)
    W_1, W_2 = case['conv1_weight'].astype(float), case['conv2_weight'].astype(float)
    counts = lower.features(p, latency, W_1, W_2)
    C1 = pooled(spikes.first_spikes, output(latency, 1, p.n_time_bins, W_1, 2, p.threshold[0])[0], 2)
    C2 = pooled(spikes.first_spikes, output(C1, 1, p.n_time_bins, W_2, 1, p.threshold[1])[0], 3)
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
