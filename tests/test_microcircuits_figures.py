"""Dendritic microcircuits: every figure and row can be made of (tiny) runs; no panel stays empty; values of rows."""
import dataclasses
import math
import warnings

import numpy as np
import pytest
from test_microcircuits_parameters import base_of, small_mnist  # noqa: F401 (fixture)

from common.params import load_params
from common.results import result_path, save_result
from microcircuits import (
    checks,
    exp_params,
    experiments,
    experiments_paper,
    experiments_rows,
    plot_arms,
    plot_generator,
    plot_panels,
    plot_series,
    simulation,
)

TINY = {'fig_3abc': [('fig3_weak', dict(seed=s)) for s in (1, 2)],
        'fig_4ab': [(mode, dict(record='MSE,WPP,WIP,BPP,BPI')) for mode in ('fig4_pal', 'fig4_bp', 'fig4_fa')],
        'fig_s_noise_time': [(f'fig6_{n}_{kind}', {}) for n in (10, 100) for kind in ('u', 'prosp')],
        'fig_s_prospectivity': [('prospectivity', dict(taur=rho, tauxi=tau)) for rho in (0.0, 1.0) for tau in (0.1, 0.3)],
        'fig_pal_ldrl': [('pal_ldrl', exp_params.SWEEPS['pal_ldrl'][i]) for i in (0, 1, 10, 60, 61, 70, 150, 151)],
        'fig_demos': [(mode, {}) for mode in experiments_paper.DEMOS],
        'fig_yin_yang': [('yin_yang', exp_params.SWEEPS['yin_yang'][i]) for i in (0, 1, 10, 11, 20, 21, 30, 31)],
        'fig_mnist': [('mnist', exp_params.SWEEPS['mnist'][i]) for i in (0, 5, 10)]}


def run_of(p):
    """(meta, arrays) of a run."""
    arrays = simulation.run(p)
    return {'mode': p.mode, 'seed': p.seed, 'params': dataclasses.asdict(p), 'diverged_at': int(arrays['diverged_at'])}, arrays


def runs_of(name):
    """Tiny runs for one figure."""
    return [run_of(base_of(mode, **more)) for mode, more in TINY[name]]


def full(figure, name):
    """Every panel of a figure shows something."""
    for ax in figure.axes:
        assert not ax.axison or ax.lines or ax.collections or ax.images, f'{name}: {ax.get_title()} is empty'
        assert not ax.axison or ax.get_xlabel() or ax.get_ylabel() or ax.get_label() == '<colorbar>'
    import matplotlib.pyplot as plt
    plt.close(figure)


@pytest.mark.parametrize('name', [pytest.param(name, marks=[pytest.mark.slow] if name == 'fig_demos' else [])
                                  for name in sorted(TINY)])
def test_figures_have_something_in_every_panel(name, small_mnist):  # noqa: F811
    with warnings.catch_warnings(action='ignore'):
        figure = plot_generator.FIGURES[name](runs_of(name))
    full(figure, name)


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


# ---------------------------------------------------------------- runs with other settings than the published ones

LDRL = dict(model_type='LDRL', connection='skip', noise_mode='uP', gate_regularizer=False)
WIDE = dict(layers=(2, 3, 4, 2), eta_fw=(0.0,) * 3, eta_bw=(200.0,) * 2, eta_PI=(5.0,) * 2, alpha=(1e-4,) * 2,
            noise_scale=(0.05,) * 2)
MANY = dict(layers=(3,) * 8, eta_fw=(1.0,) * 7) | {name: (x,) * 6 for name, x in (
    ('eta_bw', 50.0), ('eta_IP', 0.0), ('eta_PI', 5.0), ('alpha', 0.0), ('noise_scale', 0.05))}


@pytest.mark.parametrize('mode, more', [
    ('phased_template', LDRL | dict(eta_bw=(10.0,), record='MSE,WPP,BPP')), ('yin_yang', LDRL), ('pal_ldrl', LDRL),
    ('pal_ldrl', dict(model_type='BP')), ('fig6_10_prosp', MANY), ('phased_small', WIDE)])
def test_other_rules_and_layers_are_drawn_too(mode, more):
    """Every rule has a colour and its name, any number of layers colours; nothing is empty or warns."""
    with warnings.catch_warnings(action='error'):
        figure = plot_generator.OF_MODE[mode]([run_of(base_of(mode, **more))])
    full(figure, mode)


def test_demonstrations_of_deeper_networks_compare_what_belongs_together():
    """The cosines of B and the path W_N .. W_{l+1} are those of the recorded angles."""
    p = base_of('phased_small', **WIDE, angles=True)
    figure = plot_generator.fig_demos([run_of(p)])
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    angles = simulation.run(p)['angle_WPPT_BPP']
    for layer in (0, 1):
        assert np.allclose(lines[f'B, W$^T$, layer {layer + 1}'], np.cos(np.radians(angles[:, layer])), atol=1e-12)
    assert 'W$^I$, W' in lines and np.allclose(lines['B$^I$, −B, layer 1'][0], 1, atol=1e-3)


