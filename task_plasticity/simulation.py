"""Run one experiment: edit exp_params.py and run this file, or

    python -m task_plasticity.simulation mode=categorisation seed=1

Protocol: test the initial network, train it on the wandering stimulus, test it again; a loaded network is
tested only. `run` is pure: parameters in, arrays out.
"""
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.checkpoint import Checkpoint, restore_rng, rng_state
from common.running import progress
from common.script import main
from task_plasticity import model, network, tasks

TEST_SIGMAS = (0.05, 0.1, 0.2, 0.4)      # noise_sweep: each network is tested at each
LARGE = 1e6                              # targets are of size 1 and rates at least 0.001: larger weights have blown up


class Streams(NamedTuple):
    """Generators by purpose; legacy: one RandomState for all but the decoder, in the released order of draws."""
    decoder: object
    weights: object
    test_1: object
    training: object
    test_2: object


def streams(p):
    """The random streams of run p."""
    if p.rng == 'legacy':
        one = np.random.RandomState(p.seed)
        return Streams(np.random.RandomState(p.seed), one, one, one, one)
    return Streams(*(np.random.default_rng(child) for child in np.random.SeedSequence(p.seed).spawn(5)))


def run(p, checkpoint=None):
    """One experiment with parameters p (exp_params.Params). -> dict of arrays (README, "What a result holds")."""
    checkpoint = checkpoint or Checkpoint()
    rngs, out = streams(p), {'diverged_at': -1}
    if p.network_load:
        net, before = network.stored(p)
        if before is not None:
            out |= network.to_arrays(before, '_initial')
    else:
        net = network.initial(p, rngs.weights, rngs.decoder)
        out |= network.to_arrays(net, '_initial')
        if p.test_num:
            out |= tested(p, net, rngs.test_1, '')
            if p.rng == 'legacy':              # PCA of test 1 with a randomised SVD (D30)
                rngs.test_1.standard_normal((p.N, 20))
        if p.trial_num_2:
            out |= train(p, net, rngs.training, checkpoint)
    out |= network.to_arrays(net)
    if p.test_num and out['diverged_at'] < 0:
        out |= tested(p, net, rngs.test_2, '_2')
        if p.mode == 'noise_sweep':
            for sigma in TEST_SIGMAS:
                out |= tested(p, net, rngs.test_2, f'_sigma_{sigma}', sigma, min(24, p.test_num))
    return out


# ---------------------------------------------------------------- training

def noise(p, rng):
    """(xi (n, N) intrinsic, nu (n, I) on the inputs or (0, 0)) of one trial; legacy: drawn as released, (N, n) and (I, n)."""
    n, shape = p.n_steps, (p.n_steps, p.input_dim)
    if p.rng == 'legacy':
        xi = np.ascontiguousarray(rng.normal(0, np.sqrt(p.dt), (p.N, n)).T)
        nu = rng.normal(0, p.input_noise_sigma, shape[::-1]).T.copy() if p.input_noise else np.empty((0, 0))
    else:
        xi = rng.standard_normal((n, p.N)) * np.sqrt(p.dt)
        nu = rng.standard_normal(shape) * p.input_noise_sigma if p.input_noise else np.empty((0, 0))
    return xi, nu


def training_noise(p, rng):
    """(xi (n, N), nu (n, I) or (0, 0), theta (n,)) of one trial, drawn in the released order and shapes."""
    xi, nu = noise(p, rng)
    theta_0 = rng.vonmises(p.mu_in, p.kappa_in, (1,))
    zeta = rng.normal(0, np.sqrt(p.dt), (1, p.n_steps))
    kappa = p.kappa_in / 2 if p.exact_prior else p.kappa_in
    return xi, nu, model.wander(theta_0[0], zeta[0], kappa, p.mu_in, p.sigma_sampler, p.dt)


