"""Used by test_rstdp_mnist_replay.py: hash weights, comparisons, forward passes; the replication's batches; event files."""
import numpy as np

from rstdp_mnist import neurons, replication, stdp
from rstdp_mnist import spikingjelly_network as network
from rstdp_mnist.rstdp import Decider

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
    """Demand equal shapes and values; nothing if the case does not hold this array (None)."""
    if theirs is None:
        return
    assert np.shape(ours) == np.shape(theirs), f'{what}: {np.shape(ours)} and {np.shape(theirs)}'
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=what)


def equal(ours, theirs, what):
    """Demand equal integers; nothing if the case does not hold this array (None)."""
    if theirs is None:
        return
    assert np.shape(ours) == np.shape(theirs), f'{what}: {np.shape(ours)} and {np.shape(theirs)}'
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
    neurons.forward(latency, window, n_bins, neurons.map_last(W), pad, float(theta), strict, tau, V)
    return tau, V


def pooled(function, tau, window, *more):
    out = np.empty((*tau.shape[:2], tau.shape[2] // window, tau.shape[3] // window), np.uint8)
    function(tau, window, *more, out)
    return out


def convolution(counts, W):
    """Potentials of layer 3 (n, f, h, h), plainly."""
    x, w = (network.torch.tensor(np.asarray(a, float)) for a in (counts, W))
    return network.torch.nn.functional.conv2d(x, w, padding=W.shape[2] // 2).numpy()


def check_replication(case, params):
    """Layers 1, 2, 3 of the replication, some batches each."""
    latency, n_bins = case['input_latency'], params['T']
    batches, size = params['n_batches'], params['N']
    W_1, W_2 = (hashed(params, i, case[f'L{i}_conv{i}_weight_init'].shape) for i in (1, 2))
    S1 = output(latency, 1, n_bins, W_1, params['input_padding'], float(params['thresholds'][0]), False, False)[0]
    for number, inputs, window, pool in ((1, latency, 1, 2), (2, S1, 2, 3)):
        net = batch_learner(case, params, number, inputs, window)
        for b in range(batches):
            part, key = slice(b * size, (b + 1) * size), f'L{number}_b{b}_'
            close([net.rates.ltp, net.rates.ltd], case.get(f'{key}rates_used'), f'{key} rates')
            winners, masks, tau, F = net.batch(inputs[part])
            equal(tau, case[f'{key}s{number}_latency'], f'{key} latencies')
            equal(winners, case[f'{key}winners'], f'{key} winners')
            equal(masks, case.get(f'{key}ltp_mask'), f'{key} masks')
            close(net.D.transpose(3, 0, 1, 2), case[f'{key}dw'], f'{key} dw')
            close(net.weight(), case[f'{key}weight_after'], f'{key} weights')
            equal(pooled(neurons.count_spikes, tau, pool, n_bins), case.get(f'{key}c{number}_spike_count'), f'{key} pools')
            close(F[0], case.get(f'{key}s{number}_potential_img0'), f'{key} potential')
            if number == 2:
                equal(pooled(neurons.first_spikes, inputs[part], 2), case.get(f'{key}c1_first_latency'), f'{key} C1')
                equal(pooled(neurons.count_spikes, inputs[part], 2, n_bins), case.get(f'{key}c1_spike_count'), f'{key} C1')
    S2 = output(S1, 2, n_bins, W_2, 1, float(params['thresholds'][1]), False, False)[0]
    check_replication_layer3(case, params, pooled(neurons.count_spikes, S2, 3, n_bins))


def batch_learner(case, params, number, inputs, window):
    """Our layer 1 or 2 in the state of the case."""
    start, i = case[f'L{number}_conv{number}_weight_init'], number - 1
    pad = (params['input_padding'], 1)[i]
    layer = neurons.Layer(inputs.shape[1], inputs.shape[2] // window, pad, start.shape[2], len(start), 1)
    rule = stdp.Rule(params['T'], window, pad, float(params['thresholds'][i]), False, params['k'][i], params['r'][i], 0.0, 1.0)
    rates = replication.BatchRates(*params['rates'][:2], params.get('max_ap', 0.15), params.get('doubling_interval', 500),
                                   params['N'])
    return replication.BatchLearner(start, layer, rule, rates, params['N'])


def check_replication_layer3(case, params, counts):
    """The replication's layer 3 on spike counts of C2 (batches * N, c, h, h)."""
    start, size = case['L3_conv3_weight_init'], params['N']
    class_map, n_classes = classes_of(params['decision_map'], len(start), counts[0, 0].size)
    net = Decider(start.copy(), (0.2, 0.8), params['rates'], n_classes, class_map, batch_size=size + 1)
    for b in range(params['n_batches']):
        part, key = slice(b * size, (b + 1) * size), f'L3_b{b}_'
        equal(counts[part], case.get(f'{key}c2_spike_count'), 'spikes of C2')
        close(net.rates * net.phi[[0, 0, 1, 1]], case.get(f'{key}rates_used'), 'rates', atol=1e-9)
        close(convolution(counts[part], net.W), case.get(f'{key}s3_potential'), 'potentials')
        decision, winner, _ = net.present(counts[part], case[f'{key}label'], learn=True)
        equal(decision, case[f'{key}decision'], 'decisions')
        equal(np.maximum(winner, 0)[:, None], case[f'{key}winners'], 'winners')
        close(net.D, case[f'{key}dw'], 'dw')                 # batch_size + 1: the sum is still there
        net.apply()
        close(net.W, case[f'{key}weight_after'], 'weights')
        right = (decision == case[f'{key}label']).sum()
        net.adjust(right, size - right, size)


def write_events(path, events):
    """(x, y, polarity, time) rows as an N-MNIST file."""
    raw = [[x, y, polarity << 7 | time >> 16 & 127, time >> 8 & 255, time & 255] for x, y, polarity, time in events]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(np.array(raw, np.uint8).tobytes())


def write_recordings(folder, n_train, n_test, seed=0):
    """N-MNIST folders with random recordings: events everywhere for 300 ms, dense enough to survive the denoising."""
    rng = np.random.default_rng(seed)
    for part, n in (('Train', n_train), ('Test', n_test)):
        for number in range(1, n + 1):
            time = np.sort(rng.integers(1, 300_000, 4000))
            events = np.stack([*rng.integers(0, 34, (2, 4000)), rng.integers(0, 2, 4000), time], axis=1)
            write_events(folder / 'nmnist' / part / str(number % 10) / f'{number:05}.bin', events)
