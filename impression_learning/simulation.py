"""Run impression learning: edit exp_params.py and run this file, or

    python -m impression_learning.simulation mode=SNR seed=1                    one run
    python -m impression_learning.simulation mode=switch_period array_num=0     all members of the sweep

`run` is pure: parameters in, arrays out. Tests of the result are in evaluation.py, the SNR comparison in snr.py.
"""
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.checkpoint import Checkpoint, restore_rng, rng_state
from common.running import progress
from common.script import main
from impression_learning import data, evaluation, network, snr
from impression_learning.circuit import Circuit

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
    return (out | evaluation.snapshot_tests(p, trained, test_data, streams)
            | evaluation.sequences(p, net, trained, test_data, streams))


# ---------------------------------------------------------------- training

def train(p, net, stimulus, rng, checkpoint):
    """Train net in place, keeping about 20 snapshots and block means of the loss parts.

    -> {'snapshots': {name: list of arrays}, 'snapshot_steps', 'snapshot_k': lists, 'phase': final Phase,
        'train_loss' (n, 3), 'diverged_at': step or -1}
    """
    circuit = Circuit(p, net, rng, learn=True)
    total = stimulus.steps * p.epoch_num
    every = max(1, total // N_SNAPSHOTS)
    bins = np.zeros((-(-total // p.loss_every), 3))
    state = {'snapshots': {}, 'snapshot_steps': [], 'snapshot_k': [], 'diverged_at': -1}
    live = {'net': net, 'act': circuit.act, 'phase': circuit.phase, 'trace': circuit.learner.trace,
            'more': (circuit.learner.baseline, bins)}
    t = resume(checkpoint, live, rng, state)
    with progress(total, f'{p.member} training', unit='step', unit_scale=True, initial=t) as bar:
        while t < total and state['diverged_at'] < 0:
            if t % stimulus.steps == 0:
                circuit.start_episode()
            if t % every == 0:
                take_snapshot(net, circuit.phase, t, state)
            end = min(t + circuit.noise.block, total, (t // stimulus.steps + 1) * stimulus.steps, (t // every + 1) * every)
            loss, _ = circuit.advance(stimulus.block(t % stimulus.steps, t % stimulus.steps + end - t))
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
    return state | {'phase': circuit.phase, 'train_loss': bin_means(bins, state['diverged_at'], total, p.loss_every)}


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


if __name__ == '__main__':
    main('impression_learning')
