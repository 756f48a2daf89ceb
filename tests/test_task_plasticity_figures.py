"""Task-dependent representations: every experiment's rows and figure, from tiny runs; figures of single modes."""
import dataclasses
import math
import re
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

from common import figures, results
from common.figures import grid
from common.params import load_params
from common.running import finish
from reproduction import evidence
from task_plasticity import exp_params, experiments, experiments_paper, plot_generator, plot_stamp, plot_sweeps, tasks
from task_plasticity import plot_panels as panels
from task_plasticity.plot_measures import Session

TINY = dict(T=36.0, switch_period=6.0, transient=4.0, trial_num_2=61, test_num=24, N=6)
matplotlib.use('Agg')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Results and figures of this module's tests."""
    path, keep = tmp_path_factory.mktemp('results'), (results.RESULTS, figures.FIGURES)
    results.RESULTS, figures.FIGURES = path / 'results', path / 'figures'
    yield path
    results.RESULTS, figures.FIGURES = keep


def tiny_members(module, mode, seeds=(None,), **given):
    """As evidence.members, but tiny runs."""
    loads = exp_params.MODES[mode].get('network_load')
    small = TINY | ({'rate_thinning': 1, 'N': 40} if loads else {})
    seeds = [{} if seed is None else {'seed': seed} for seed in seeds]
    return [load_params(module, mode=mode, **small | given | seed) for seed in seeds]


def done(runs):
    """The finished runs."""
    return [results.load_npz(finish(p), 'result') for p in runs]


def test_every_experiment_gives_numbers_and_a_figure(folder, monkeypatch):
    """Values of every row are finite, but for the tracking of trials that these runs do not have; every figure is drawn."""
    monkeypatch.setattr(evidence, 'members', tiny_members)
    for module in (experiments, experiments_paper):
        monkeypatch.setattr(module, 'MANY', (1, 2))
    monkeypatch.setattr(experiments_paper, 'FEW', (1, 2))
    drawn = set()
    for experiment in experiments.experiments('paper'):
        if experiment['mode'] == 'replay_published':
            continue
        runs = done(experiment['runs'])
        for row in experiment['rows']:
            found = evidence.evaluate(row, runs)
            assert found['ours'] is not None or 'output follows' in row['quantity'], row['quantity']
            assert found['sem'] is None or math.isfinite(found['sem'])
        if experiment['figure']:
            plot_generator.FIGURES[experiment['figure']](runs)
            drawn.add(experiment['figure'])
    assert set(plot_generator.FIGURES) - drawn <= {'fig_network'}


SLOW = [{'objective': 'double_angle'}, {'input_dim': 6, 'objective': 'classifier'}, {'input_dim': 6}, {'trial_num_2': 0},
        {'released_code': True, 'rng': 'legacy'}, {'mode': 'noise_sweep', 'array_num': 2}, {'objective': 'classifier', 'n': 2}]


@pytest.mark.parametrize('given', [{'objective': 'mixed', 'n': 2}, *(pytest.param(x, marks=pytest.mark.slow) for x in SLOW)],
                         ids=str)
def test_figures_of_one_mode(folder, given, capsys):
    """What `python -m task_plasticity.plot_generator` draws."""
    n = given.get('n', 1)
    p = {'mode': 'annealed'} | TINY | {name: value for name, value in given.items() if name != 'n'}
    for i in range(n):
        finish(load_params(exp_params, **p, seed=3 + i))
    plot_generator.main([f'{name}={value}' for name, value in (p | {'seed': 3, 'n': n}).items()])
    assert '.png' in capsys.readouterr().out


@pytest.mark.parametrize('given, message', [
    ({'test_num': 0}, 'test_num > 0'), ({'tuning': False}, 'tuning=True'),
    ({'sigma_test': 0.0}, 'must not be 0'), ({'test_num': 1}, 'usable records|the circle; . occur')])
def test_what_cannot_be_drawn_ends_in_one_line(folder, given, message, capsys):
    p = {'mode': 'annealed', 'objective': 'classifier'} | TINY | given
    finish(load_params(exp_params, **p))
    with pytest.raises((SystemExit, ValueError)) as error:
        plot_generator.main([f'{name}={value}' for name, value in p.items()])
    assert re.search(message, capsys.readouterr().err + str(error.value))


@pytest.mark.parametrize('N', [1, 2])
def test_pairs_of_neurons_are_needed(N):
    with pytest.raises(ValueError, match=f'N = {N}: .* from N = 3 on'):
        plot_generator.main(['mode=smoke', 'objective=categorisation', f'N={N}'])


# ---------------------------------------------------------------- names and stamps

def params_of(**given):
    """A finished run as far as its name goes."""
    p = load_params(exp_params, **{'mode': 'smoke', 'seed': 1} | given)
    return {'params': dataclasses.asdict(p), 'mode': p.mode, 'seed': p.seed}, {}


def test_figures_of_different_parameters_have_different_names():
    given = [{}, {'N': 4}, {'N': 5}, {'objective': 'mixed'}, {'input_dim': 5}, {'released_code': True}, {'seed': 2}]
    names = [plot_generator.file_name('fig_1', [params_of(**more)]) for more in given]
    assert len(set(names)) == len(given) and names[0] == 'fig_1_smoke_s1'
    sweep = [params_of(mode='noise_sweep', array_num=k) for k in (1, 2)]
    assert plot_generator.file_name('fig_3', sweep) == 'fig_3_noise_sweep_s1'


