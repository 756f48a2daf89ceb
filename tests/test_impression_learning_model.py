"""Impression learning: the equations (finite differences, autograd, limits) and the exactness of every fast path."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from common.params import load_params
from impression_learning import backprop, circuit, exp_params, loops, network, simulation, snr
from impression_learning.model import IMPRESSION, REINFORCE, Rule

SIGMAS = {2: (np.array([.01, .01]), np.array([.01, .158])), 3: (np.array([.01, .01, .01]), np.array([.01, .01, .13]))}


def tiny(depth=2, seed=0, steps=60):
    """(network with random weights everywhere, X, sigmas, normals for both pathways)."""
    rng = np.random.default_rng(seed)
    sizes = (5, 4, 3)[:depth]
    net = network.initial(sizes, rng)
    net.a[:] = rng.uniform(0.3, 0.9, sizes[-1])
    for l in range(1, depth - 1):
        net.bias[l, :sizes[l]], net.bias_gen[l, :sizes[l]] = rng.normal(0, 0.3, (2, sizes[l]))
    return net, rng.normal(0, 0.5, (steps, sizes[0])), SIGMAS[depth], rng.standard_normal((steps, 2 * sum(sizes)))


def advance(net, X, eps, sigmas, rule, switching=True, act=None, learner=None, phase=None):
    """Run the kernel once; -> (loss parts, latent, learner, activity)."""
    act, learner, phase = act or network.activity(net), learner or network.learner(net), phase or network.phase()
    loss, latent = np.empty((len(X), 3)), np.empty((len(X), int(net.n[1:].sum())))
    loops.run(net, act, phase, learner, X, eps, np.zeros(0, bool), *sigmas, rule, switching, loss, latent)
    return loss, latent, learner, act


# ---------------------------------------------------------------- equations

@pytest.mark.parametrize('depth', [2, 3])
def test_sleep_rule_is_the_gradient_of_the_recognition_log_likelihood(depth):
    """D h^T = d/dW_in of -1/2 |h - f(W_in h_below + b)|^2, by central differences."""
    net, X, sigmas, eps = tiny(depth, steps=3)
    rule = Rule(IMPRESSION, learning_rate=0.0)
    _, _, learner, act = advance(net, X[:1], eps[:1], sigmas, rule, False, phase=network.phase(0))
    arrays, h = network.to_arrays(net), [act.h[l, :n].copy() for l, n in enumerate(net.n)]

    def log_q(weights):
        total = 0.0
        for l in range(1, depth):
            u = weights[f'l{l}_W_in'] @ h[l - 1] + weights.get(f'l{l}_bias', 0)
            total -= 0.5 * ((h[l] - np.tanh(u)) ** 2).sum()
        return total

    compare_gradients(arrays, network.to_arrays(learner.update), log_q, [n for n in arrays if n.endswith(('_W_in', '_bias'))])


@pytest.mark.parametrize('depth', [2, 3])
def test_wake_rule_is_the_gradient_of_the_generative_log_likelihood(depth):
    """Layer 0 towards the noise-free stimulus, middle layers towards h, top towards A h_{t-1}; on the second wake step."""
    net, X, sigmas, eps = tiny(depth, steps=3)
    act, learner, phase = network.activity(net), network.learner(net), network.phase()
    for t in (0, 1):
        last = act.h[depth - 1, :net.n[-1]].copy()
        rule = Rule(IMPRESSION, learning_rate=0.0)
        advance(net, X[t:t + 1], eps[t:t + 1], sigmas, rule, False, act, learner, phase)
    arrays, h = network.to_arrays(net), [act.h[l, :n].copy() for l, n in enumerate(net.n)]

    def log_p(weights):
        total = -0.5 * ((X[1] - weights['l0_W_out'] @ h[1]) ** 2).sum()
        for l in range(1, depth - 1):
            total -= 0.5 * ((h[l] - np.tanh(weights[f'l{l}_W_out'] @ h[l + 1] + weights[f'l{l}_bias_gen'])) ** 2).sum()
        return total - 0.5 * ((h[-1] - weights[f'l{depth - 1}_transition'] * last) ** 2).sum()

    names = [n for n in arrays if n.endswith(('_W_out', '_bias_gen', '_transition'))]
    compare_gradients(arrays, network.to_arrays(learner.update), log_p, names)


def compare_gradients(arrays, updates, function, names):
    """Analytic updates against central differences of a scalar function of the weights."""
    for name in names:
        numeric = np.zeros_like(arrays[name])
        for index in np.ndindex(numeric.shape):
            values = []
            for step in (1e-6, -1e-6):
                changed = {k: v.copy() for k, v in arrays.items()}
                changed[name][index] += step
                values.append(function(changed))
            numeric[index] = (values[0] - values[1]) / 2e-6
        np.testing.assert_allclose(updates[name], numeric, rtol=1e-5, atol=1e-9, err_msg=name)


def test_phases_last_one_step_more_than_the_parameter():
    """K = 1: W W S S ..; K = 4: five of each; k = 1 on the first wake step after sleep only; K = 0 never leaves wake."""
    for period in (0, 1, 4):
        phase, seen = network.phase(), []
        for _ in range(24):
            seen.append((int(phase.wake[0]), int(phase.k[0])))
            loops.switch(phase, period, np.zeros(0, bool), 0)
        for t, (wake, k) in enumerate(seen):
            assert wake == (1 if period == 0 else 1 - t // (period + 1) % 2)
            assert k == int(period > 0 and t > 0 and t % (2 * (period + 1)) == 0)


def test_random_alternation_toggles_with_probability_one_over_k_plus_one():
    """D21: mean phase duration K + 1, both phases equally long; the deterministic stream is left as it is."""
    p = load_params(exp_params, mode='smoke', alternation='random', switch_period=4)
    eps, toggles = circuit.Noise(p, np.random.default_rng(0)).draw(50_000)
    assert abs(toggles.mean() - 1 / 5) < 0.01 and eps.shape == (50_000, 6) and abs(eps.std() - 1) < 0.01
    phase = network.phase()
    wake = []
    for t in range(len(toggles)):
        wake.append(int(phase.wake[0]))
        loops.switch(phase, 4, toggles, t)
    assert abs(np.mean(wake) - 0.5) < 0.03
    d = simulation.run(p)
    assert np.isfinite(d['loss_mean']).all() and (d['loss_wake'] != 0).all()


def test_without_sleep_recognition_never_learns_and_without_wake_generation_never_does():
    for start, moved, still in ((1, 'l0_W_out', 'l1_W_in'), (0, 'l1_W_in', 'l0_W_out')):
        net, X, sigmas, eps = tiny()
        before = network.to_arrays(net)
        advance(net, X, eps, sigmas, Rule(switch_period=0), phase=network.phase(start))
        after = network.to_arrays(net)
        assert np.array_equal(before[still], after[still])
        assert np.abs(before[moved] - after[moved]).max() > 1e-6


def test_recognition_scale_divides_only_the_recognition_rate():
    changes = {}
    for rho in (1.0, 4.0):
        net, X, sigmas, eps = tiny()
        before = network.to_arrays(net)
        advance(net, X[:1], eps[:1], sigmas, Rule(recognition_scale=rho), phase=network.phase(0))
        changes[rho] = network.to_arrays(net)['l1_W_in'] - before['l1_W_in']
    np.testing.assert_allclose(changes[1.0], 4 * changes[4.0], rtol=1e-9, atol=1e-15)


def test_middle_layer_ignores_the_switch_flag_in_the_paper_and_obeys_it_as_released():
    """Q7: on the first wake step after sleep the released program leaves out the middle layer's generative update."""
    for everywhere in (False, True):
        net, X, sigmas, eps = tiny(3)
        rule = Rule(learning_rate=0.0, switch_all_layers=everywhere)
        *_, learner, _ = advance(net, X[:1], eps[:1], sigmas, rule, phase=network.phase(1, k=1))
        updates = network.to_arrays(learner.update)
        assert not updates['l2_transition'].any()
        assert updates['l1_W_out'].any() != everywhere