@pytest.mark.parametrize('more, first, last', [(dict(rec_per_steps=140), 0.16, 3.52),
                                               (dict(rec_per_steps=200, settling_time=2.5), -0.2, 3.8)])
def test_records_are_drawn_at_their_epoch(more, first, last):
    """Also where neither pre-training nor epochs are whole numbers of records: 250 steps an epoch."""
    run = run_of(load_params(exp_params, mode='smoke', task='fw_bw', record='MSE', **more))
    figure = plot_generator.fig_3([run])
    x = figure.axes[0].lines[0].get_xdata()
    assert (x[0], x[-1]) == pytest.approx((first, last))
    assert plot_panels.epochs_of(run, 'MSE')[-1] == pytest.approx(last) and plot_panels.epochs_of(run, 'MSE')[0] > 0
    updates = figure.axes[2].lines[0].get_xdata()                  # with the weights of one record an epoch
    assert updates == pytest.approx([x[x > 0][0] + k * more['rec_per_steps'] / 250 for k in range(4)])


def test_published_data_lie_over_the_published_setting_only():
    """Seeds, stream and released options may differ."""
    def name(**more):
        params = dataclasses.asdict(load_params(exp_params, mode='fig3_weak', **more))
        return plot_panels.comparable([({'mode': 'fig3_weak', 'params': params}, {})], 'angle_WPPT_BPP')
    with warnings.catch_warnings(action='ignore'):
        assert name(seed=5, rng='legacy', released_code=True, compare='') == 'weak_WT_vs_B'
        for more in (dict(epochs=99), dict(rec_per_steps=500), dict(dataset_size=99, settling_time=1), dict(taur=0.5),
                     dict(input_seed=1), dict(layers=(5, 20, 10, 20, 6))):
            assert name(**more) is None, more


def test_ten_short_runs_of_the_legacy_stream_are_drawn():
    runs = [run_of(base_of('fig3_weak', seed=seed, rng='legacy', compare='')) for seed in exp_params.SEEDS]
    figure = plot_generator.fig_3(runs)
    assert [text.get_text() for ax in figure.axes for text in ax.texts] == ['angle_BP_updates is not recorded']


def test_what_a_run_lacks_leaves_the_other_panels():
    """A series that is not recorded, and a run that diverged."""
    figure = plot_generator.fig_yin_yang([run_of(base_of('yin_yang', angles=False))])
    assert [ax.has_data() for ax in figure.axes] == [True, True, True, False]
    with warnings.catch_warnings(action='ignore'):
        lost, good = (run_of(load_params(exp_params, mode='smoke', eta_bw=(eta,) * 2)) for eta in (1e12, 50.0))
    assert plot_generator.whole([lost, good]) == [good] and plot_generator.whole([lost]) == [lost]
    with warnings.catch_warnings(action='error'):
        figure = plot_generator.fig_3([lost])
    assert np.isfinite(figure.axes[0].lines[0].get_ydata()).any() and not figure.axes[2].lines


def test_errors_of_short_runs_are_shown():
    """The average is no longer than the run; a line of one point is a dot."""
    run = run_of(load_params(exp_params, mode='fig4_pal', epochs=5, dataset_size=10, settling_time=1.0, rec_per_steps=10))
    assert len(plot_generator.fig_4ab([run]).axes[0].lines[0].get_xdata()) > 100
    run = run_of(load_params(exp_params, mode='fig4_pal', epochs=1, dataset_size=5, settling_time=1.0, rec_per_steps=1))
    assert plot_series.moving_average([run]) == pytest.approx(run[1]['MSE'].mean())
    figure, axes = plot_generator.grid(1, 1)
    plot_series.lines(axes[0, 0], [run], plot_series.moving_average([run]), '')
    plot_panels.dots(figure)
    assert axes[0, 0].lines[0].get_marker() == '.'


def test_the_last_epochs_are_epochs_whatever_the_records():
    """Angles 1, 2, ... of two records an epoch, one of them pre-training: the last 10 of 20 epochs are 20 records."""
    p = load_params(exp_params, mode='pal_ldrl', epochs=20, dataset_size=10, settling_time=5.0, rec_per_steps=500)
    angles = {'angle_WPPT_BPP': np.arange(41.0)[:, None], 'first_record': np.array(1)}
    run = {'seed': 1, 'params': dataclasses.asdict(p)}, angles
    assert plot_arms.settings_of([run], 'PAL') == {(0.05, 20.0): {1: pytest.approx(np.arange(21, 41).mean())}}
    figure, axes = plot_generator.grid(1, 1)
    plot_arms.best_curves(axes[0, 0], [run])
    assert axes[0, 0].lines[0].get_xdata()[[0, -1]] == pytest.approx([0, 20])


# ---------------------------------------------------------------- every recorded quantity (all=True)

