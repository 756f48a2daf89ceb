"""The three-factor rule of task_plasticity on the estimation task, ten neurons: its updates and the gradient of the reward."""
import numpy as np

from common.checkpoint import Checkpoint
from common.kernel import kernel
from common.params import load_params
from task_plasticity import exp_params, model, network, simulation, tasks

TINY = 1e-9                             # learning rate at which the weights stay while the rule's updates add up


@kernel
def reward_gradient(net, rates, s, y, first, p):
    """Gradient of the sum of rewards -|y - D r|^2 from step `first` on over (W, C, b), [pre, post], by going back in time.

    rates (n, N) after bounds, s (n, I), y (n, K); p: Settings. dr = -g(r) / R + W r + C s + b, see equations.py (3), (4), (7).
    """
    N, W, C, b = rates.shape[1], np.zeros_like(net.W), np.zeros_like(net.C), np.zeros_like(net.b)
    back, gain = np.zeros(N), np.zeros(N)          # d(sum of rewards from t on) / d rates[t], and / d drive in step t
    for t in range(len(rates) - 1, 0, -1):
        for k in range(y.shape[1] if t >= first else 0):
            error = y[t, k]
            for i in range(N):
                error -= net.D[k, i] * rates[t, i]
            for i in range(N):
                back[i] += 2 * error * net.D[k, i]
        for i in range(N):
            gain[i] = p.dt * back[i] if p.low < rates[t, i] < p.high else 0.0
            b[i] += gain[i]
        for k in range(s.shape[1]):
            for i in range(N):
                C[k, i] += gain[i] * s[t - 1, k]
        for j in range(N):
            back[j] = gain[j] * (1 / p.dt - 1 / (p.R * p.beta * p.gamma * (1 - np.exp(-rates[t - 1, j] / p.beta))))
            for i in range(N):
                W[j, i] += gain[i] * rates[t - 1, j]
                back[j] += net.W[j, i] * gain[i]
    return W, C, b


def setting(p, **more):
    """Params of the small network."""
    return load_params(exp_params, mode='estimation', N=10, seed=p.seed, symmetric_init=True, test_num=0, **more)


def gradient(q, net, xi, theta):
    """Gradient (D,) of the sum of rewards in one trial, after the transient."""
    phi, first = model.preferred_angles(q.input_dim), round(q.transient / q.dt)
    s = np.maximum(0, np.cos(theta[:, None] - phi))
    return reward_gradient(net, rates_of(q, net, xi, theta), s, tasks.targets(q, theta), first, network.settings(q))


def ascend(q, net, trial, rate):
    """One step of gradient ascent on the mean reward of a trial, decoder included, in place. -> that mean reward before it"""
    rates, y, first = rates_of(q, net, *trial), tasks.targets(q, trial[1]), round(q.transient / q.dt)
    error, n = (y - rates @ net.D.T)[first:], len(y) - first
    for part, change in zip(net, (*gradient(q, net, *trial), 2 * error.T @ rates[first:]), strict=True):
        part += rate * change / n
    return -(error ** 2).sum(axis=1).mean()


def rates_of(q, net, xi, theta):
    """Rates (n, N) of a trial without learning."""
    settings = network.settings(q, learning=False)
    return simulation.one_trial(q, net, settings, theta, xi, np.empty((0, 0)), model.preferred_angles(q.input_dim))[0][:, :q.N]


def joined(W, C, b):
    """One array (D,)."""
    return np.concatenate([W.ravel(), C.ravel(), b])


def updates(q, net, some, unit=100):
    """What the rule would add to W, C, b, without decay, in every time constant (`unit` steps) after the transient."""
    settings = network.settings(q)._replace(eta_W=TINY, eta_b=TINY, eta_C=TINY, decay_W=0.0, decay_b=0.0, decay_C=0.0,
                                            learn_decoder=False)
    phi, record = model.preferred_angles(q.input_dim), np.zeros((q.n_steps, q.N + q.n_outputs + 1))
    for xi, theta in some:
        moved, y = network.Network(*(part.copy() for part in net)), tasks.targets(q, theta)
        means, r, last = network.means(moved), np.full(q.N, 0.1), joined(*moved[:3])
        for a in range(1, q.n_steps - unit, unit):
            model.run(moved, means, r, theta, y, xi, np.empty((0, 0)), phi, a, a + unit, settings, record, q.record_res)
            now = joined(*moved[:3])
            if a * q.dt > q.transient:
                yield (now - last) / TINY
            last = now


def estimation(p, rng):
    """W, C, b of a network with symmetric W (as the derivation asks); a sample is one time constant. Objective: mean reward.

    Untrained: the circuit is, its decoder D is the one that fits best.
    """
    n = max(1, round(4 * p.length))
    q = setting(p, record_res=1, trial_num_2=max(1, round(25 * p.length)))
    net = network.initial(q, rng, rng)
    some = [simulation.training_noise(q, rng)[::2] for _ in range(n)]
    y = np.concatenate([tasks.targets(q, theta) for _, theta in some])
    net.D[:] = np.linalg.lstsq(np.concatenate([rates_of(q, net, *one) for one in some]), y, rcond=None)[0].T
    for trained in (False, True):
        if trained:
            simulation.train(q, net, rng, Checkpoint())
        yield sum(joined(*gradient(q, net, *one)) for one in some), updates(q, net, some)
