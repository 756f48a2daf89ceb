"""Impression learning: replay of runs of the released program, step by step (tests/reference/impression_learning)."""
import json
import os
import types
from pathlib import Path

import numpy as np
import pytest
from impression_learning_cases import check_gradients

from common.params import load_params
from impression_learning import backprop, circuit, data, evaluation, exp_params, network, preprocess_fsdd, sounds
from impression_learning.loops import compare, run
from impression_learning.model import ALGORITHMS, BASELINE_BEFORE, IMPRESSION, REINFORCE, REINFORCE_WAKE, TEST, Rule

REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', Path(__file__).parent / 'reference')) / 'impression_learning'
CASES = sorted(REFERENCE.glob('*.npz'))
RELEASED = dict(squared_loss=False, reinforce_gain=1.0, fantasy_score=False, trace_reset=False, baseline=BASELINE_BEFORE,
                switch_all_layers=True, stimulus_term=True, both_paths=True)
NEVER = np.zeros(0, bool)              # phases toggle after K + 1 steps, not at random


def legacy_noise(p, seed):
    """Both pathways' normals from one RandomState."""
    settings = types.SimpleNamespace(sizes=p['layer_sizes'], rng='legacy', alternation='deterministic', switch_period=1)
    return circuit.Noise(settings, np.random.RandomState(seed))


