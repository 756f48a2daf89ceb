"""Task-dependent representations: each row takes the right networks, angles and sides of a comparison; measures by hand."""
import numpy as np
import pytest

from reproduction.evidence import evaluate
from task_plasticity import experiments, experiments_paper
from task_plasticity.experiments_values import FEW, MANY
from task_plasticity.plot_analysis import boundary_pairs
from task_plasticity.plot_measures import Session, blocks
from task_plasticity.plot_sweeps import prior_errors


class Fake:
    """A session whose measures are given: pairs are the values at 0 and at pi."""

    def __init__(self, **values):
        self.__dict__ |= values

    def at_angle(self, values, angle):
        return values[0] if angle == 0 else values[1]

    def ratio(self, values):
        return values[0] / values[1]

    def weighted_error(self, kappa):
        return self.error_of[kappa]


def runs_of(experiment, sessions):
    """Finished runs of an experiment, with the sessions sessions(p) -> {suffix: Fake}."""
    return [({'params': vars(p), 'mode': p.mode, 'seed': p.seed, 'diverged_at': -1, 'sessions': sessions(p)}, {})
            for p in experiment['runs']]


def values(found, mode, sessions):
    """{quantity: evaluated row} of the experiment called `mode`."""
    experiment, = [e for e in found if e['mode'] == mode]
    runs = runs_of(experiment, sessions)
    return {row['quantity']: evaluate(row, runs) for row in experiment['rows']}


def test_matrix_of_training_and_test_noise():
    def sessions(p):
        tested = {f'_sigma_{b}': Fake(error_of={1.5: 100 * p.sigma + b}) for b in (0.05, 0.1, 0.2, 0.4)}
        return tested | {'_2': Fake(recurrent_over_input=p.sigma ** 2)}
    found = values(experiments_paper.noise(), 'train x test noise', sessions)
    for a in (0.05, 0.1, 0.2, 0.4):
        for b in (0.05, 0.1, 0.2, 0.4):
            row = found[f'error, trained at {a:g}, tested at {b:g}']
            assert row['ours'] == pytest.approx(100 * a + b) and row['n'] == len(FEW)
    assert found['recurrent / input current, noise 0.2 over 0.1']['ours'] == pytest.approx(4)
    assert found['recurrent / input current, noise 0.4 over 0.2']['ours'] == pytest.approx(4)
    difference = found['tested at 0.2: error of networks trained at 0.4 - trained at 0.2: difference']
    assert difference['ours'] == pytest.approx(20)


def test_noise_shapes_what_it_should():
    def sessions(p):
        return {'_2': Fake(fisher=np.full(2, 3 * p.sigma), volume_fraction=(0.1 * p.sigma, 9)),
                '': Fake(fisher=np.full(2, 1.0), volume_fraction=(0.2, 9))}
    found = values(experiments_paper.noise(), 'noise_sweep', sessions)
    assert found['Fisher information after / before, noise 0.1']['ours'] == pytest.approx(0.3)
    assert found['Fisher information after / before, noise 0.4']['ours'] == pytest.approx(1.2)
    assert found['volume fraction at 0, after / before, noise 0.4']['ours'] == pytest.approx(0.2)
    assert found['Fisher information after / before, noise 0.4']['n'] == len(MANY)


def prior_sessions(p):
    """Full networks: error 1 + seed; decoder-only: 4 (1 + seed)."""
    factor = 4 if p.mode == 'decoder_only' else 1
    after = Fake(error_of={0: factor * (1 + p.seed)}, error=np.array([1.0, 3.0 * factor]), volume_fraction=(0.3 * factor, 0.6),
                 population_rate=(3, 2), fisher=(4, 2), preferred=np.array([0, 0, 0, 3.0]), participation_ratio=5)
    before = Fake(population_rate=(2, 2), fisher=(1, 2), preferred=np.array([0, 3, 3, 3.0]), participation_ratio=9)
    return {'_2': after, '': before}


def test_pairs_of_full_and_decoder_only_networks():
    found = values(experiments_paper.prior(), 'prior_sweep', prior_sessions)
    row = found['error, full / decoder-only network of the same start']
    assert row['ours'] == pytest.approx(0.25) and row['n'] == len(MANY) and row['sem'] == pytest.approx(0, abs=1e-12)
    assert found['decoder-only: error, uniform']['ours'] == 4 * (1 + np.median(MANY))
    assert found['volume fraction at 0, full / decoder-only']['ours'] == pytest.approx(0.25)


@pytest.mark.parametrize('statement, expected', [
    ('mean rate at 0 over pi, after - before', 0.5), ('neurons that prefer angles within pi/3 of 0, after - before', 2),
    ('Fisher information at 0 over pi, after - before', 1.5), ('error at pi - at 0', 2),
    ('error at pi over error at 0, full - decoder-only', 3 - 12), ('volume fraction at 0, full - decoder-only', -0.9),
    ('volume fraction at 0 - at pi, full', -0.3), ('participation ratio, after - before', -4)])
