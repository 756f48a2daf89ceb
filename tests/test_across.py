"""The five rules on one page: measures on cases whose answer is known, keys, the table of needs."""
import numpy as np
import pytest

from across import checks, exp_params, simulation
from across.measures import cosine, finite_differences, first_crossing, measured
from common.params import load_params
from common.results import result_path


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
    assert np.isnan(nothing['cosine']) and nothing['samples'] == np.inf and nothing['snr'] == 0


def test_crossing_is_interpolated_on_a_logarithmic_axis():
    assert first_crossing([1, 4, 16], [0, 0.5, 1], 0.75) == 8
    assert first_crossing([1, 4], [0.9, 1], 0.75) == 1 and first_crossing([1, 4], [0, 0.5], 0.75) == np.inf


def test_finite_differences_put_the_weights_back():
    W = np.array([[1.0, 2.0], [3.0, 4.0]])
    before = W.copy()
    assert np.allclose(finite_differences(lambda: (W ** 3).sum(), [W]), 3 * before.ravel() ** 2)
    assert np.array_equal(W, before) and cosine(W, -W) == pytest.approx(-1)


@pytest.mark.parametrize('rule', ['backprop', 'hsic_exact'])
def test_rules_that_are_the_gradient(rule):
    """Mathematics: the mean of single-sample gradients; of N samples of a window each is the current one equally often."""
    found = simulation.run(load_params(exp_params, rule=rule, seed=2, length=0.5))
    assert (found['cosine'] > 0.98).all()


def test_a_key_covers_the_code_of_the_folder_that_a_rule_comes_from(monkeypatch):
    p = load_params(exp_params, rule='hsic')
    before = result_path(p)
    monkeypatch.setattr('common.results.source_digest', lambda package, names=None: f'{package}{names}')
    other = result_path(p)
    monkeypatch.setattr(checks, 'FOLDERS', checks.FOLDERS | {'hsic': 'microcircuits'})
    assert len({before, other, result_path(p)}) == 3


def test_every_rule_has_a_cost_a_folder_and_a_name():
    from across import experiments, rules
    assert set(rules.RULES) == set(checks.COST) == set(checks.FOLDERS) == set(experiments.NAMES)
