"""The five rules on one page: measures on cases whose answer is known, keys, the table of needs."""
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from across import (
    checks,
    exp_params,
    experiments,
    experiments_mnist,
    experiments_needs,
    learning,
    plot_generator,
    reward,
    rules,
    simulation,
    spikes,
)
from across.measures import cosine, finite_differences, first_crossing, measured
from common import ROOT
from common.params import load_params
from common.results import result_path
from common.running import finish
from impression_learning import equations as il
from rstdp_mnist import equations


def linear_network(n=4000, seed=0):
    """A linear network with squared error, samples (x, y): gradient of the mean loss, and single-sample back-propagation."""
    rng = np.random.default_rng(seed)
    x, y, W = rng.normal(size=(n, 5)), rng.normal(size=(n, 3)), [rng.normal(size=(5, 4)), rng.normal(size=(4, 3))]

    def updates():
        for a, b in zip(x, y, strict=True):
            error = b - a @ W[0] @ W[1]
            yield np.concatenate([np.outer(a, W[1] @ error).ravel(), np.outer(a @ W[0], error).ravel()])
    gradient = -finite_differences(lambda: ((y - x @ W[0] @ W[1]) ** 2).sum(axis=1).mean() / 2, W)
    return gradient, updates


def test_back_propagation_in_a_linear_network_is_the_gradient():
    gradient, updates = linear_network()
    found = measured(updates(), gradient)
    assert found['cosine'] == pytest.approx(1, abs=1e-6)
    all_of_them = np.array(list(updates()))
    mean = all_of_them.mean(axis=0)
    assert np.allclose(mean, gradient, atol=1e-6)
    assert found['snr'] == pytest.approx(mean @ mean / np.trace(np.cov(all_of_them.T, bias=True)))


def test_shuffled_updates_have_cosine_zero_within_their_interval():
    found = []
    for seed in range(20):
        gradient, updates = linear_network(200, seed)
        rng = np.random.default_rng(seed)
        found.append(measured((rng.permutation(u) for u in updates()), gradient)['cosine'])
    assert abs(np.mean(found)) < 3 * np.std(found, ddof=1) / np.sqrt(len(found))


@pytest.mark.parametrize('D, sigma', [(10, 1.0), (40, 0.5)])
def test_isotropic_noise_around_the_gradient(D, sigma):
    """The cosine of n updates' mean is then 1 / sqrt(1 + 1 / (n SNR)): 45 degrees at n = 1 / SNR."""
    rng, gradient = np.random.default_rng(D), np.zeros(D)
    gradient[0] = 0.4
    found = measured((gradient + sigma * rng.normal(size=D) for _ in range(2 ** 14)), gradient)
    snr = 0.16 / (D * sigma ** 2)
    assert found['snr'] == pytest.approx(snr, rel=0.15) and found['samples'] == pytest.approx(1 / snr, rel=0.2)
    assert np.array_equal(found['blocks'][:, 0], 2.0 ** np.arange(12))


def test_a_rule_that_goes_the_other_way_never_comes_within_45_degrees():
    gradient, updates = linear_network(500)
    found = measured((-u for u in updates()), gradient)
    assert found['cosine'] == pytest.approx(-1, abs=1e-6) and found['samples'] == np.inf


def test_updates_that_are_all_the_same_or_zero():
    same, nothing = (measured([u] * 64, np.ones(2)) for u in (np.array([1.0, 1.0]), np.zeros(2)))
    assert same['samples'] == 1 and same['snr'] > 1e12
    assert nothing['cosine'] == 0 and nothing['samples'] == np.inf and nothing['snr'] == 0


def test_crossing_is_interpolated_on_a_logarithmic_axis():
    assert first_crossing([1, 4, 16], [0, 0.5, 1], 0.75) == 8
    assert first_crossing([1, 4], [0.9, 1], 0.75) == 1 and first_crossing([1, 4], [0, 0.5], 0.75) == np.inf


def test_finite_differences_put_the_weights_back():
    W = np.array([[1.0, 2.0], [3.0, 4.0]])
    before = W.copy()
    assert np.allclose(finite_differences(lambda: (W ** 3).sum(), [W]), 3 * before.ravel() ** 2)
    assert np.array_equal(W, before) and cosine(before.ravel(), -W.ravel()) == pytest.approx(-1)


# ---------------------------------------------------------------- rules

@pytest.mark.parametrize('rule', ['backprop', 'hsic_exact', pytest.param('transport', marks=pytest.mark.slow)])
def test_rules_that_are_the_gradient(rule):
    """Mathematics: the mean of single-sample gradients; of N samples of a window each is the current one equally often; weak
    nudging with B = W^T (small weights, untrained)."""
    found = simulation.run(load_params(exp_params, rule=rule, seed=2, length=0.1 if rule == 'transport' else 0.5))
    assert found['cosine'][0] > 0.97 and (rule == 'transport' or found['cosine'][1] > 0.97)


