"""Task-dependent representations: every experiment's rows and figure, from tiny runs; figures of single modes."""
import math
import re

import matplotlib
import pytest

from common import figures, results
from common.params import load_params
from common.running import finish
from reproduction import evidence
from task_plasticity import exp_params, experiments, experiments_paper, plot_generator

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
