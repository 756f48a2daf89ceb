"""Impression learning: signal to noise ratio of the weight updates (mode SNR, Fig. 2a-c).

After training, the weights of each of 20 snapshots are frozen; a sequence of n_compare stimuli is repeated epoch_num_snr times
(1,000,000 as published), and mean and variance of the W_in update of each rule are taken over all steps: SNR = mean^2 / var.
Beside the mean updates stands the exact gradient of the objective, measured by differences.
"""
import copy
import dataclasses

import numpy as np

from common.checkpoint import restore_rng, rng_state
from common.running import progress
from impression_learning import analysis, data, network
from impression_learning.circuit import Circuit, Noise, rule_of
from impression_learning.evaluation import as_losses, snapshot_net, test_snapshot
from impression_learning.loops import compare
from impression_learning.model import BASELINE_AFTER, BASELINE_BEFORE, IMPRESSION, REINFORCE

LEGACY_SEED = 120994      # the released program seeds anew before each comparison
STEP = 1e-4               # by which a weight is moved for the exact gradient


def variants(p):
    """{name: Rule}: impression learning; REINFORCE corrected, corrected with the fantasy-stimulus term, as released; p's own
    settings of REINFORCE if they are none of these ('own'); p's rule, under its name, if it is another."""
    own = rule_of(p, algorithm=REINFORCE, trace_decay=1.0, both_paths=False)
    corrected = own._replace(squared_loss=True, reinforce_gain=-0.5, trace_reset=True, baseline=BASELINE_AFTER,
                             stimulus_term=False)
    rules = {'il': corrected._replace(algorithm=IMPRESSION), 'corrected': corrected,
             'stimulus_term': corrected._replace(stimulus_term=True),
             'released': corrected._replace(squared_loss=False, reinforce_gain=1.0, trace_reset=False,
                                            baseline=BASELINE_BEFORE, stimulus_term=True)}
    if own not in rules.values():
        rules['own'] = own
    if p.algorithm not in ('wake_sleep', 'reinforce'):
        rules[p.algorithm] = rule_of(p, trace_decay=1.0, both_paths=False)
    return rules


def repeated_sequence(p, train_data, rng):
    """The n_compare stimuli: same C, starting with component 0 only in every setting (Q1 of the README). (n_compare, n_0)"""
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
    X = test_data.block(0, test_data.steps)
    if p.rng == 'legacy':                                      # a wake-only test of the final network, result unused
        Noise(p, streams.tests).draw(test_data.steps)
    x = repeated_sequence(p, train_data, streams.comparison)
    parts = [test_snapshot(p, trained, 0, X, streams.tests)]
    statistics, rng = compare_updates(p, trained, x, streams, checkpoint.part('comparison'))
    for i in range(1, len(trained['snapshot_steps'])):         # legacy: each test follows a comparison seeded anew (D14)
        parts.append(test_snapshot(p, trained, i, X, copy.deepcopy(rng) if p.rng == 'legacy' else streams.tests))
    gradient = exact_gradients(p, trained, x, streams)
    return as_losses(parts) | statistics | gradient_cosines(gradient, statistics) | {'compare_sequence': x}