def test_settings_are_not_averaged_together():
    """Arms have curves of their own, with what differs in the legend; seeds of one arm are averaged."""
    runs = []
    for arm, angle in ((0, 10.0), (10, 30.0), (20, 50.0)):
        for i, more in enumerate((0.0, 2.0)):
            params = dataclasses.asdict(base_of('yin_yang', **exp_params.SWEEPS['yin_yang'][arm + i]))
            runs.append(({'seed': params['seed'], 'params': params}, {'angle_WPPT_BPP': np.full((3, 1), angle + more)}))
    drawn = dict(plot_series.angles(runs, '', 0))
    figure, axes = plot_generator.grid(1, 2)
    drawn['angle_WPPT_BPP0'](axes[0, 0])
    drawn['angle_WPPT_BPP0_mean'](axes[0, 1])
    assert [line.get_ydata()[0] for line in axes[0, 1].lines] == [11, 31, 51]
    for ax in axes[0]:
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        assert texts[1] == 'model_type=FA, eta_bw=(0.0,) (n = 2)' and len(set(texts)) == 3
    assert len({tuple(line.get_color()) for line in axes[0, 0].lines}) == 3
    assert list(plot_series.groups(runs[:2])) == ['']


@pytest.mark.parametrize('more, name', [
    (dict(mode='fig4_pal'), 'teacher, samples in stored order'),
    (dict(mode='fig4_pal', dataset_size=1, settling_time=1), 'teacher'), (dict(mode='phased_template'), 'teacher'),
    (dict(mode='phased_template', rec_per_steps=70), 'teacher, samples in stored order')])
def test_a_teacher_that_saw_the_samples_in_another_order_is_named_so(more, name):
    with warnings.catch_warnings(action='ignore'):
        params = dataclasses.asdict(load_params(exp_params, **({'rec_per_steps': 100} | more)))
    run = {'params': params}, {'teacher_uP_breve_2': np.zeros((4, 1)), 'teacher_WPP_1': np.zeros((1, 1))}
    assert plot_series.of_teacher(run, 'uP_breve', 1)[0] == name
    assert plot_series.of_teacher(run, 'WPP', 0)[0] == 'teacher' and plot_series.of_teacher(run, 'WPP', 1) is None


def test_old_plots_of_other_series_do_not_stay(results, monkeypatch):
    """Those that were drawn there before, and no other file."""
    monkeypatch.setattr('common.figures.FIGURES', results)
    words = ['mode=smoke', 'record=BPP', 'compare=']
    p, words = load_params(exp_params, *words), [*words, 'all=True']
    save_result(result_path(p), p, simulation.run(p), diverged_at=-1, blown_up=None)
    plot_generator.main(words)
    folder, = (path for path in (results / 'microcircuits').glob('smoke-*') if path.is_dir())     # not among the mode's own
    for name in ('noise_layer2.png', 'angle_MC_BP_ANN7_mean.png', 'mine.png', 'my_noise_layer2.png'):
        (folder / name).touch()
    plot_generator.main(words)
    left = {path.name for path in folder.glob('*.png')}
    assert {'mine.png', 'my_noise_layer2.png', 'BPP_layer0.png', 'angle_WPPT_BPP0_mean.png'} <= left
    assert not {'noise_layer2.png', 'angle_MC_BP_ANN7_mean.png'} & left


def test_every_plot_has_a_name_that_is_known():
    """Of every series, phaseless and phased."""
    for mode, more in (('smoke', dict(task='fw_bw')), ('phased_pinv', {})):
        p = base_of(mode, **more, record=','.join(checks.SERIES), angles=True)
        names = [name for name, _ in plot_series.figures([run_of(p)])]
        assert len(names) > 25 and all(plot_series.NAMES.fullmatch(name) for name in names)


# ---------------------------------------------------------------- which runs are drawn

def test_seeds_find_the_runs_of_the_sweep_and_those_alone(results):
    """fig4_pal: seed 1 of the sweep, 3 of the sweep and alone, 5 alone, 7 nowhere. yin_yang: all arms of a seed."""
    def save(*words):
        p = load_params(exp_params, *words)
        save_result(result_path(p), p, {'x': np.zeros(1)}, diverged_at=-1, blown_up=None)
        return p

    words, number = ['mode=fig4_pal', 'epochs=3'], {seed: exp_params.SEEDS.index(seed) + 1 for seed in (1, 3)}
    wanted = [save(*words, f'array_num={number[1]}'), save(*words, f'array_num={number[3]}'), save(*words, 'seed=5')]
    save(*words, 'seed=3')
    assert plot_generator.members_of(words, '1,3,5') == wanted
    assert plot_generator.members_of([*words, 'array_num=0'], '1,3,5') == wanted
    assert plot_generator.members_of([*words, 'seed=1'], None) == wanted[:1]
    assert plot_generator.members_of(words, '7') == [load_params(exp_params, *words, 'seed=7')]
    arms = [save('mode=yin_yang', f'array_num={i}') for i in (1, 11, 21)]
    assert plot_generator.members_of(['mode=yin_yang'], '123456') == arms[:1]          # the run alone is the first of them
    arms.append(save('mode=yin_yang', 'array_num=31'))
    assert plot_generator.members_of(['mode=yin_yang'], '123456') == arms
    one = save('mode=prospectivity', 'taur=0.5')
    assert plot_generator.members_of(['mode=prospectivity', 'taur=0.5'], None) == [one]