def test_backprop_gradients_are_those_of_autograd():
    """Wake with k = 0 and 1 and sleep, linear and tanh output, in float64."""
    rng = np.random.default_rng(3)
    n, n_in, s_r, s_o, s_i, s_g = 3, 5, 0.2, 0.3, 0.25, 0.4
    for linear in (True, False):
        for wake, before in ((1, 1), (1, 0), (0, 1)):
            W_in, W_out = rng.normal(0, .4, (n, n_in)), rng.normal(0, .4, (n_in, n))
            D_r, r_last = rng.uniform(.3, .9, n), rng.random(n)
            x, eps = rng.normal(0, .5, n_in), rng.standard_normal(2 * (n + n_in))
            state = backprop.new_state(W_in, W_out, D_r, r_last)
            state.phase[:] = wake, before, 0
            loss = np.empty(1)
            backprop.run_steps(state, x[None], eps[None], s_r, np.array([s_o, s_i]), s_g, linear, 0.0, 0.0, 1, True, loss,
                               np.empty((1, n)), np.empty((1, 2), int))
            k = int(wake == 1 and before == 0)
            theirs, gradients = torch_step(W_in, W_out, D_r, r_last, x, eps, wake, k, s_r, s_o, s_i, s_g, linear)
            np.testing.assert_allclose(loss[0], theirs, rtol=1e-12)
            for name, gradient in zip(('grad_W_in', 'grad_W_out', 'grad_D_r'), gradients, strict=True):
                np.testing.assert_allclose(getattr(state, name).T, gradient, rtol=1e-9, atol=1e-9)