def test_reward_gradient_against_finite_differences():
    rng = np.random.default_rng(0)
    p = load_params(exp_params, rule='three_factor', seed=1)
    q = reward.setting(p, T=60.0, transient=5.0, record_res=1)
    net = reward.network.initial(q, rng, rng)
    net.D[:] = rng.normal(size=net.D.shape)
    xi, theta = reward.simulation.training_noise(q, rng)[::2]
    y, first = reward.tasks.targets(q, theta), round(q.transient / q.dt)

    def total():
        return -((y - reward.rates_of(q, net, xi, theta) @ net.D.T) ** 2).sum(axis=1)[first:].sum()
    some = net.W[:2], net.b
    exact = reward.joined(*reward.gradient(q, net, xi, theta))
    assert np.allclose(np.concatenate([exact[:2 * q.N], exact[-q.N:]]), finite_differences(total, some), rtol=1e-5)


def test_episodes_are_the_equations_of_impression_learning():
    """One episode of `rules` beside the plain loop: losses and updates, of impression learning and of REINFORCE."""
    rng = np.random.default_rng(3)
    theta = il.initial((4, 2), rng)
    X, eps = rng.normal(size=(4, 4, 1)), rng.normal(size=(4, 6, 1))
    steps = rules.episodes(theta, X, eps)
    reinforce, last, sums = il.Reinforce(theta, g=1.0, gamma=1.0), np.zeros(2), np.zeros((2, 2, 4))
    reinforce.baseline = np.mean([rules.losses(s) for s in steps])
    for t in range(4):
        one = il.step(theta, X[t, :, 0], last, int(t < 2), 0, eps[t, :, 0], rules.SIGMA_Q, rules.SIGMA_P)
        assert rules.losses(steps[t]) == pytest.approx([one.L])
        last = one.h[-1]
        for i, rule in enumerate((il.impression_learning, reinforce)):
            sums[i] += rule(one).get('W1', 0)
    for i, name in enumerate(('impression_learning', 'reinforce')):
        assert np.allclose(rules.by_rule(name, steps)[0], sums[i].ravel())


def test_gradient_of_the_margin_against_finite_differences():
    rng = np.random.default_rng(1)
    W, fired = rng.uniform(0.2, 0.8, (10, 4, 5, 5)), rng.random((4, 3, 3)) < 0.5

    def margin():
        V = equations.correlate(fired, W, 2).reshape(10, -1).max(axis=1)
        return V[3] - np.delete(V, 3).max()
    assert np.allclose(spikes.change(W, fired, 3, **spikes.GRADIENT), finite_differences(margin, [W], 1e-6), atol=1e-6)


SLOW_ONES = 'rstdp', 'rstdp_margin', 'impression_learning', 'PAL'     # their kernels take longest to compile


@pytest.mark.parametrize('rule', [pytest.param(rule, marks=[pytest.mark.slow] if rule in SLOW_ONES else [])
                                  for rule in sorted(checks.COST)])
def test_every_rule_is_measured(rule):
    found = simulation.run(load_params(exp_params, mode='smoke', rule=rule, data='digits'))
    assert found['cosine'].shape == found['snr'].shape == (2,) and (np.abs(found['cosine']) <= 1).all()
    assert (found['snr'] > 0).all() and found['blocks'].shape[::2] == (2, 2)


@pytest.mark.parametrize('rule, rival', [pytest.param(*one, marks=pytest.mark.slow if one[0] == 'rstdp' else ())
                                         for one in exp_params.LEARNERS])
def test_every_learning_curve_runs(rule, rival):
    found = simulation.run(load_params(exp_params, mode='learning', rule=rule, rival=rival, length=0.1, data='digits'))
    assert found['seen'].shape == found['score'].shape and len(found['seen']) > 1 and (np.diff(found['seen']) > 0).all()


# ---------------------------------------------------------------- keys, rows, the table of needs

def test_a_key_covers_the_code_of_the_folder_that_a_rule_comes_from(monkeypatch):
    p = load_params(exp_params, rule='hsic')
    before = result_path(p)
    monkeypatch.setattr('common.results.source_digest', lambda package, names=None: f'{package}{names}')
    other = result_path(p)
    monkeypatch.setattr(checks, 'FOLDERS', checks.FOLDERS | {'hsic': ('microcircuits', None)})
    assert len({before, other, result_path(p)}) == 3


def test_every_rule_has_a_cost_a_folder_and_a_name():
    assert set(rules.RULES) == set(checks.COST) == set(checks.FOLDERS) == set(experiments.NAMES)
    assert {rule for rule, _ in exp_params.LEARNERS} == set(learning.LEARN) == set(checks.LEARNING) == {
        r for some in experiments.TASKS.values() for r in some}


