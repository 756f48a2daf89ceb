"""Dendritic microcircuits: every figure and row can be made of (tiny) runs; no panel stays empty; values of rows."""
import dataclasses
import math
import warnings

import numpy as np
import pytest
from test_microcircuits_parameters import base_of, small_mnist  # noqa: F401 (fixture)

from microcircuits import exp_params, experiments, experiments_paper, experiments_rows, plot_arms, plot_generator, simulation

TINY = {'fig_3abc': [('fig3_weak', dict(seed=s)) for s in (1, 2)],
        'fig_4ab': [(mode, dict(record='MSE,WPP,WIP,BPP,BPI')) for mode in ('fig4_pal', 'fig4_bp', 'fig4_fa')],
        'fig_s_noise_time': [(f'fig6_{n}_{kind}', {}) for n in (10, 100) for kind in ('u', 'prosp')],
        'fig_s_prospectivity': [('prospectivity', dict(taur=rho, tauxi=tau)) for rho in (0.0, 1.0) for tau in (0.1, 0.3)],
        'fig_pal_ldrl': [('pal_ldrl', exp_params.SWEEPS['pal_ldrl'][i]) for i in (0, 1, 10, 60, 61, 70, 150, 151)],
        'fig_demos': [(mode, {}) for mode in experiments_paper.DEMOS],
        'fig_yin_yang': [('yin_yang', exp_params.SWEEPS['yin_yang'][i]) for i in (0, 1, 10, 11, 20, 21, 30, 31)],
        'fig_mnist': [('mnist', exp_params.SWEEPS['mnist'][i]) for i in (0, 5, 10)]}


def runs_of(name):
    """Tiny runs for one figure."""
    found = []
    for mode, more in TINY[name]:
        p = base_of(mode, **more)
        meta = {'mode': mode, 'seed': p.seed, 'params': dataclasses.asdict(p), 'diverged_at': -1}
        found.append((meta, simulation.run(p)))
    return found


@pytest.mark.parametrize('name', [pytest.param(name, marks=[pytest.mark.slow] if name == 'fig_demos' else [])
                                  for name in sorted(TINY)])
def test_figures_have_something_in_every_panel(name, small_mnist):  # noqa: F811
    with warnings.catch_warnings(action='ignore'):
        figure = plot_generator.FIGURES[name](runs_of(name))
    for ax in figure.axes:
        assert not ax.axison or ax.lines or ax.collections or ax.images, f'{name}: {ax.get_title()} is empty'
        assert not ax.axison or ax.get_xlabel() or ax.get_ylabel() or ax.get_label() == '<colorbar>'
    import matplotlib.pyplot as plt
    plt.close(figure)


def test_every_mode_and_every_experiment_has_a_figure():
    assert set(plot_generator.OF_MODE) == set(exp_params.MODES)
    with warnings.catch_warnings(action='ignore'):
        for level in ('quick', 'headline', 'paper'):
            for experiment in experiments.experiments(level):
                assert experiment['figure'] is None or experiment['figure'] in plot_generator.FIGURES
                assert experiment['runs']


def test_arms_and_their_differences():
    """Arms are told apart by what they learn; differences are taken seed by seed, whatever the order of the runs."""
    members = [{'seed': 1}, {'seed': 2}]
    runs = []
    for arm, level in (('PAL', 0.9), ('FA', 0.8), ('PAL-fixed-B', 0.85), ('FA-noise', 0.7)):
        start = {'PAL': 0, 'FA': 10, 'PAL-fixed-B': 20, 'FA-noise': 30}[arm]
        for k in (1, 0):
            p = base_of('yin_yang', **exp_params.SWEEPS['yin_yang'][start + k])
            assert p.arm == arm and arm in p.member
            series = {'test_accuracy': np.array([0.1, level + 0.01 * k * (arm == 'PAL')])}
            runs.append(({'params': dataclasses.asdict(p), 'seed': p.seed, 'mode': p.mode}, series))
    assert len(plot_arms.of_arm(runs, 'PAL')) == len(members)
    assert experiments_rows.differences('PAL', 'FA', 'test_accuracy')(runs) == pytest.approx([0.1, 0.11])
    assert experiments_rows.differences('FA-noise', 'PAL-fixed-B', 'test_accuracy')(runs) == pytest.approx([-0.15, -0.15])
    assert sorted(experiments_rows.accuracies('PAL', 'test_accuracy')(runs)) == pytest.approx([0.9, 0.91])
    p = experiments_rows.p_of('PAL', 'FA', 'test_accuracy')(runs)
    assert p == pytest.approx(2 * (0.5 - math.atan(21) / math.pi), rel=1e-6)     # t = .105 / .005 = 21, one degree of freedom
