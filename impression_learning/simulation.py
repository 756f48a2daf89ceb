"""Run impression learning: edit exp_params.py and run this file, or

    python -m impression_learning.simulation mode=SNR seed=1          one run
    python -m impression_learning.simulation mode=switch_period array_num=0     all members of the sweep

`run` is pure: parameters in, arrays out. Protocols of specification 5.
"""
import copy

import numpy as np

from common import Checkpoint, main, progress, restore_rng, rng_state
from impression_learning import analysis, data, network
from impression_learning.learning import compare, run as run_kernel
from impression_learning.model import REINFORCE, REINFORCE_WAKE

N_SNAPSHOTS = 20


def run(p, checkpoint=None):
    """One run with parameters p (exp_params.Params). -> dict of arrays; names as in the README, "What a result holds"."""
    if p.algorithm == 'backprop':
        from impression_learning import backprop
        return backprop.run(p, checkpoint)
    checkpoint = checkpoint or Checkpoint()
    streams = data.streams(p)
    train_data, test_data, out = data.stimuli(p, streams)
    net = network.initial(p.sizes, streams.weights)
    trained = train(p, net, train_data, streams, checkpoint)
    out |= {name: trained[name] for name in ('train_loss', 'diverged_at', 'snapshot_steps')}
    out |= {f'initial_{name}': value[0] for name, value in trained['snapshots'].items()}
    out |= {f'final_{name}': value for name, value in network.to_arrays(net).items()}
    if trained['diverged_at'] < 0:
        follow_up = signal_to_noise if p.mode == 'SNR' else snapshot_tests
        out |= follow_up(p, net, trained, train_data, test_data, streams, checkpoint)
        if p.mode != 'SNR':
            out |= sequences(p, net, trained, test_data, streams)
    if p.mode != 'lr_optim':
        out |= {f'snapshot_{name}': np.array(value) for name, value in trained['snapshots'].items()}
    return out


# ---------------------------------------------------------------- training

