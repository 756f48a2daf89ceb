"""Is the three-factor rule the gradient of the expected reward? Measured, for any task:

    python -m task_plasticity.experiments_gradient objective=categorisation

A small network is held still. On one side the mean of what the rule would do to each parameter, over long trials; on the other
the change of the mean reward when that parameter is moved a little, with the same stimuli and the same noise. For symmetric W
the network samples from exp(-2 E(r, s) / sigma^2), so that gradient = 2 / sigma^2 times mean update for b and C, half of that
for W (W_ij and W_ji move together). The printed cosine is 1 if both point the same way; the slope is 1 if their lengths agree
(a little more is expected: the running mean follows some of the fluctuations, and the rule learns from the rest).

The network is small (N, input_dim and initial bias of DEFAULTS, whatever the task brings elsewhere), unless they are given.
"""
import dataclasses
import sys
import warnings
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.machine import demand_memory
from common.params import Remark, demand, load_params
from common.script import one_line
from common.words import command_words, help_text, split_words
from task_plasticity import exp_params, model, network, simulation, tasks

TINY = 1e-9                   # learning rate at which the parameters do not move while the rule's updates add up
MOVE = 1e-2                   # of the finite differences
DEFAULTS = {'mode': 'smoke', 'N': 5, 'input_dim': 5, 'T': 1000.0, 'transient': 20.0, 'switch_period': 200.0, 'record_res': 1,
            'initial_bias': 0.0, 'test_num': 0}
N_TRIALS = 4
IDLE = ('learning_rate learning_rate_bias learning_rate_input learning_rate_decoder lr_gain annealed weight_l2 bias_weight_l2 '
        'i_weight_l2 decoder_l2 decoder_fixed symmetric_init trial_num_2 test_num switch_period tuning sigma_test '
        'record_period rate_thinning released_code')        # nothing is learned or tested here, W is symmetric


def trials(p, n):
    """[(theta, xi), ...]: stimuli and noise of n trials, the same for every parameter."""
    rng = simulation.streams(p).training
    return [simulation.training_noise(p, rng)[::2] for _ in range(n)]


def still_network(p, some):
    """A random network with symmetric W and the linear decoder that fits the task best."""
    rngs = simulation.streams(p)
    net = network.initial(p, rngs.weights, rngs.decoder)
    net.W[:] = (net.W + net.W.T) / 2
    rates, y = [], []
    for xi, theta in some:
        record, _ = simulation.one_trial(p, net, network.settings(p, learning=False), theta, xi, np.empty((0, 0)), phi_of(p))
        rates.append(record[:, :p.N])
        y.append(tasks.targets(p, theta[::p.record_res]))
    y = np.concatenate(y)
    wanted = np.where(tasks.task_of(p.objective).logistic, 0.02 * (2 * y - 1), y)
    net.D[:] = np.linalg.lstsq(np.concatenate(rates), wanted, rcond=None)[0].T
    return net


def phi_of(p):
    """Preferred angles of the input."""
    return model.preferred_angles(p.input_dim)


def mean_reward(p, net, some):
    """Mean reward per record over trials, after the transient."""
    settings, first = network.settings(p, learning=False), round(p.transient / p.dt / p.record_res)
    return float(np.mean([simulation.one_trial(p, net, settings, theta, xi, np.empty((0, 0)), phi_of(p))[0][first:, -1].mean()
                          for xi, theta in some]))


def copied(net):
    """A network of its own."""
    return network.from_arrays(network.to_arrays(net))


def mean_update(p, net, some):
    """What the rule does to W, b, C in the mean over trials, without decay; W symmetrised. {name: array [post, pre]}"""
    settings = network.settings(p)._replace(eta_W=TINY, eta_b=TINY, eta_C=TINY, decay_W=0.0, decay_b=0.0, decay_C=0.0,
                                            learn_decoder=False)
    total = dict.fromkeys('WbC', 0.0)
    for xi, theta in some:
        moved = copied(net)
        simulation.one_trial(p, moved, settings, theta, xi, np.empty((0, 0)), phi_of(p))
        steps = int((np.arange(1, len(theta)) * p.dt > p.transient).sum())
        after, before = network.to_arrays(moved), network.to_arrays(net)
        total = {name: total[name] + (after[name] - before[name]) / TINY / steps / len(some) for name in total}
    return total | {'W': (total['W'] + total['W'].T) / 2}


def reward_gradient(p, net, some):
    """Central differences of the mean reward over W (both triangles together), b, C. {name: array [post, pre]}"""
    arrays, found = network.to_arrays(net), {}
    for name in 'WbC':
        found[name] = np.zeros_like(arrays[name])
        for index in np.ndindex(arrays[name].shape):
            if name == 'W' and index[0] > index[1]:
                continue
            places = {index, index[::-1]} if name == 'W' else {index}
            ends = []
            for sign in (1, -1):
                moved = {key: value.copy() for key, value in arrays.items()}
                for place in places:
                    moved[name][place] += sign * MOVE
                ends.append(mean_reward(p, network.from_arrays(moved), some))
            for place in places:                   # per single entry: half of what both together do
                found[name][place] = (ends[0] - ends[1]) / (2 * MOVE) / len(places)
    return found


def check(p, n_trials=N_TRIALS):
    """{'W', 'b', 'C': (cosine, slope)} of mean update and gradient."""
    some = trials(p, n_trials)
    net = still_network(p, some)
    rule, gradient = mean_update(p, net, some), reward_gradient(p, net, some)
    found = {}
    for name, update in rule.items():
        a, b = (1 if name == 'W' else 2) / p.sigma ** 2 * update.ravel(), gradient[name].ravel()
        found[name] = float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)), float(a @ b / (a @ a))
    return found


def main(words):
    """Command line: print cosine and slope for each kind of parameter."""
    if any(w in ('-h', '--help') for w in words):
        print(help_text(exp_params, 'task_plasticity.experiments_gradient', f'{__doc__}\nvalues unless given: {DEFAULTS}'))
        return
    asked = dict(split_words(words))
    idle = [name for name in asked if name in IDLE.split()]
    for name in idle:
        warnings.warn(Remark(f'{name} does nothing in this check'), stacklevel=2)
    words = [w for w in words if w.split('=')[0].strip() not in idle]
    p = load_params(exp_params, *words, **{name: x for name, x in DEFAULTS.items() if name not in asked or name in idle})
    demand(p.trial_num_2 > 0 and not (p.decoder_only or p.feedforward or p.input_noise or p.network_load or p.reward_baseline),
           'the check is about W, b and C of a random network without no_plasticity, decoder_only, feedforward, input_noise, '
           'network_load and reward_baseline')
    demand(p.T * N_TRIALS <= 1e6, f'T = {p.T:g}: at most {1e6 / N_TRIALS:g} in this check')
    demand_memory(dataclasses.replace(p, T=N_TRIALS * p.T))
    print(f'objective {p.objective}, sigma={p.sigma:g};', ', '.join(f'{name}={getattr(p, name)}' for name in DEFAULTS))
    for name, (cosine, slope) in check(p).items():
        print(f'{name}: cosine {cosine:.3f}, slope {slope:.2f}')


if __name__ == '__main__':
    with one_line('task_plasticity'):
        main(command_words('task_plasticity'))