def compare_updates(p, trained, x, streams, checkpoint):
    """Sums over all episodes for all snapshots. -> (statistics of update_statistics, the noise generator at its end)"""
    rules, n_snapshots = variants(p), len(trained['snapshot_steps'])
    rng = data.restarted(LEGACY_SEED, 'legacy') if p.rng == 'legacy' else streams.comparison
    circuits = [Circuit(p, snapshot_net(trained, i), rng) for i in range(n_snapshots)]
    learners = [tuple(network.learner(circuit.net) for _ in rules) for circuit in circuits]
    shape = (n_snapshots, len(rules), *circuits[0].net.W_in.shape)
    live = {'first': np.zeros(shape), 'second': np.zeros(shape)}
    for i, (circuit, group) in enumerate(zip(circuits, learners, strict=True)):
        live |= {f'phase{i}_{name}': value for name, value in circuit.phase._asdict().items()}
        live |= {f'rule{i}_{v}_{name}': value for v, learner in enumerate(group)
                 for name, value in (learner.trace._asdict() | {'baseline': learner.baseline}).items()}
    episodes, noise = max(1, round(p.epoch_num_snr * p.scale)), circuits[0].noise
    done = resume(checkpoint, live, rng)
    with progress(episodes, f'{p.member} comparison', unit='episode', unit_scale=True, initial=done) as bar:
        while done < episodes:
            n = min(max(1, noise.block // p.n_compare), episodes - done)
            eps, toggles = noise.draw(n * p.n_compare)
            for i, (circuit, group) in enumerate(zip(circuits, learners, strict=True)):
                compare(circuit.net, circuit.act, circuit.phase, x, eps, toggles, circuit.sigma_rec, circuit.sigma_gen,
                        tuple(rules.values()), group, live['first'][i], live['second'][i])
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


def exact_gradients(p, trained, x, streams):
    """-sigma_r^2 dJ/dW_in of layer 1 at each snapshot, (n_snapshot, n_1, n_0): where the mean update of a rule should point.

    J is half the mean loss over repeats of x, without the fantasy-stimulus term, which holds nothing to be learned. Central
    differences: each weight a little larger and smaller, with the same noise. All of them together take about a fifth of the
    steps of the comparison, or less.
    """
    rule, rng = variants(p)['il'], data.restarted(streams.sequence_seed, p.rng)
    noise = Circuit(p, snapshot_net(trained, 0), rng).noise
    steps = min(noise.block, p.n_compare * round(p.epoch_num_snr * p.scale) // (10 * p.n_in * p.n_neurons))
    episodes = -(-max(steps, 4 * (p.switch_period + 1)) // p.n_compare)
    eps, toggles = noise.draw(episodes * p.n_compare)
    gradients = np.zeros((len(trained['snapshot_steps']), p.n_neurons, p.n_in))
    for at, i, j in np.ndindex(gradients.shape):
        low, high = (objective(p, moved(snapshot_net(trained, at), i, j, change), x, eps, toggles, rule)
                     for change in (-STEP, STEP))
        gradients[at, i, j] = -p.sigma_latent ** 2 * (high - low) / (2 * STEP)
    return gradients


def moved(net, i, j, change):
    """net with the weight from channel j to unit i of layer 1 changed (in place)."""
    net.W_in[1, j, i] += change
    return net


def objective(p, net, x, eps, toggles, rule):
    """J of net over repeats of x; eps, toggles: noise of Noise.draw."""
    circuit, sums = Circuit(p, net, None), np.zeros((2, 1, *net.W_in.shape))
    return compare(net, circuit.act, circuit.phase, x, eps, toggles, circuit.sigma_rec, circuit.sigma_gen, (rule,),
                   (circuit.learner,), *sums)


def gradient_cosines(gradient, statistics):
    """{exact_gradient, exact_cosine_<rule>: (n_snapshot,) cosine of the rule's mean update with it}"""
    means = {name[5:]: value for name, value in statistics.items() if name.startswith('mean_')}
    return {'exact_gradient': gradient} | {
        f'exact_cosine_{rule}': np.array([analysis.cosine(a, b) for a, b in zip(mean, gradient, strict=True)])
        for rule, mean in means.items()}


def update_statistics(p, rules, live, steps):
    """{mean_, var_, snr_<rule>: (n_snapshot, n_1, n_0) of the layer-1 W_in update; cosine_<rule>: with impression learning}"""
    first, second = (live[name][:, :, 1, :p.n_in, :p.n_neurons].swapaxes(2, 3) / steps for name in ('first', 'second'))
    out = {}
    for v, name in enumerate(rules):
        mean, variance = first[:, v], second[:, v] - first[:, v] ** 2
        with np.errstate(divide='ignore', invalid='ignore'):          # an update that never varies has no SNR
            ratio = mean ** 2 / variance
        out |= {f'mean_{name}': mean, f'var_{name}': variance, f'snr_{name}': ratio,
                f'cosine_{name}': np.array([analysis.cosine(a, b) for a, b in zip(mean, first[:, 0], strict=True)])}
    return out