def train(p, net, rng, checkpoint):
    """Training session 2, in place. -> obj_record_2, o_record_2, th_record_2 (float32), objective_2: mean reward a trial."""
    kept = range(0, p.trial_num_2, p.record_period)
    shape = (len(kept), -(-p.n_steps // p.record_res))
    out = {'obj_record_2': np.zeros(shape, np.float32), 'th_record_2': np.zeros((shape[0], 1, shape[1]), np.float32),
           'o_record_2': np.zeros((shape[0], p.n_outputs, shape[1]), np.float32),
           'objective_2': np.full(p.trial_num_2, np.nan)}
    phi, trial, last, diverged_at = model.preferred_angles(p.input_dim), 0, 0.0, -1
    saved = checkpoint.resume()
    if saved:
        trial, last = saved[0]['trial'], saved[0]['last']
        restore_rng(rng, saved[0]['rng'])
        for name, array in (*out.items(), *net._asdict().items()):
            array[...] = saved[1][name]
    with progress(p.trial_num_2, f'{p.member} training', unit='trial', initial=trial) as bar:
        while trial < p.trial_num_2 and diverged_at < 0:
            xi, nu, theta = training_noise(p, rng)
            record, end = one_trial(p, net, network.settings(p, trial), theta, xi, nu, phi, last)
            bad = np.flatnonzero(~np.isfinite(record).all(axis=1))
            if bad.size or not all((np.abs(array) < LARGE).all() for array in net):
                diverged_at = trial * p.n_steps + (int(bad[0]) * p.record_res if bad.size else p.n_steps - 1)
                break
            last = end
            after = np.arange(len(record)) * p.record_res * p.dt >= p.transient
            out['objective_2'][trial] = record[after, -1].mean()
            if trial % p.record_period == 0:
                row = trial // p.record_period
                out['obj_record_2'][row], out['th_record_2'][row, 0] = record[:, -1], theta[::p.record_res]
                out['o_record_2'][row] = record[:, p.N:-1].T
            trial += 1
            bar.update()
            checkpoint.offer(frozen, trial, last, rng, out | net._asdict())
    return out | {'diverged_at': diverged_at}


def frozen(trial, last, rng, arrays):
    """(meta, arrays) of an unfinished training, for a checkpoint."""
    return {'trial': trial, 'last': last, 'rng': rng_state(rng)}, arrays


def one_trial(p, net, settings, theta, xi, nu, phi, last=0.0):
    """One trial from r = 0.1, all means zero. -> (record (n_records, N + K + 1), objective of its last step)

    Index 0 of the record: read-out and reward of the initial rates; as released (D8): o = 0, reward = `last`, that of the
    last step of the trial before.
    """
    record = np.zeros((-(-len(theta) // p.record_res), p.N + p.n_outputs + 1))
    r, y = np.full(p.N, 0.1), tasks.targets(p, theta)
    record[0, :p.N] = r
    if p.released_code:
        record[0, -1] = last
    else:
        model.first_record(net, r, y[0], settings, record)
    means = network.means(net)
    for a in range(1, len(theta), 50_000):     # pieces, so that Ctrl-C works
        last = model.run(net, means, r, theta, y, xi, nu, phi, a, min(len(theta), a + 50_000), settings, record, p.record_res)
    return record, float(last)


# ---------------------------------------------------------------- tests

def test_angles(p, rng, trials):
    """(trials, holds) held angles: preferred angles with equal probability, or from the prior."""
    shape = (trials, round(p.T / p.switch_period))
    phi = model.preferred_angles(p.input_dim)
    return rng.choice(phi, shape) if p.tuning else rng.vonmises(p.mu_in, p.kappa_in, shape)


def test(p, net, rng, sigma=None, trials=None):
    """Test session. -> {r, o, theta, target, objective: (trials, ., records)}, rates float32"""
    trials = trials or p.test_num
    sigma = sigma if sigma is not None else p.sigma if p.sigma_test < 0 else p.sigma_test
    settings, phi = network.settings(p, learning=False, sigma=sigma), model.preferred_angles(p.input_dim)
    angles, hold = test_angles(p, rng, trials), round(p.switch_period / p.dt)
    n, last = -(-p.n_steps // p.record_res), 0.0
    out = {'r': np.empty((trials, p.N, n), np.float32), 'o': np.empty((trials, p.n_outputs, n)),
           'theta': np.empty((trials, 1, n)), 'objective': np.empty((trials, n))}
    with progress(trials, f'{p.member} test', unit='trial') as bar:
        for m in range(trials):
            xi, nu = noise(p, rng)
            theta = np.repeat(angles[m], hold)
            record, last = one_trial(p, net, settings, theta, xi, nu, phi, last)
            out['r'][m], out['o'][m], out['objective'][m] = record[:, :p.N].T, record[:, p.N:-1].T, record[:, -1]
            out['theta'][m, 0] = theta[::p.record_res]
            bar.update()
    out['target'] = tasks.targets(p, out['theta'][:, 0]).transpose(0, 2, 1).copy()
    if p.released_code:
        out['target'][:, :, 0] = 0.0
    return out


def tested(p, net, rng, suffix, sigma=None, trials=None):
    """A test session, every rate_thinning-th record: {r_test, o_test, theta_test, target_test, obj_test + suffix}."""
    found = test(p, net, rng, sigma, trials)
    names = {'r': 'r', 'o': 'o', 'theta': 'theta', 'target': 'target', 'objective': 'obj'}
    return {f'{name}_test{suffix}': found[key][..., ::p.rate_thinning].copy() for key, name in names.items()}


if __name__ == '__main__':
    main('task_plasticity')