def close(ours, theirs, rtol=1e-9, atol=1e-12):
    """Equal shapes, and values within the reference's tolerance."""
    assert np.shape(ours) == np.shape(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


def rule_of(p, **changes):
    """The released rule of a case."""
    assert p['algorithm'] in ALGORITHMS, f'unknown algorithm {p["algorithm"]}'
    values = dict(algorithm=ALGORITHMS[p['algorithm']], learning_rate=p['learning_rate'],
                  recognition_scale=p.get('recognition_scale', 1.0), switch_period=p['switch_period'], **RELEASED)
    decays = {'trace_decay': p.get('decay'), 'loss_decay': p.get('loss_decay')}
    return Rule(**(values | {name: decay for name, decay in decays.items() if decay is not None} | changes))


def unit_noise(case, p):
    """Recorded noise as standard normals (T, 2 sum n): recognition from the bottom, generation from the top."""
    top = len(p['layer_sizes']) - 1
    if 'noise_rec_l0' not in case:                        # not recorded: the stream of its seed
        steps = p['steps_per_epoch'] * p.get('epochs', 1)
        return np.random.RandomState(p['noise_seed']).standard_normal((steps, 2 * sum(p['layer_sizes'])))
    parts = [case[f'noise_rec_l{l}'] / p['sigma_rec'][l] for l in range(top + 1)]
    return np.hstack(parts + [case[f'noise_gen_l{l}'] / p['sigma_gen'][l] for l in range(top, -1, -1)])


def compare_recorded(pairs, case, index, required=True, rtol=1e-9):
    """close() for each (key, our value) whose key the case has; at least one, if required."""
    compared = [close(ours, case[key] if index is None else case[key][index], rtol) for key, ours in pairs if key in case]
    assert compared or not required, f'none of {[key for key, _ in pairs]} is in the case'


def compare_weights(net, case, prefix, index=None, rtol=1e-9):
    """Weights of net against init_, final_, w_every_, snap_ arrays of a case."""
    pairs = [(f'{prefix}{name}_mat', np.diag(value)) if name.endswith('_transition') else (f'{prefix}{name}', value)
             for name, value in network.to_arrays(net).items()]
    compare_recorded(pairs, case, index, rtol=rtol)


def compare_updates(learner, before, case, t, rule, wake):
    """Updates, traces and baseline of one step. before: the traces after the step before, as arrays."""
    update, trace = network.to_arrays(learner.update), network.to_arrays(learner.trace)
    names = {'W_in': 'rec_l{}_0', 'bias': 'rec_l{}_1', 'W_out': 'gen_l{}_0', 'bias_gen': 'gen_l{}_1', 'transition': 'gen_l{}_0'}
    pairs = []
    for name, value in update.items():
        layer, parameter = int(name[1]), name.split('_', 1)[1]
        matrix = np.diag if parameter == 'transition' else np.asarray
        key = names[parameter].format(layer)
        idle = rule.algorithm == IMPRESSION and (parameter in ('W_in', 'bias')) == bool(wake)
        pairs.append((f'upd_{key}', matrix(np.zeros_like(value) if idle else value)))
        if rule.algorithm == REINFORCE:
            pairs.append((f'etr_{key}', matrix(trace[name])))
        elif rule.algorithm == REINFORCE_WAKE:            # recorded: E_t + E_{t-1}
            pairs.append((f'etr_{key}', matrix(trace[name] + before[name])))
    compare_recorded(pairs, case, t, rtol=1e-8)
    baseline = learner.baseline[0] if rule.algorithm == REINFORCE else 0.0
    compare_recorded([('loss_avg', baseline)], case, t, required=False)


def replay_train(case, p, **changes):
    """Whole run in the kernel, one step a call, compared with what is recorded of each step. -> (losses, latents)"""
    rule = rule_of(p, **changes)
    net, sigmas = network.from_arrays(case, 'init_'), (np.array(p['sigma_rec']), np.array(p['sigma_gen']))
    assert tuple(net.n) == tuple(p['layer_sizes'])
    act, learner = network.activity(net), network.learner(net)
    phase = network.phase(wake=int(p.get('starting_phase', 'wake') == 'wake'))
    eps, X = unit_noise(case, p), np.ascontiguousarray(case['X'].T)
    steps, released = p['steps_per_epoch'], not changes
    updates = p.get('n_updates_recorded') or 0 if any(name.startswith('upd_') for name in case) else 0
    every = p.get('weights_every') if any(name.startswith('w_every_') for name in case) else None
    losses, latents = [], []
    for t in range(steps * p.get('epochs', 1)):
        if t % steps == 0:
            act.h[:] = 0
        wake, k = int(phase.wake[0]), int(phase.k[0])
        before = network.to_arrays(learner.trace)
        loss, latent = np.empty((1, 3)), np.empty((1, sum(p['layer_sizes'][1:])))
        run(net, act, phase, learner, X[t % steps:t % steps + 1], eps[t:t + 1], NEVER, *sigmas, rule,
            rule.algorithm != REINFORCE_WAKE, loss, latent)
        losses.append(loss.sum())
        latents.append(latent[0])
        pairs = [('step_phase', wake), ('step_rec_switch', k)]
        for l, n in enumerate(p['layer_sizes']):
            found = {'h': act.h, 'h_rec': act.h_rec, 'h_gen': act.h_gen}
            found |= {'h_pred_rec': act.pred_rec, 'h_pred_gen': act.pred_gen} if l > 0 and released else {}
            pairs += [(f'step_{name}_l{l}', value[l, :n]) for name, value in found.items()]
        compare_recorded(pairs, case, t, required=False)
        if released and t < updates:
            compare_updates(learner, before, case, t, rule, wake)
        if every and (t + 1) % every == 0:
            compare_weights(net, case, 'w_every_', (t + 1) // every - 1, 1e-8)
    compare_weights(net, case, 'final_', rtol=1e-8)
    return np.array(losses), np.array(latents)


def check_train(case, p):
    losses, latents = replay_train(case, p)
    last = slice(-p['steps_per_epoch'], None)
    assert 'step_loss' in case or 'loss_last_epoch' in case
    for name, ours in (('step_loss', losses), ('loss_last_epoch', losses[last])):
        if name in case:
            close(ours, case[name], atol=1e-7)             # a sum of terms up to 1e5
    layers = [case[f'step_loss_l{l}'] for l in range(len(p['layer_sizes'])) if f'step_loss_l{l}' in case]
    if len(layers) == len(p['layer_sizes']):
        close(sum(layers), losses, atol=1e-7)
    if 'latent_last_epoch' in case:
        close(latents[last].T, case['latent_last_epoch'])
    if 'noise_seed' in p:
        stream = np.random.RandomState(p['noise_seed']).standard_normal((len(losses), 2 * sum(p['layer_sizes'])))
        close(stream, unit_noise(case, p))
    if p['algorithm'] == 'wake_sleep' and len(p['layer_sizes']) == 2 and 'step_phase' in case:
        check_paper_loss(case, p, losses)


def check_paper_loss(case, p, released):
    """Default mode has the same weights; its wake loss differs by [sum(eps) - sum(eps^2)] / sr^2 (Q2)."""
    losses, _ = replay_train(case, p, squared_loss=True, switch_all_layers=False)
    n_0, n_1 = p['layer_sizes']
    eps = p['sigma_rec'][1] * unit_noise(case, p)[:, n_0:n_0 + n_1]
    expected = np.where(case['step_phase'] == 1, (eps.sum(1) - (eps ** 2).sum(1)) / p['sigma_rec'][1] ** 2, 0.0)
    close(losses - released, expected, atol=1e-6)


def untrained_run(net, sigmas, rule, noise, X, phase, switching):
    """(loss (T, 3), latent (T, sum n_1..)) of a run without learning."""
    loss, latent = np.empty((len(X), 3)), np.empty((len(X), int(net.n[1:].sum())))
    run(net, network.activity(net), phase, network.learner(net), X, *noise.draw(len(X)), *sigmas, rule._replace(algorithm=TEST),
        switching, loss, latent)
    return loss, latent


def check_protocol(case, p):
    """Training, the tests of its 20 snapshots, generation, pure wake and alternating runs, on the legacy stream."""
    rule = rule_of(p, both_paths=p['algorithm'] == 'reinforce')
    net, sigmas = network.from_arrays(case, 'init_'), (np.array(p['sigma_rec']), np.array(p['sigma_gen']))
    noise = legacy_noise(p, p['noise_seed'])
    act, learner, phase = network.activity(net), network.learner(net), network.phase()
    X, X_test = (np.ascontiguousarray(case[name].T) for name in ('X_train', 'X_test'))
    total, snapshots = len(X) * p['epochs'], []
    every = max(1, total // 20)                           # 21 snapshots where 20 is no divisor
    for t in range(0, total, every):
        snapshots.append((network.copy(net), int(phase.k[0])))
        for s in range(t, min(t + every, total)):
            if s % len(X) == 0:
                act.h[:] = 0
            at = s % len(X)
            loss = np.empty((1, 3))
            run(net, act, phase, learner, X[at:at + 1], *noise.draw(1), *sigmas, rule, True, loss, np.empty((0, 0)))
            if s // len(X) == p['epochs'] - 1:
                close(loss.sum(), case['train_loss_last_epoch'][at], atol=1e-7)
    compare_weights(net, case, 'final_')
    close([k for _, k in snapshots], case['snapshot_rec_switch'])
    parts = []
    for i, (snapshot, k) in enumerate(snapshots):
        compare_weights(snapshot, case, 'snap_', i)
        loss, _ = untrained_run(snapshot, sigmas, rule, noise, X_test, network.phase(1, k), True)
        close(loss.sum(axis=1), case['test_loss'][i], atol=1e-7)
        parts.append(loss.mean(axis=0))
    close(evaluation.as_losses(parts)['loss_mean'], case['loss_mean'])
    k, counter = int(phase.k[0]), int(phase.counter[0])
    assert (k, counter) == (p['rec_switch_after_training'], p['switch_counter_after_training'])
    for name, state, switching in (('gen', network.phase(0, k), False), ('wake', network.phase(1, k), False),
                                   ('wake_sleep', network.phase(1, k, counter), True)):
        if name != 'gen':
            noise = legacy_noise(p, p['wake_seed'])
        loss, latent = untrained_run(net, sigmas, rule, noise, X_test, state, switching)
        close(loss.sum(axis=1), case[f'{name}_loss'], atol=1e-7)
        close(latent.T, case[f'{name}_latent'])


def check_snr(case, p):
    """Mean, variance and SNR of the layer-1 W_in update, impression learning and released REINFORCE."""
    net, sigmas = network.from_arrays(case, 'init_'), (np.array(p['sigma_rec']), np.array(p['sigma_gen']))
    decays = {'trace_decay': p['decay'], 'loss_decay': p['loss_decay']}
    reinforce = Rule(REINFORCE, switch_period=p['switch_period'], **decays, **RELEASED)
    rules = (reinforce._replace(algorithm=IMPRESSION, both_paths=False), reinforce)
    T, (n0, n1) = p['epochs'] * p['steps_per_epoch'], p['layer_sizes'][:2]
    eps = np.random.RandomState(p['noise_seed']).standard_normal((T, 2 * sum(p['layer_sizes'])))
    k = int(case.get('rec_switch_at_start_reinforce', 0))  # impression learning does not look at the loss, nor so at this k
    first, second = np.zeros((2, *net.W_in.shape)), np.zeros((2, *net.W_in.shape))
    compare(net, network.activity(net), network.phase(1, k), np.ascontiguousarray(case['X'].T), eps, NEVER, *sigmas, rules,
            (network.learner(net), network.learner(net)), first, second)
    for v, name in enumerate(('il', 'reinforce')):
        mean = first[v, 1].T[:n1, :n0] / T
        variance = second[v, 1].T[:n1, :n0] / T - mean ** 2
        close(mean, case[f'mean_{name}'], 1e-8)
        close(variance, case[f'var_{name}'], 1e-8)
        close(mean ** 2 / variance, case[f'snr_{name}'], 1e-8)
    il, reinforce = first[:, 1]
    cosine = (il * reinforce).sum() / np.sqrt((il ** 2).sum() * (reinforce ** 2).sum())
    close(cosine, case['cosine_il_reinforce'], 1e-8)


def check_data(case, p):
    """Mixing matrix, innovations, first-sample quirk, observations and the discarded noise, from the seed alone."""
    params = load_params(exp_params, mode='smoke', released_code=True, rng='legacy', seed=p['seed'], dt=p['dt'],
                         n_in=p['n_in'], n_latent=p['n_latent'], n_sample=p['T'])
    rng = np.random.RandomState(p['seed'])
    C = data.mixing_matrix(rng, p['n_in'], p['n_latent'])
    stimulus = data.OU(rng, C, p['T'], params, legacy=True)
    close(params.sigma_d, p['sigma_latent_data'])
    close(C, case['mixing_matrix'])
    close(stimulus.noise * params.sigma_d, case['latent_noise'])
    close(stimulus.latent(0, p['T']).T, case['latent'])
    close(stimulus.block(0, p['T']).T, case['X'])
    close(0.01 * rng.standard_normal(case['obs_noise_unused'].shape), case['obs_noise_unused'])


def check_backprop(case, p):
    """The autograd control (float32): training with its gradients, then the test that starts from the last latent."""
    state = backprop.new_state(case['init_W_in'], case['init_W_out'], case['init_D_r'], case['init_prev_latent'])
    state.phase[0] = int(p.get('starting_phase', 'wake') == 'wake')
    rounding = np.finfo('f').eps * np.abs(case['train_loss']).max()       # float32, and a difference of large terms
    constants = (p['sigma_latent_inf'], np.array([p['sigma_obs_gen'], p['sigma_obs_inf']]), p['sigma_latent_gen'],
                 p['generative_nonlinearity'] == 'linear')
    scales = [p['sigma_latent_gen'], p['sigma_obs_gen'], p['sigma_obs_inf'], p['sigma_latent_inf']]
    names = ['latent_noise_gen', 'obs_noise_gen', 'obs_noise_inf', 'latent_noise_inf']
    for run_name, X, rates in (('train', case['X'], (p['learning_rate_W'], p['learning_rate_D_r'])),
                               ('test', case['X_test'], (0.0, 0.0))):
        eps = np.hstack([case[f'{run_name}_{name}'] / scale for name, scale in zip(names, scales, strict=True)]).astype(float)
        state.phase[1] = 0                                # the step before a run counts as sleep
        for t, x in enumerate(X.T.astype(float)):
            loss, latent, phases = np.empty(1), np.empty((1, p['n_neurons'])), np.empty((1, 2), int)
            if run_name == 'test' and t == 0:
                assert state.phase[0] == (p['phase_at_test_start'] == 'wake')
            backprop.run_steps(state, x[None], eps[t:t + 1], *constants, *rates, p['switch_period'], run_name == 'train',
                               loss, latent, phases)
            np.testing.assert_allclose(loss[0], case[f'{run_name}_loss'][t], rtol=1e-4, atol=rounding)
            np.testing.assert_allclose(latent[0], case[f'{run_name}_latent'][:, t], atol=2e-5)
            if run_name == 'train':
                for name, once in (('loss', case['train_loss'][t]), ('latent', case['train_latent'][:, t]),
                                   ('s', x + case['train_obs_noise_inf'][t])):
                    if f'step_{name}' in case and (name != 's' or phases[0, 0]):           # in wake: the stimulus, with noise
                        np.testing.assert_allclose(case[f'step_{name}'][t], once, rtol=1e-5, atol=1e-6)
                assert tuple(phases[0]) == (case['step_lam'][t], case['step_k'][t])
                check_gradients(state, case, p, t)
    for name in ('W_in', 'W_out', 'D_r'):
        np.testing.assert_allclose(getattr(state, name).T, case[f'final_{name}'], atol=2e-5)


def check_mel(case, p):
    """Preprocessing of single recordings, dB within 1e-3."""
    for i, name in enumerate(p['files']):
        pcm, rate = case[f'pcm_{i}'], int(case[f'fs_{i}'])
        dB = sounds.spectrogram(pcm / np.float32(32768), rate)
        assert dB.shape == case[f'db_{i}'].shape, name
        np.testing.assert_allclose(dB, case[f'db_{i}'], atol=1e-3)
        if f'nsamples22050_{i}' in case:
            assert -(-len(pcm) * sounds.RATE // rate) == case[f'nsamples22050_{i}']
        if 'digit' in p and 'is_test' in p:
            digit = int(sounds.DIGIT.fullmatch(name)[1])
            assert (digit, preprocess_fsdd.is_test(name, i)) == (p['digit'][i], p['is_test'][i])


CHECKS = {'train': check_train, 'protocol': check_protocol, 'snr': check_snr, 'data': check_data, 'backprop': check_backprop,
          'fsdd_mel': check_mel}


def test_there_are_cases():
    assert CASES, f'no reference cases in {REFERENCE}'


@pytest.mark.parametrize('path', CASES, ids=lambda path: path.stem)
def test_replay(path):
    with np.load(path, allow_pickle=False) as file:
        case = {name: file[name] for name in file.files}
    assert 'params_json' in case, f'{path.name} does not say what it is: params_json is missing'
    p = json.loads(case['params_json'].item())
    assert p['kind'] in CHECKS, f'{path.name} is of the unknown kind {p["kind"]}'
    CHECKS[p['kind']](case, p)
