"""reproduction/evidence.py: numbers worked out by hand or by another library; a wrong divisor, centre or end is noticed."""
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reproduction import evidence
from reproduction.evidence import evaluate, mean_interval, median_interval, paired, row, sem, verdict

RUNS = [({'diverged_at': -1, 'params': {'rate': 2.0}}, {'x': np.array(v)}) for v in (1.0, 2.0, 3.0, 10.0)]
LOST = ({'diverged_at': 7, 'params': {'rate': 2.0}}, {'x': np.array(1.0)})
X = evidence.each(lambda d, p: d['x'] * p['rate'])


def test_mean_standard_error_and_interval_by_hand():
    found = evaluate(row('x', X), RUNS)                      # 2, 4, 6, 20: mean 8, variance (36 + 16 + 4 + 144) / 3
    assert found['ours'] == 8.0 and found['n'] == 4
    assert found['sem'] == pytest.approx(math.sqrt(200 / 3 / 4), rel=1e-14)
    half = 3.182446305284263 * math.sqrt(200 / 12)           # t of 3 degrees of freedom, 97.5 %
    assert found['interval'] == pytest.approx((8 - half, 8 + half), rel=1e-12)


def test_median_is_the_middle_not_the_mean():
    found = evaluate(row('x', X, median=True), RUNS)
    assert found['ours'] == 5.0 and found['interval'] is None and found['sem'] == pytest.approx(math.sqrt(200 / 12))


@pytest.mark.parametrize('n, k', [(5, None), (6, 1), (8, 1), (9, 2), (10, 2), (20, 6), (25, 8), (100, 40)])
def test_interval_of_the_median_as_in_the_tables_of_the_sign_test(n, k):
    """Order statistics k and n + 1 - k (Conover, Practical Nonparametric Statistics, table of the binomial distribution)."""
    values = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    assert median_interval(values) == (None if k is None else (k, n + 1 - k))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_mean_interval_is_that_of_scipy(values):
    if np.std(values) < 1e-9:
        return
    expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert mean_interval(values) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert sem(values) == pytest.approx(stats.sem(values), rel=1e-12)


def test_coverage_of_both_intervals():
    """2000 samples of 9 normal numbers: the intervals hold the true centre in 95 % (mean), in at least 95 % (median)."""
    rng = np.random.default_rng(0)
    samples = rng.normal(3.0, 2.0, (2000, 9))
    for interval, low, high in ((mean_interval, 0.935, 0.965), (median_interval, 0.945, 0.975)):
        inside = np.mean([a <= 3.0 <= b for a, b in map(interval, samples)])
        assert low < inside < high, interval


def test_one_run_has_no_spread():
    found = evaluate(row('x', X), RUNS[:1])
    assert found == {'ours': 2.0, 'sem': None, 'interval': None, 'n': 1}


def test_a_diverged_run_leaves_no_number_and_a_miss():
    found = evaluate(row('x', X), [*RUNS, LOST])
    assert found == {'ours': None, 'sem': None, 'interval': None, 'n': 5}
    assert verdict(found['ours'], (0, 100)) == 'miss'
    assert evaluate(row('x', lambda runs: math.nan), RUNS)['ours'] is None


def test_n_of_one_statistic_is_what_enters_it():
    assert evaluate(row('ratio', lambda runs: 3.0), RUNS)['n'] == 4
    assert evaluate(row('ratio of two runs', lambda runs: 3.0, n=1), RUNS)['n'] == 1


def test_paired_differences_against_scipy():
    rng = np.random.default_rng(1)
    a = rng.normal(0, 5, 12)
    b = a - 0.5 + rng.normal(0, 0.3, 12)                     # pairs agree far better than groups do
    found = paired(list(a), list(b))
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-10) and found.p < 0.01 and found.n == 12
    assert found.difference == pytest.approx((a - b).mean(), rel=1e-12) and found.interval[0] < 0.5 < found.interval[1]
    assert paired(list(b), list(a)).difference == pytest.approx(-found.difference)
    assert paired([1.0, 2.0], [1.0, 2.0]).p == 1.0 and paired([1.0], [0.5]).interval is None
    with pytest.raises(ValueError, match='3 and 2 runs cannot be paired'):
        paired([1, 2, 3], [1, 2])


@pytest.mark.parametrize('ours, band, expected', [
    (1.0, (1.0, 2.0), 'pass'), (2.0, (1.0, 2.0), 'pass'), (0.999999, (1.0, 2.0), 'miss'), (2.000001, (1.0, 2.0), 'miss'),
    (1.5, (None, 1.5), 'pass'), (1.6, (None, 1.5), 'miss'), (-1e9, (None, 1.5), 'pass'), (1.5, (1.5, None), 'pass'),
    (1.4, (1.5, None), 'miss'), (1e9, (1.5, None), 'pass'), (1.0, None, 'no band'), (None, (0, 1), 'miss'),
    (None, None, 'no band'), (0.0, (0, 0), 'pass')])
def test_verdict_at_and_beyond_the_ends(ours, band, expected):
    assert verdict(ours, band) == expected


def test_members_and_chosen_runs():
    from impression_learning import exp_params
    ps = evidence.members(exp_params, 'smoke', (3, 4), n_sample=100)
    assert [p.seed for p in ps] == [3, 4] and {p.n_sample for p in ps} == {100}
    assert [p.seed for p in evidence.members(exp_params, 'smoke')] == [exp_params.Params.seed]
    marked = [({'diverged_at': -1, 'params': {'rate': rate}}, {'x': np.array(1.0)}) for rate in (1.0, 5.0, 7.0)]
    assert evidence.chosen(lambda meta: meta['params']['rate'] > 2, X)(marked) == [5.0, 7.0]


def test_words_for_bands_and_published_numbers():
    finished = {'band': [None, 0.5], 'paper': None, 'released': 2.5, 'ours': 1.0, 'sem': 0.123456}
    assert evidence.band(finished) == '≤ 0.5' and evidence.band(finished | {'band': [1, None]}) == '≥ 1'
    assert evidence.band(finished | {'band': [1, 2]}) == '1 .. 2' and evidence.band(finished | {'band': None}) == '–'
    assert evidence.published(finished) == '2.5 (released program)' and evidence.published(finished | {'paper': 3}) == '3'
    assert evidence.ours(finished) == '1 ± 0.12' and evidence.ours(finished | {'sem': None}) == '1'
