"""Run impression learning: edit exp_params.py and run this file, or

    python -m impression_learning.simulation mode=SNR seed=1                    one run
    python -m impression_learning.simulation mode=switch_period array_num=0     all members of the sweep

`run` is pure: parameters in, arrays out. Protocols of specification 5; the SNR comparison is in snr.py.
"""
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.checkpoint import Checkpoint, restore_rng, rng_state
from common.running import progress
from common.script import main
from impression_learning import analysis, data, network, snr
from impression_learning.learning import run as run_kernel
from impression_learning.model import REINFORCE, REINFORCE_WAKE

N_SNAPSHOTS = 20


def run(p, checkpoint=None):
    """One run with parameters p (exp_params.Params). -> dict of arrays; names as in the README, "What a result holds"."""
    checkpoint = checkpoint or Checkpoint()
    if p.algorithm == 'backprop':
        from impression_learning import backprop
        return backprop.run(p, checkpoint)
    streams = data.streams(p)
    train_data, test_data, out = data.stimuli(p, streams)
    net = network.initial(p.sizes, streams.weights)
    trained = train(p, net, train_data, streams.training, checkpoint)
    out |= {name: np.array(trained[name]) for name in ('train_loss', 'diverged_at', 'snapshot_steps')}
    out |= {f'final_{name}': value for name, value in network.to_arrays(net).items()}
    if p.mode != 'lr_optim':
        out |= {f'snapshot_{name}': np.array(value) for name, value in trained['snapshots'].items()}
    if trained['diverged_at'] >= 0:
        return out
    if p.mode == 'SNR':
        return out | snr.compare_along_training(p, trained, train_data, test_data, streams, checkpoint)
    return out | snapshot_tests(p, trained, test_data, streams) | sequences(p, net, trained, test_data, streams)


# ---------------------------------------------------------------- training

