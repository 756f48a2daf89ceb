"""Impression learning: signal to noise ratio of the weight updates (mode SNR, Fig. 2a-c), and the tests of snapshots.

After training, the weights of each of 20 snapshots are frozen; a sequence of n_compare stimuli is repeated epoch_num_snr times
(1,000,000 as published), and mean and variance of the W_in update of each rule are taken over all steps: SNR = mean^2 / var.
"""
import copy
import dataclasses

import numpy as np

from common.checkpoint import restore_rng, rng_state
from common.running import progress
from impression_learning import analysis, data, network
from impression_learning.learning import compare
from impression_learning.model import BASELINE_AFTER, BASELINE_BEFORE

LEGACY_SEED = 120994      # the released program seeds anew before each comparison


def snapshot_net(trained, i):
    """The network of snapshot i."""
    return network.from_arrays({name: value[i] for name, value in trained['snapshots'].items()})


def test_snapshot(p, trained, i, X, noise):
    """Mean loss parts (3,) of snapshot i on the test stimulus, starting in wake with a fresh phase counter."""
    net, sigmas = snapshot_net(trained, i), tuple(np.array(s) for s in p.sigmas)
    phase = network.phase(k=trained['snapshot_k'][i] if p.carry_over else 0)
    loss, _ = network.advance(net, sigmas, network.rule_of(p), noise, X, phase, network.activity(net), p.test_switching)
    return loss.mean(axis=0)


def as_losses(parts):
    """Named arrays from mean loss parts (n, 3): loss_mean is their sum (the published curve)."""
    parts = np.array(parts)
    return {'loss_mean': parts.sum(axis=1), 'loss_wake': parts[:, 0], 'loss_sleep_rec': parts[:, 1],
            'loss_sleep_stim': parts[:, 2]}


def variants(p):
    """{name: Rule}: impression learning; REINFORCE corrected, corrected with the fantasy-stimulus term, as released; and the
    one of p's own settings if it is none of these."""
    rule = network.rule_of(p)._replace(trace_decay=1.0, both_paths=False)
    paper = rule._replace(squared_loss=True, gain=-0.5, trace_reset=True, baseline_kind=BASELINE_AFTER, stimulus_term=False)
    released = rule._replace(squared_loss=False, gain=1.0, trace_reset=False, baseline_kind=BASELINE_BEFORE, stimulus_term=True)
    rules = {'il': paper._replace(gain=0.0), 'corrected': paper, 'stimulus_term': paper._replace(stimulus_term=True),
             'released': released}
    return rules if rule in rules.values() else rules | {'own': rule}


def repeated_sequence(p, train_data, rng):
    """The n_compare stimuli: same C, starting with component 0 only in every setting (specification Q1). (n_compare, n_0)"""
    if not isinstance(train_data, data.OU):
        raise ValueError("mode=SNR compares updates on the simulated stimulus: data='ou'")
    start = dataclasses.replace(p, first_sample='first_component')
    x = data.OU(rng, train_data.C, p.n_compare, start, p.rng == 'legacy').block(0, p.n_compare)
    if p.rng == 'legacy':
        data.discard(rng, p.n_in * p.n_compare)
    return x


def compare_along_training(p, trained, train_data, test_data, streams, checkpoint):
    """Snapshot tests, and mean, variance and SNR of the W_in updates of each rule at each snapshot. -> dict of arrays

    All snapshots and rules see the same sequence and the same noise (as in the released program, which seeds anew before
    each comparison); the loop over blocks of noise is therefore the outer one, and noise is drawn once for all.
    """
    noise = network.Noise(p, streams.tests)
    X = test_data.block(0, test_data.steps)
    if p.rng == 'legacy':                                      # a wake-only test of the final network, result unused
        noise.draw(test_data.steps)
    x = repeated_sequence(p, train_data, streams.comparison)
    parts = [test_snapshot(p, trained, 0, X, noise)]
    statistics, rng = compare_updates(p, trained, x, streams, checkpoint.part('comparison'))
    for i in range(1, len(trained['snapshot_steps'])):         # legacy: each test follows a comparison seeded anew (D14)
        again = network.Noise(p, copy.deepcopy(rng)) if p.rng == 'legacy' else noise
        parts.append(test_snapshot(p, trained, i, X, again))
    return as_losses(parts) | statistics | {'compare_sequence': x}


def compare_updates(p, trained, x, streams, checkpoint):
    """Sums over all episodes for all snapshots. -> (statistics of update_statistics, the noise generator at its end)"""
    rules, sigmas = variants(p), tuple(np.array(s) for s in p.sigmas)
    nets = [snapshot_net(trained, i) for i in range(len(trained['snapshot_steps']))]
    rng = data.restarted(LEGACY_SEED, 'legacy') if p.rng == 'legacy' else streams.comparison
    noise = network.Noise(p, rng)
    shape = (len(nets), len(rules), *nets[0].W_in.shape)
    live = {'traces': np.zeros(shape), 'baselines': np.zeros((*shape[:2], 2)), 'first': np.zeros(shape),
            'second': np.zeros(shape), 'phases': np.array([[[1], [0], [0]]] * len(nets))}
    episodes = max(1, round(p.epoch_num_snr * p.scale))
    done = resume(checkpoint, live, rng)
    act, score, kinds = network.activity(nets[0]), network.empty(p.sizes), tuple(rules.values())
    with progress(episodes, f'{p.member} comparison', unit='episode', unit_scale=True, initial=done) as bar:
        while done < episodes:
            n = min(max(1, noise.block // p.n_compare), episodes - done)
            eps, toggles = noise.draw(n * p.n_compare)
            for i, net in enumerate(nets):
                compare(net, act, network.Phase(*live['phases'][i]), x, eps, toggles, *sigmas, kinds, score,
                        *(live[name][i] for name in ('traces', 'baselines', 'first', 'second')))
            done += n
            bar.update(n)
            checkpoint.offer(lambda at: ({'done': at, 'rng': rng_state(rng)}, live), done)
    return update_statistics(p, rules, live, episodes * p.n_compare), rng


def resume(checkpoint, live, rng):
    """Put a comparison back to its checkpoint; returns the number of episodes done."""
    saved = checkpoint.resume()
    if saved is None:
        return 0
    for name, array in live.items():
        array[...] = saved[1][name]
    restore_rng(rng, saved[0]['rng'])
    return saved[0]['done']


def update_statistics(p, rules, live, steps):
    """{mean_, var_, snr_<rule>: (n_snapshot, n_1, n_0) of the layer-1 W_in update; cosine_<rule>: with impression learning}"""
    first, second = (live[name][:, :, 1, :p.n_in, :p.n_neurons].swapaxes(2, 3) / steps for name in ('first', 'second'))
    out = {}
    for v, name in enumerate(rules):
        mean, variance = first[:, v], second[:, v] - first[:, v] ** 2
        out |= {f'mean_{name}': mean, f'var_{name}': variance, f'snr_{name}': mean ** 2 / variance,
                f'cosine_{name}': np.array([analysis.cosine(a, b) for a, b in zip(mean, first[:, 0], strict=True)])}
    return out