def test_claims_have_the_right_sign(statement, expected):
    found = values(experiments_paper.prior(), 'claims: prior', prior_sessions)
    assert found[f'{statement}: difference']['ours'] == pytest.approx(expected)
    assert found[f'{statement}: p of the paired t test']['n'] == len(MANY)


def test_boundary_rows_compare_the_prior_at_one_boundary_and_at_the_other():
    found = values(experiments_paper.boundary(), 'boundary_sweep',
                   lambda p: {'_2': Fake(boundary_d_prime=(10 * p.sigma + np.cos(p.mu_in), 0))})
    assert len(found) == 6
    for quantity, row in found.items():
        if quantity.endswith('difference'):
            assert row['ours'] == pytest.approx(2) and row['n'] == len(FEW)


def test_a_diverged_network_gives_no_number():
    experiment, = experiments.categorisation('headline')
    runs = runs_of(experiment, lambda p: {'_2': Fake(accuracy=0.9), '': Fake(accuracy=0.5)})
    row, = [row for row in experiment['rows'] if row['quantity'] == 'accuracy over 10 angles']
    assert evaluate(row, runs)['ours'] == 0.9
    runs[1][0]['diverged_at'] = 7
    assert evaluate(row, runs)['ours'] is None


# ---------------------------------------------------------------- measures by hand

def session(r, theta, o=None, target=None):
    """A session of records r (N, m), one trial."""
    n, m = r.shape
    p = {'objective': 'estimation', 'released_code': False, 'dt': 1.0, 'record_res': 1, 'rate_thinning': 1,
         'switch_period': 10.0, 'input_dim': 12, 'mu_in': 0.0, 'theta_thresh': 0.0, 'theta_thresh_rev': -np.pi}
    d = {'r_test_2': r[None], 'theta_test_2': theta[None, None], 'o_test_2': (np.zeros((2, m)) if o is None else o)[None],
         'target_test_2': (np.zeros((2, m)) if target is None else target)[None]}
    d |= {'W': np.zeros((n, n)), 'C': np.zeros((n, 12)), 'b': np.zeros(n), 'D': np.ones((2, n))}
    return Session({'params': p}, d)


def test_participation_ratio():
    """n equal independent directions: n; one direction: 1."""
    rng = np.random.default_rng(0)
    theta = np.repeat([0.0, 1.0], 20_000)
    assert session(rng.normal(size=(4, 40_000)), theta).participation_ratio == pytest.approx(4, rel=0.01)
    assert session(np.outer(np.ones(4), rng.normal(size=40_000)), theta).participation_ratio == pytest.approx(1)


def test_weighted_error_and_bias():
    theta = np.repeat([-np.pi, 0.0], 10)
    o, target = np.zeros((2, 20)), np.zeros((2, 20))
    o[0, 10:], o[1, :10] = 3.0, 1.0
    s = session(np.random.default_rng(0).normal(size=(3, 20)), theta, o, target)
    np.testing.assert_allclose(s.error, [1, 9])
    np.testing.assert_allclose(s.bias_squared, [1, 9])
    weights = np.exp(1.5 * np.cos([-np.pi, 0]))
    assert s.weighted_error(1.5) == pytest.approx((weights * [1, 9]).sum() / weights.sum())
    assert s.at_angle(s.error, np.pi) == 1 and s.at_angle(s.error, 0) == 9 and s.ratio(s.error) == 9


@pytest.mark.parametrize('changed, factor', [({}, 2), ({'exact_prior': True}, 1), ({'sigma_sampler': 0.0}, 1)])
def test_errors_are_weighted_by_the_prior_of_the_run(changed, factor):
    """The matrix of training and test noise: twice kappa_in (D1), or kappa_in with exact_prior."""
    theta = np.repeat([-np.pi, 0.0], 10)
    o, target = np.zeros((2, 20)), np.zeros((2, 20))
    o[0, 10:], o[1, :10] = 3.0, 1.0
    for kappa in (0.0, 2.0):
        s = session(np.random.default_rng(0).normal(size=(3, 20)), theta, o, target)
        s.p |= {'kappa_in': kappa, 'exact_prior': False, 'sigma_sampler': 0.06} | changed
        weights = np.exp(factor * kappa * np.cos([-np.pi, 0]))
        found = prior_errors([({'params': s.p, 'sessions': {'_sigma_0.1': s}}, {})], 0.1)
        assert found == pytest.approx([(weights * [1, 9]).sum() / weights.sum()])


def test_the_nearest_angle_is_looked_for_around_the_circle():
    theta = np.repeat(-np.pi + np.arange(5) * 2 * np.pi / 5, 4)
    s = session(np.ones((3, 20)), theta)
    assert s.at_angle(np.arange(5), 3.1) == s.at_angle(np.arange(5), np.pi) == 0 and s.at_angle(np.arange(5), 0.7) == 3


def test_blocks_and_boundaries():
    np.testing.assert_allclose(blocks(np.arange(45.0)), [9.5, 29.5])
    angles = -np.pi + np.arange(12) * np.pi / 6
    assert boundary_pairs(angles) == ((7, 5), (1, 11)) and boundary_pairs(angles, (np.pi / 4, -np.pi)) == ((8, 7), (1, 11))