def curve(rule, rival, rate, seed, score):
    """A finished run of mode learning."""
    p = {'mode': 'learning', 'rule': rule, 'rival': rival, 'rate': rate, 'seed': seed}
    return {'params': p, 'mode': 'learning', 'seed': seed}, {'seen': np.arange(len(score)), 'score': np.array(score, float)}


def test_samples_to_criterion_of_ramps():
    """Back-propagation rises from 0 to 1 in 100 samples, the rule in 200 at its better rate; at the other one is faster."""
    ramp = np.minimum(1, np.arange(400) / 100)
    runs = [curve('hsic', True, 1.0, s, ramp) for s in (1, 2, 3)] + [curve('hsic', True, 3.0, s, 0 * ramp) for s in (1, 2, 3)]
    runs += [curve('hsic', False, 1.0, s, np.minimum(1, np.arange(400) / 200)) for s in (1, 2, 3)]
    runs += [curve('hsic', False, 3.0, 1, ramp), *(curve('hsic', False, 3.0, s, 0 * ramp) for s in (2, 3))]
    assert experiments.criterion(runs, 'XOR') == pytest.approx(0.9)
    for rival, samples in ((True, 90), (False, 180)):           # a running mean of five points: two later
        assert experiments.reached(runs, 'XOR', 'hsic', rival) == pytest.approx([samples + 2] * 3, abs=1)
    lost = np.concatenate([ramp[:200], 0.5 * ramp[200:]])       # learned, and half of it forgotten
    collapsed = [run for run in runs if run[0]['params']['rival']] + [curve('hsic', False, 1.0, s, lost) for s in (1, 2, 3)]
    assert np.isinf(experiments.reached(collapsed, 'XOR', 'hsic')).all()
    never = [run for run in runs if run[0]['params']['rate'] == 3.0 or run[0]['params']['rival']]
    assert experiments.samples('XOR', 'hsic')(never) == np.inf


def test_curves_of_mnist_count_images_and_seconds():
    hsic = {'mode': 'bp_mnist', 'task': 'bp', 'nmodels': 2, 'train_size': 5000, 'nepochs': 4, 'modulator': 'released'}
    spiking = {'reward': 'winner', 'n_train': 5000, 'epochs_s3': 2}
    runs = [({'params': hsic, 'cpu_seconds': 80.0}, {'test_accuracy': np.linspace(0, 0.8, 10).reshape(5, 2)}),
            ({'params': spiking, 'cpu_seconds': 30.0},
             {'test_epochs': np.arange(2), 'test_fractions': np.array([[0.5, 0.5, 0], [0.6, 0.4, 0]]),
              'lower_cpu_seconds': 10.0})]
    found = experiments_mnist.gathered(runs, 5000)
    assert np.array_equal(found['bp'][0], 5000 * np.arange(5)) and np.array_equal(found['bp'][2], 10 * np.arange(5.0))
    assert np.array_equal(found['winner'][0], [5000, 10_000]) and np.array_equal(found['winner'][2], [20, 30])
    assert experiments_mnist.at('winner', 5000, -1)(runs) == pytest.approx([60])
    assert experiments_mnist.at('bp', 5000, 2)(runs) == pytest.approx([100 * 3.2 / 9, 100 * 4 / 9])


def test_what_the_table_of_needs_points_to_stands_there():
    """README.md holds the table as it is now: `python across/experiments_needs.py` prints it anew after an edit."""
    text = experiments_needs.table()
    assert text in (ROOT / 'across' / 'README.md').read_text(encoding='utf-8')
    for folder, number in re.findall(r'\.\./(\w+)/equations\.py#L(\d+)', text):
        assert 0 < int(number) <= len((ROOT / folder / 'equations.py').read_text().splitlines())
    with pytest.raises(ValueError, match='there is no line'):
        experiments_needs.line('biohsic', 'hsic', 'nothing of the kind')


@pytest.mark.slow
def test_the_walkthrough_runs_through(tmp_path):
    """It ends with asserts on what it says."""
    environment = os.environ | {'MPLBACKEND': 'Agg', 'PLASTICITY_RESULTS': str(tmp_path)}
    done = subprocess.run([sys.executable, ROOT / 'across' / 'walkthrough.py'], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('mode', ['updates', 'smoke'])
def test_a_single_rule_is_drawn_under_the_name_of_its_run(results, monkeypatch, mode):
    """Two points, untrained and trained, in each of the panels a and b."""
    monkeypatch.setattr('common.figures.FIGURES', results)
    drawn = []
    monkeypatch.setattr(plot_generator, 'save_figure', lambda figure, folder, name: drawn.append((figure, name)))
    words = [f'mode={mode}', 'rule=hsic', 'length=0.02']
    finish(load_params(exp_params, *words))
    plot_generator.main(words)
    (figure, name), = drawn
    assert name.startswith(f'fig_rules_{mode}_hsic_rate1_seed1')
    for ax in figure.axes[:2]:
        assert sum(line.get_marker() == 'o' and len(line.get_xdata()) == 1 for line in ax.lines) == 2
