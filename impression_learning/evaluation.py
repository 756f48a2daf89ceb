"""Impression learning: what is measured on a trained network: the tests of its snapshots, and the sequences of its end."""
import numpy as np

from common.running import progress
from impression_learning import analysis, data, network
from impression_learning.circuit import Circuit


def snapshot_net(trained, i):
    """The network of snapshot i."""
    return network.from_arrays({name: value[i] for name, value in trained['snapshots'].items()})


def test_snapshot(p, trained, i, X, rng):
    """Mean loss parts (3,) of snapshot i on the test stimulus X (T, n_0), starting in wake with a fresh phase counter."""
    circuit = Circuit(p, snapshot_net(trained, i), rng, k=trained['snapshot_k'][i] if p.carry_over else 0)
    return circuit.advance(X, p.test_switching)[0].mean(axis=0)


def as_losses(parts):
    """Named arrays from mean loss parts (n, 3): loss_mean is their sum (the published curve)."""
    parts = np.array(parts)
    return {'loss_mean': parts.sum(axis=1), 'loss_wake': parts[:, 0], 'loss_sleep_rec': parts[:, 1],
            'loss_sleep_stim': parts[:, 2]}


def snapshot_tests(p, trained, test_data, streams):
    """Test loss of each snapshot (Figs. 1, 2d, 3b, 4b)."""
    X = test_data.block(0, test_data.steps)
    parts = []
    with progress(len(trained['snapshot_steps']), f'{p.member} tests') as bar:
        for i in range(bar.total):
            parts.append(test_snapshot(p, trained, i, X, streams.tests))
            bar.update()
    return as_losses(parts)


def sequences(p, net, trained, test_data, streams):
    """Free generation, pure wake and alternating runs of the final network over the test set, and what is read off them."""
    X = test_data.block(0, test_data.steps)
    generated = generate(p, net, trained, X, streams)
    (loss_w, wake), (loss_ws, alternating) = wake_and_alternating(p, net, trained, X, streams)
    W_out, n_1 = network.to_arrays(net)['l0_W_out'], p.n_neurons
    prediction, fantasy = wake[:, :n_1] @ W_out.T, np.concatenate(generated)[:, :n_1]
    out = {'wake_loss': loss_w.sum(axis=1).mean(), 'wake_sleep_loss': loss_ws.sum(axis=1).mean(),
           'R2': analysis.explained_variance(X, prediction), 'rms': np.sqrt(((X - prediction) ** 2).mean()),
           'R2_grand_mean': analysis.explained_variance(X, prediction, channel_means=False),
           'wake_sleep_correlation': analysis.correlation(wake, alternating),
           'correlation_matrix_cosine': analysis.correlation_matrix_cosine(X, fantasy @ W_out.T),
           'generated_sd': fantasy.std(), 'wake_sd': wake[:, :n_1].std()}
    if p.save_sequences:
        out |= {'wake_sequence': wake, 'wake_sleep_sequence': alternating, 'gen_sim': np.array(generated)}
        out |= ({'data_latent_test': test_data.latent(0, test_data.steps)} if p.data == 'ou'
                else {'data_test': X.astype(np.float32)})
    return out


def generate(p, net, trained, X, streams):
    """Free-running simulations (deep sleep): list of latent activities (steps, sum n_1..)."""
    steps, k = p.gen_steps or len(X), int(trained['phase'].k[0]) if p.carry_over else 0
    return [Circuit(p, net, streams.tests, wake=0, k=k).advance(X[np.arange(steps) % len(X)], switching=False, keep=True)[1]
            for _ in range(p.gen_sim_num)]


def wake_and_alternating(p, net, trained, X, streams):
    """[(loss, latent) of a pure-wake run, the same of an alternating run], both with the same noise."""
    left = {name: int(getattr(trained['phase'], name)[0]) if p.carry_over else 0 for name in ('k', 'counter')}
    return [Circuit(p, net, data.restarted(streams.sequence_seed, p.rng), **left).advance(X, switching, keep=True)
            for switching in (False, True)]