def torch_step(W_in, W_out, D_r, r_last, x, eps, wake, k, s_r, s_o, s_i, s_g, linear):
    """Loss and gradients of one step of the control by torch.autograd."""
    W_in, W_out, D_r = (torch.tensor(a, requires_grad=True) for a in (W_in, W_out, D_r))
    r_last, x, eps = torch.tensor(r_last), torch.tensor(x), torch.tensor(eps)
    n, n_in = W_in.shape
    e1, e2, e3, e4 = torch.split(eps, [n, n_in, n_in, n])
    f = (lambda u: u) if linear else torch.tanh
    m_gen = (1 - k) * D_r * r_last + k * r_last
    if wake:
        s = x + s_i * e3
        m_inf = torch.tanh(W_in @ s)
        r = m_inf + s_r * e4
        loss = (((r - m_gen) ** 2).sum() / s_g ** 2 + ((s - f(W_out @ r)) ** 2).sum() / s_o ** 2
                - ((r - m_inf) ** 2).sum() / s_r ** 2 - ((s - x) ** 2).sum() / s_r ** 2)
    else:
        r = m_gen + s_g * e1
        s = f(W_out @ r) + s_o * e2
        loss = ((r - torch.tanh(W_in @ s)) ** 2).sum() / s_r ** 2
    loss.backward()
    return loss.item(), [(torch.zeros_like(p) if p.grad is None else p.grad).numpy() for p in (W_in, W_out, D_r)]


# ---------------------------------------------------------------- exactness of the fast paths