def train(p, net, stimulus, streams, checkpoint):
    """Train net in place. -> snapshots {name: list}, their steps, k at each, the final phase state, train_loss (n, 3)."""
    sigmas, rule = tuple(np.array(s) for s in p.sigmas), network.rule_of(p)
    both = p.rng == 'legacy' or rule.both_paths
    noise = network.Noise(streams.training, int(net.n.sum()), both)
    act, phase, learner = network.activity(net), network.phase(), network.learner(net)
    steps, total = stimulus.steps, stimulus.steps * p.epoch_num
    every = max(1, total // N_SNAPSHOTS)
    bins = np.zeros((-(-total // p.loss_every), 3))
    state = {'snapshots': {}, 'snapshot_steps': [], 'snapshot_k': [], 'diverged_at': -1}
    t = resume(checkpoint, 'training', net, act, phase, learner, streams.training, bins, state)
    switching = rule.algorithm != REINFORCE_WAKE
    with progress(total, f'{p.member} training', unit='step', unit_scale=True, initial=t) as bar:
        while t < total and state['diverged_at'] < 0:
            if t % steps == 0:
                act.h[:] = 0.0
                if rule.algorithm == REINFORCE and rule.trace_reset:
                    for trace in learner.trace[1:]:
                        trace[:] = 0.0
            if t % every == 0:
                take_snapshot(net, phase, t, state)
            end = min(t + noise.block, total, (t // steps + 1) * steps, (t // every + 1) * every)
            loss, latent = np.empty((end - t, 3)), np.empty((0, 0))
            X = stimulus.block(t % steps, t % steps + end - t)
            run_kernel(net, act, phase, learner, X, noise.draw(end - t), *sigmas, rule, switching, loss, latent)
            if not np.isfinite(loss).all():
                state['diverged_at'] = t + int(np.argmin(np.isfinite(loss).all(axis=1)))
                loss = loss[:state['diverged_at'] - t]
            np.add.at(bins, np.arange(t, t + len(loss)) // p.loss_every, loss)
            bar.update(end - t)
            t = end
            checkpoint.offer(lambda: frozen('training', t, net, act, phase, learner, streams.training, bins, state))
    if state['diverged_at'] < 0 and not all(np.isfinite(array).all() for array in net):
        state['diverged_at'] = total - 1
    done = state['diverged_at'] if state['diverged_at'] >= 0 else total
    counts = np.clip(done - np.arange(len(bins)) * p.loss_every, 0, p.loss_every)[:, None]
    train_loss = np.where(counts > 0, bins / np.maximum(counts, 1), np.nan)
    return state | {'phase': phase, 'train_loss': train_loss, 'snapshot_steps': np.array(state['snapshot_steps'])}


def take_snapshot(net, phase, t, state):
    """Keep the weights before step t."""
    for name, value in network.to_arrays(net).items():
        state['snapshots'].setdefault(name, []).append(value)
    state['snapshot_steps'].append(t)
    state['snapshot_k'].append(int(phase.k[0]))


def frozen(stage, t, net, act, phase, learner, rng, bins, state):
    """(meta, arrays) of an unfinished training, for a checkpoint."""
    arrays = {f'net{i}': a for i, a in enumerate(net)} | {f'act{i}': a for i, a in enumerate(act)}
    arrays |= {f'phase{i}': a for i, a in enumerate(phase)} | {f'trace{i}': a for i, a in enumerate(learner.trace)}
    arrays |= {f'snapshot_{name}': np.array(value) for name, value in state['snapshots'].items()}
    arrays |= {'baseline': learner.baseline, 'bins': bins}
    meta = {name: state[name] for name in ('snapshot_steps', 'snapshot_k', 'diverged_at')}
    return meta | {'stage': stage, 't': t, 'rng': rng_state(rng)}, arrays


def resume(checkpoint, stage, net, act, phase, learner, rng, bins, state):
    """Put everything back to the checkpoint's state; returns the step to go on from (0 without one)."""
    saved = checkpoint.resume()
    if saved is None or saved[0]['stage'] != stage:
        return 0
    meta, arrays = saved
    for prefix, group in (('net', net), ('act', act), ('phase', phase), ('trace', learner.trace)):
        for i, array in enumerate(group):
            array[...] = arrays[f'{prefix}{i}']
    learner.baseline[:], bins[:] = arrays['baseline'], arrays['bins']
    state |= {name: meta[name] for name in ('snapshot_steps', 'snapshot_k', 'diverged_at')}
    state['snapshots'] = {name[9:]: list(value) for name, value in arrays.items() if name.startswith('snapshot_')}
    restore_rng(rng, meta['rng'])
    return meta['t']


# ---------------------------------------------------------------- tests

def snapshot_net(trained, i):
    """The network of snapshot i."""
    return network.from_arrays({name: value[i] for name, value in trained['snapshots'].items()})


def test_snapshot(p, trained, i, X, noise):
    """Mean loss parts (3,) of snapshot i on the test stimulus, starting in wake with a fresh phase counter."""
    net = snapshot_net(trained, i)
    sigmas = tuple(np.array(s) for s in p.sigmas)
    phase = network.phase(k=trained['snapshot_k'][i] if p.carry_over else 0)
    loss, _ = network.advance(net, sigmas, network.rule_of(p), noise, X, phase, network.activity(net), p.test_switching)
    return loss.mean(axis=0)


def as_losses(parts):
    """Named arrays from mean loss parts (n, 3): loss_mean is their sum (the published curve)."""
    parts = np.array(parts)
    return {'loss_mean': parts.sum(axis=1), 'loss_wake': parts[:, 0], 'loss_sleep_rec': parts[:, 1],
            'loss_sleep_stim': parts[:, 2]}


def snapshot_tests(p, net, trained, train_data, test_data, streams, checkpoint):
    """Test loss of each snapshot (Figs. 1, 2d, 3b, 4b)."""
    noise = test_noise(p, net, streams.tests)
    X = test_data.block(0, test_data.steps)
    with progress(len(trained['snapshot_steps']), f'{p.member} tests') as bar:
        parts = [test_snapshot(p, trained, i, X, noise) for i in range(bar.total) if bar.update() or True]
    return as_losses(parts)


def test_noise(p, net, rng):
    """Noise for runs without learning (both pathways' sets only where a legacy stream draws them)."""
    return network.Noise(rng, int(net.n.sum()), p.rng == 'legacy')


def sequences(p, net, trained, test_data, streams):
    """Free generation, pure wake and alternating runs of the final network over the test set, and what is read off them."""
    sigmas, rule = tuple(np.array(s) for s in p.sigmas), network.rule_of(p)
    k, counter = (int(trained['phase'].k[0]), int(trained['phase'].counter[0])) if p.carry_over else (0, 0)
    X = test_data.block(0, test_data.steps)
    X_gen = X if p.gen_steps == 0 else X[np.arange(p.gen_steps) % len(X)]
    generator = test_noise(p, net, streams.tests)
    generated = [network.advance(net, sigmas, rule, generator, X_gen, network.phase(0, k), network.activity(net), False, True)[1]
                 for _ in range(p.gen_sim_num)]
    runs = {}
    for name, state, switching in (('wake', network.phase(1, k), False), ('wake_sleep', network.phase(1, k, counter), True)):
        noise = test_noise(p, net, data.restarted(streams.sequence_seed, p.rng))
        runs[name] = network.advance(net, sigmas, rule, noise, X, state, network.activity(net), switching, True)
    (loss_w, wake), (loss_ws, alternating) = runs['wake'], runs['wake_sleep']
    W_out = network.to_arrays(net)['l0_W_out']
    n_1 = int(net.n[1])
    out = {'wake_loss': loss_w.sum(axis=1).mean(), 'wake_sleep_loss': loss_ws.sum(axis=1).mean(),
           'R2': analysis.explained_variance(X, wake[:, :n_1] @ W_out.T), 'rms': np.sqrt(((X - wake[:, :n_1] @ W_out.T) ** 2).mean()),
           'R2_grand_mean': analysis.explained_variance(X, wake[:, :n_1] @ W_out.T, False),
           'wake_sleep_correlation': analysis.correlation(wake, alternating),
           'correlation_matrix_cosine': analysis.correlation_matrix_cosine(X, np.concatenate(generated)[:, :n_1] @ W_out.T),
           'generated_sd': np.concatenate(generated)[:, :n_1].std(), 'wake_sd': wake[:, :n_1].std()}
    if p.save_sequences:
        out |= {'wake_sequence': wake, 'wake_sleep_sequence': alternating, 'gen_sim': np.array(generated)}
        if p.data == 'ou':
            out['data_latent_test'] = test_data.latent(0, test_data.steps)
        else:
            out['data_test'] = X.astype(np.float32)
    return out


# ---------------------------------------------------------------- signal to noise ratio of the updates

def variants(p):
    """{name: Rule}: impression learning and REINFORCE as corrected, with the fantasy-stimulus term, and as released."""
    rule = network.rule_of(p)._replace(trace_decay=1.0, both_paths=False)
    paper = rule._replace(squared_loss=True, gain=-0.5, trace_reset=True, baseline_kind=0, stimulus_term=False)
    rules = {'il': paper._replace(gain=0.0), 'corrected': paper, 'stimulus_term': paper._replace(stimulus_term=True),
             'released': rule._replace(squared_loss=False, gain=1.0, trace_reset=False, baseline_kind=1, stimulus_term=True)}
    compared = ('squared_loss', 'gain', 'trace_reset', 'baseline_kind', 'stimulus_term', 'loss_decay')
    if not any(all(getattr(rule, f) == getattr(other, f) for f in compared) for other in rules.values()):
        rules['own'] = rule
    return rules


def signal_to_noise(p, net, trained, train_data, test_data, streams, checkpoint):
    """Snapshot tests, and mean, variance and SNR = mean^2 / variance of the W_in updates of each rule (Fig. 2a-c).

    All snapshots and rules see the same repeated sequence and the same noise (as in the released program, which seeds
    anew before each comparison); the loop over blocks of noise is therefore the outer one.
    """
    noise = test_noise(p, net, streams.tests)
    X = test_data.block(0, test_data.steps)
    if p.rng == 'legacy':                                      # a wake-only test of the final network, result unused
        network.Noise(streams.tests, int(net.n.sum()), True).draw(test_data.steps)
    sequence = data.OU(streams.comparison, data_C(train_data), p.n_compare, short_sequence(p), p.rng == 'legacy')
    x = sequence.block(0, p.n_compare)
    if p.rng == 'legacy':
        data.discard(streams.comparison, p.n_in * p.n_compare)
    snapshots = range(len(trained['snapshot_steps']))
    parts = [test_snapshot(p, trained, 0, X, noise)]
    statistics, rng = compare_updates(p, trained, x, streams, checkpoint)
    for i in snapshots[1:]:                                    # legacy: each test follows a comparison seeded anew (D14)
        again = test_noise(p, net, copy.deepcopy(rng)) if p.rng == 'legacy' else noise
        parts.append(test_snapshot(p, trained, i, X, again))
    return as_losses(parts) | statistics | {'compare_sequence': x}


def data_C(stimulus):
    """Mixing matrix of the stimulus; the comparison of updates is defined for the simulated one."""
    if not isinstance(stimulus, data.OU):
        raise ValueError("mode=SNR compares updates on the simulated stimulus: data='ou'")
    return stimulus.C


def short_sequence(p):
    """Parameters of the repeated sequence: it starts with component 0 only in every setting (specification Q1)."""
    return copy.copy(p).__class__(**{**vars(p), 'first_sample': 'first_component'})


def compare_updates(p, trained, x, streams, checkpoint):
    """Sums over episodes for all snapshots. -> ({mean_, var_, snr_<rule>, cosine_<rule>, norm_<rule>}, the noise's end state)"""
    rules, sigmas = variants(p), tuple(np.array(s) for s in p.sigmas)
    nets = [snapshot_net(trained, i) for i in range(len(trained['snapshot_steps']))]
    rng = data.restarted(120994, 'legacy') if p.rng == 'legacy' else streams.comparison
    noise = network.Noise(rng, int(nets[0].n.sum()), p.rng == 'legacy')
    shape = (len(rules),) + nets[0].W_in.shape
    states = [[np.zeros(shape), np.zeros((len(rules), 2)), np.zeros(shape), np.zeros(shape)] for _ in nets]
    phases, acts, work = [network.phase() for _ in nets], network.activity(nets[0]), network.empty(p.sizes)
    episodes = max(1, round(p.epoch_num_snr * p.scale))
    at_once, done = max(1, noise.block // p.n_compare), 0
    saved = checkpoint.resume()
    if saved and saved[0]['stage'] == 'comparison':
        done = saved[0]['done']
        restore_rng(rng, saved[0]['rng'])
        for j, phase in enumerate(phases):
            states[j] = [saved[1][f'state{i}'][j] for i in range(4)]
            for i, array in enumerate(phase):
                array[:] = saved[1][f'phase{i}'][j]

    def frozen_comparison():
        arrays = {f'state{i}': np.array([s[i] for s in states]) for i in range(4)}
        arrays |= {f'phase{i}': np.array([phase[i] for phase in phases]) for i in range(3)}
        return {'stage': 'comparison', 'done': done, 'rng': rng_state(rng)}, arrays

    with progress(episodes, f'{p.member} comparison', unit='episode', unit_scale=True, initial=done) as bar:
        while done < episodes:
            n = min(at_once, episodes - done)
            eps = noise.draw(n * p.n_compare)
            for net, phase, state in zip(nets, phases, states, strict=True):
                compare(net, acts, phase, x, eps, *sigmas, tuple(rules.values()), work, *state)
            done += n
            bar.update(n)
            checkpoint.offer(frozen_comparison)
    return update_statistics(p, rules, states, episodes * p.n_compare), rng


def update_statistics(p, rules, states, steps):
    """Per rule: mean, variance, SNR of the layer-1 W_in update (n_snapshot, n_1, n_0), cosine with impression learning."""
    out = {}
    means = np.array([state[2] for state in states])[:, :, 1, :p.n_in, :p.n_neurons].swapaxes(2, 3) / steps
    seconds = np.array([state[3] for state in states])[:, :, 1, :p.n_in, :p.n_neurons].swapaxes(2, 3) / steps
    for v, name in enumerate(rules):
        mean, variance = means[:, v], seconds[:, v] - means[:, v] ** 2
        out |= {f'mean_{name}': mean, f'var_{name}': variance, f'snr_{name}': mean ** 2 / variance,
                f'cosine_{name}': np.array([analysis.cosine(a, b) for a, b in zip(mean, means[:, 0], strict=True)])}
    return out


if __name__ == '__main__':
    main('impression_learning')