def test_the_stamp_lists_what_was_given_and_says_where_it_was_cut():
    assert plot_stamp.changed(params_of(mode='annealed', objective='classifier', N=7)[0]['params']) == {
        'objective': 'classifier', 'N': 7}
    assert plot_stamp.shown([params_of()]) == 'mode=smoke; seed 1'
    many = {name: 0.123 for name in ('sigma', 'kappa_in', 'mu_in', 'sigma_sampler', 'alpha', 'beta', 'weight_l2', 'decoder_l2',
                                     'bias_weight_l2', 'i_weight_l2', 'reward_baseline', 'initial_bias', 'lambda_l1')}
    text = plot_stamp.shown([params_of(**many | {'reward_baseline': True})])
    assert len(text) == plot_stamp.LONGEST and text.endswith(' ...')


# ---------------------------------------------------------------- panels

def runs_with(suffix='_2', **values):
    """One run whose session has these values; angles: 5 around the circle unless given."""
    p = params_of(input_dim=5)[0]['params']
    s = SimpleNamespace(**{'p': p, 'angles': -np.pi + np.arange(5) * 2 * np.pi / 5, 'boundaries': (0.0, -np.pi)} | values)
    s.at_angle = lambda values, angle: Session.at_angle(s, values, angle)
    return [({'params': s.p, 'mode': s.p['mode'], 'seed': 1, 'sessions': {suffix: s}}, {})]


def axis():
    """An empty one."""
    return grid(1, 1)[1][0, 0]


def test_a_missing_test_angle_is_named():
    with pytest.raises(ValueError, match='seed 1: .* around the circle; 2 occur of 5'):
        panels.sessions(runs_with(angles=np.array([-np.pi, 0.0])))


def test_an_odd_number_of_angles_is_labelled_as_it_is():
    tuning = np.eye(5)[:, [0, 3, 4]]
    ax = axis()
    panels.aligned_tuning(ax, [(runs_with(tuning=tuning), 'x', 'k')])
    x, y = ax.lines[0].get_data()
    assert x[y.argmax()] == 0 and x[-1] - x[0] == pytest.approx(2 * np.pi)
    some = runs_with(tuning=tuning, noise_correlation=np.ones((3, 3)), net={'b': np.zeros(3)}, r=np.ones((3, 5)),
                     keep=np.ones(5, bool), theta=-np.pi + np.arange(5) * 2 * np.pi / 5)
    ax = axis()
    panels.coactivity(ax, some)
    assert [line.get_label() for line in ax.lines] in (['θ = -0.2π', 'θ = π'], ['θ = 0.2π', 'θ = π'])
    assert [len(line.get_xdata()) for line in ax.lines] == [1, 1]
    ax = axis()
    panels.variation_map(ax, some)
    assert list(ax.get_xticks()) == [0, 2.5]


def test_boundaries_are_labelled_where_they_are():
    some = runs_with(boundaries=(1.0, -2.0), boundary_d_prime=(1.0, 2.0), fisher=np.arange(5.0), accuracy=0.5)
    axes = plot_generator.FIGURES['fig_boundary'](some).axes
    assert axes[0].get_title() == "d' at the boundary at 0.32π, n = 1"
    assert axes[0].get_xlabel() == 'mean of the prior μ (boundaries at 0.32π and -0.64π)'
    assert axes[1].get_title() == 'Fisher information at 0.2π, n = 1' and '3' in [text.get_text() for text in axes[1].texts]


@pytest.mark.parametrize('outputs, wanted', [(('sin θ',), lambda theta, b: np.sin(theta)[:, None]),
                                             (('P(side)', '|θ|'), lambda theta, b: np.stack([theta > 0, np.abs(theta)], 1))])
def test_outputs_of_a_task_of_ones_own_are_drawn_with_their_targets(outputs, wanted, monkeypatch):
    monkeypatch.setitem(tasks.TASKS, 'own', tasks.Task(wanted, outputs))
    theta = np.repeat(-np.pi + np.arange(5) * 2 * np.pi / 5, 4)
    p = params_of(input_dim=5)[0]['params'] | {'objective': 'own'}
    o = np.random.default_rng(0).normal(0, 0.1, (len(outputs), 20))
    some, ax = runs_with(p=p, task=tasks.TASKS['own'], theta=theta, keep=np.ones(20, bool), o=o, output_variance=np.ones(5),
                         mean_output=np.zeros((5, 1))), axis()
    panels.circle(ax, some)
    crosses = np.concatenate([np.column_stack(line.get_data()) for line in ax.lines if line.get_marker() == 'x'])
    assert len(crosses) == 5 and outputs[0] in (ax.get_xlabel(), ax.get_ylabel())
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    assert ((crosses > (x0, y0)) & (crosses < (x1, y1))).all()


@pytest.mark.parametrize('factor', [1.0, 1.5, 100.0])
def test_errors_of_one_decade_have_numbers_on_their_axis(factor):
    ax, error = axis(), iter([0.3, 0.3 * factor] * 8)
    some = runs_with()
    some[0][0]['params']['sigma'] = 0.1
    tested = SimpleNamespace(weighted_error=lambda kappa: next(error), prior_concentration=1.5)
    some[0][0]['sessions'] = {f'_sigma_{x}': tested for x in plot_sweeps.NOISES}
    plot_sweeps.error_against_noise(ax, some)
    low, high = ax.get_ylim()
    assert any(low <= tick <= high for tick in ax.get_yticks())