@pytest.mark.parametrize('depth', [2, 3])
@pytest.mark.parametrize('algorithm', [IMPRESSION, REINFORCE])
def test_the_unselected_pathway_changes_nothing(depth, algorithm):
    """Leaving out the pathway that the phase does not select gives the same bits; so does sharing one set of normals."""
    results = []
    for both, shared in ((True, False), (False, False), (False, True)):
        net, X, sigmas, eps = tiny(depth)
        half = eps.shape[1] // 2
        noise = np.ascontiguousarray(eps[:, :half]) if shared else np.hstack([eps[:, :half], eps[:, :half]])
        rule = Rule(algorithm, 1e-3 if algorithm == IMPRESSION else 1e-9, both_paths=both)
        loss, latent, *_ = advance(net, X, noise, sigmas, rule)
        results.append((loss, latent, *network.to_arrays(net).values()))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_compare_gives_the_sums_of_the_updates_of_the_training_rule():
    """The SNR kernel against REINFORCE training with learning rate 0, update by update, for every variant."""
    p = load_params(exp_params, mode='smoke')
    net, X, sigmas, _ = tiny(2)
    x, episodes, n_units = X[:4], 30, int(net.n.sum())
    eps = np.random.default_rng(5).standard_normal((4 * episodes, n_units))
    rules = snr.variants(p)
    sums = np.zeros((2, len(rules), *net.W_in.shape))
    loops.compare(net, network.activity(net), network.phase(), x, eps, np.zeros(0, bool), *sigmas, tuple(rules.values()),
                  tuple(network.learner(net) for _ in rules), *sums)
    for v, rule in enumerate(rules.values()):
        rule = rule._replace(learning_rate=0.0)
        act, learner, phase = network.activity(net), network.learner(net), network.phase()
        first, second = 0.0, 0.0
        for t in range(4 * episodes):
            if t % 4 == 0:
                loops.start_episode(act, rule, learner)
            advance(net, x[t % 4:t % 4 + 1], eps[t:t + 1], sigmas, rule, True, act, learner, phase)
            U = learner.update.W_in * (rule.algorithm == REINFORCE or t % 4 > 1)      # wake is no step of impression learning
            first, second = first + U, second + U ** 2
        np.testing.assert_allclose(sums[0][v], first, rtol=1e-9, atol=1e-9 * np.abs(first).max())
        np.testing.assert_allclose(sums[1][v], second, rtol=1e-9, atol=1e-9 * np.abs(second).max())


def test_results_do_not_depend_on_the_block_size(monkeypatch):
    """Noise, stimulus and training cut into blocks of other sizes: the same bits."""
    results = []
    for normals in (1 << 17, 700):
        monkeypatch.setattr(circuit, 'BLOCK_NORMALS', normals)
        p = load_params(exp_params, mode='smoke', epoch_num=2, algorithm='reinforce', learning_rate=1e-9)
        results.append(simulation.run(p))
    assert results[0].keys() == results[1].keys()
    for name, value in results[0].items():
        if name == 'train_loss':       # sums over blocks, then means: rounding only
            np.testing.assert_allclose(value, results[1][name], rtol=1e-12)
        else:
            assert np.array_equal(value, results[1][name], equal_nan=True), name


PLAIN = '''
import json, sys
import numpy as np
from common.params import load_params
from impression_learning import exp_params, simulation
found = {}
for name, words in {'il': {}, 'reinforce': dict(algorithm='reinforce', learning_rate=1e-9, released_code=True, n_top=2),
                    'backprop': dict(algorithm='backprop', learning_rate=1e-2, switch_period=3)}.items():
    d = simulation.run(load_params(exp_params, mode='smoke', n_sample=80, n_test=20, **words))
    found[name] = {k: np.ravel(v).tolist() for k, v in d.items() if k.startswith('final') or k == 'wake_sequence'}
print(json.dumps(found))
'''


def test_compiled_kernels_equal_their_python_source():
    """The same runs with compilation switched off, in processes of their own."""
    outputs = []
    for disabled in ('0', '1'):
        result = subprocess.run([sys.executable, '-c', PLAIN], env=os.environ | {'NUMBA_DISABLE_JIT': disabled},
                                capture_output=True, text=True, check=True)
        outputs.append(json.loads(result.stdout))
    for name in outputs[0]:
        assert outputs[0][name].keys() == outputs[1][name].keys()
        for key, value in outputs[0][name].items():
            np.testing.assert_allclose(value, outputs[1][name][key], rtol=1e-11, atol=1e-14, err_msg=f'{name} {key}')