def train(p, net, stimulus, rng, checkpoint):
    """Train net in place, keeping about 20 snapshots and block means of the loss parts.

    -> {'snapshots': {name: list of arrays}, 'snapshot_steps', 'snapshot_k': lists, 'phase': final Phase,
        'train_loss' (n, 3), 'diverged_at': step or -1}
    """
    sigmas, rule = p_sigmas(p), network.rule_of(p)
    noise = network.Noise(p, rng, rule.both_paths)
    act, phase, learner = network.activity(net), network.phase(), network.learner(net)
    total = stimulus.steps * p.epoch_num
    every = max(1, total // N_SNAPSHOTS)
    bins = np.zeros((-(-total // p.loss_every), 3))
    state = {'snapshots': {}, 'snapshot_steps': [], 'snapshot_k': [], 'diverged_at': -1}
    live = {'net': net, 'act': act, 'phase': phase, 'trace': learner.trace, 'more': (learner.baseline, bins)}
    t = resume(checkpoint, live, rng, state)
    with progress(total, f'{p.member} training', unit='step', unit_scale=True, initial=t) as bar:
        while t < total and state['diverged_at'] < 0:
            if t % stimulus.steps == 0:
                start_episode(act, learner, rule)
            if t % every == 0:
                take_snapshot(net, phase, t, state)
            end = min(t + noise.block, total, (t // stimulus.steps + 1) * stimulus.steps, (t // every + 1) * every)
            loss, latent = np.empty((end - t, 3)), np.empty((0, 0))
            X = stimulus.block(t % stimulus.steps, t % stimulus.steps + end - t)
            run_kernel(net, act, phase, learner, X, *noise.draw(end - t), *sigmas, rule,
                       rule.algorithm != REINFORCE_WAKE, loss, latent)
            lost = np.flatnonzero(~np.isfinite(loss).all(axis=1))
            if lost.size:
                state['diverged_at'] = t + int(lost[0])
                loss = loss[:lost[0]]
            np.add.at(bins, np.arange(t, t + len(loss)) // p.loss_every, loss)
            bar.update(end - t)
            t = end
            checkpoint.offer(frozen, t, live, rng, state)
    if state['diverged_at'] < 0 and not all(np.isfinite(array).all() for array in net):
        state['diverged_at'] = total - 1
    return state | {'phase': phase, 'train_loss': bin_means(bins, state['diverged_at'], total, p.loss_every)}


def p_sigmas(p):
    """(sigma_rec, sigma_gen) as arrays for the kernel."""
    return tuple(np.array(s) for s in p.sigmas)


def start_episode(act, learner, rule):
    """Reset of the activities, and of REINFORCE's traces (released, Q5: not of the traces)."""
    act.h[:] = 0.0
    if rule.algorithm == REINFORCE and rule.trace_reset:
        for trace in learner.trace[1:]:
            trace[:] = 0.0


def take_snapshot(net, phase, t, state):
    """Keep the weights before step t."""
    for name, value in network.to_arrays(net).items():
        state['snapshots'].setdefault(name, []).append(value)
    state['snapshot_steps'].append(t)
    state['snapshot_k'].append(int(phase.k[0]))


def bin_means(bins, diverged_at, total, every):
    """Means from sums over blocks of `every` steps; nan after a divergence."""
    done = diverged_at if diverged_at >= 0 else total
    counts = np.clip(done - np.arange(len(bins)) * every, 0, every)[:, None]
    return np.where(counts > 0, bins / np.maximum(counts, 1), np.nan)


def frozen(t, live, rng, state):
    """(meta, arrays) of an unfinished training, for a checkpoint."""
    arrays = {f'{group}_{i}': array for group, members in live.items() for i, array in enumerate(members)}
    arrays |= {f'snapshot_{name}': np.array(value) for name, value in state['snapshots'].items()}
    meta = {name: state[name] for name in ('snapshot_steps', 'snapshot_k', 'diverged_at')}
    return meta | {'t': t, 'rng': rng_state(rng)}, arrays


def resume(checkpoint, live, rng, state):
    """Put everything back to the checkpoint's state; returns the step to go on from (0 without one)."""
    saved = checkpoint.resume()
    if saved is None:
        return 0
    meta, arrays = saved
    for group, members in live.items():
        for i, array in enumerate(members):
            array[...] = arrays[f'{group}_{i}']
    state |= {name: meta[name] for name in ('snapshot_steps', 'snapshot_k', 'diverged_at')}
    state['snapshots'] = {name[9:]: list(value) for name, value in arrays.items() if name.startswith('snapshot_')}
    restore_rng(rng, meta['rng'])
    return meta['t']


# ---------------------------------------------------------------- tests

def snapshot_tests(p, trained, test_data, streams):
    """Test loss of each snapshot (Figs. 1, 2d, 3b, 4b)."""
    noise = network.Noise(p, streams.tests)
    X = test_data.block(0, test_data.steps)
    parts = []
    with progress(len(trained['snapshot_steps']), f'{p.member} tests') as bar:
        for i in range(bar.total):
            parts.append(snr.test_snapshot(p, trained, i, X, noise))
            bar.update()
    return snr.as_losses(parts)


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
    steps = p.gen_steps or len(X)
    noise = network.Noise(p, streams.tests)
    k = int(trained['phase'].k[0]) if p.carry_over else 0
    found = []
    for _ in range(p.gen_sim_num):
        _, latent = network.advance(net, p_sigmas(p), network.rule_of(p), noise, X[np.arange(steps) % len(X)],
                                    network.phase(0, k), network.activity(net), switching=False, keep=True)
        found.append(latent)
    return found


def wake_and_alternating(p, net, trained, X, streams):
    """[(loss, latent) of a pure-wake run, the same of an alternating run], both with the same noise."""
    k, counter = (int(trained['phase'].k[0]), int(trained['phase'].counter[0])) if p.carry_over else (0, 0)
    found = []
    for state, switching in ((network.phase(1, k), False), (network.phase(1, k, counter), True)):
        noise = network.Noise(p, data.restarted(streams.sequence_seed, p.rng))
        found.append(network.advance(net, p_sigmas(p), network.rule_of(p), noise, X, state, network.activity(net), switching,
                                     keep=True))
    return found


if __name__ == '__main__':
    main('impression_learning')
