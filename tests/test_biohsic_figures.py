"""biohsic: figures say which runs they show, and show nothing that was not measured or does not belong there."""
import dataclasses
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from biohsic import exp_params, experiments, plot_generator
from biohsic import plot_labels as labels
from common.params import load_params


@pytest.fixture(autouse=True)
def closed():
    """No figure outlives its test."""
    yield
    plt.close('all')


def fake(mode, **given):
    """(meta, arrays) of a run of this mode that was not made."""
    return numbers(load_params(exp_params, mode=mode, **given))


def numbers(p):
    """(meta, arrays) of a run with parameters p that was not made: random numbers of the right shapes."""
    rng, rows, M, L = np.random.default_rng(0), p.nepochs + 1, p.nmodels, len(p.features)
    meta = json.loads(json.dumps({'params': dataclasses.asdict(p), 'mode': p.mode}))
    if p.task == 'reservoir':
        windows, T = p.nsamples - p.batch_size + 1, p.sample_timesteps
        return meta, {f'{name}_{what}': rng.normal(size=(M, *n, windows, *t, p.zdim)) for name, n in
                      (('eval', (rows,)), ('frozen', ())) for what, t in (('target', ()), ('output', (T,)))}
    names = ['test'] + ['train'] * (p.train_metrics or p.task == 'lif') + ['check'] * bool(p.check_size)
    d = {f'{name}_accuracy': rng.uniform(0.3, 0.9, (rows, M)) for name in names}
    d.setdefault('train_accuracy', np.full((rows, M), np.nan))
    if p.task == 'lif':
        d['train_hsic'] = rng.normal(size=(rows, M, L + 1, 3))
    if p.sliding and L:
        d |= {'third_factor_kz': rng.dirichlet(np.ones(20), (rows, M, L)), 'third_factor_xi': rng.uniform(size=(rows, M, L)),
              'third_factor_cosine': rng.uniform(-1, 1, (rows, M, L)), 'third_factor_hsic': rng.normal(size=(rows, M, L, 2))}
        if p.batch_size < 4:
            d['third_factor_hsic'][..., 1] = np.nan
        if p.modulator == 'none':
            d['third_factor_cosine'][:], d['third_factor_xi'][:] = np.nan, 0.0
    return meta, d


def drawn(name, *runs):
    """The figure of these runs."""
    return plot_generator.FIGURES[name](list(runs))


def below(figure):
    """The line below a figure."""
    return figure.get_supxlabel().replace('\n', ' ')


def names(ax):
    """The entries of an axes' legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def dashed(ax):
    """The dashed curves of an axes: published values."""
    return [line for line in ax.lines if line.get_linestyle() == '--']


def titles(figure):
    return [ax.get_title() for ax in figure.axes if ax.get_title()]


# ---------------------------------------------------------------- F1

@pytest.mark.parametrize('given, shown', [
    (dict(nsamples=14, batch_size=4, nepochs=2, nmodels=3), {'start of training': (0.22, 0.44), 'epoch 1 to 2': (0.33, 0.55),
                                                             'new epoch': (0, 0.22)}),
    ({}, {'start of training': (1.82, 2.82), 'epoch 1 to 2': (3.14, 4.14), 'epoch 2 to 3': (4.96, 5.96), 'new epoch': (0, 1)}),
    (dict(nsamples=12, nepochs=1, zdim=1), {'start of training': (0.06, 0.12), 'new epoch': (0, 0.06)}),
    (dict(nsamples=12, nepochs=0), {'untrained': (0, 0.06), 'new epoch': (0, 0.06)}),
])
def test_times_and_titles_of_f1_follow_from_the_runs_lengths(given, shown):
    figure = drawn('f1_reservoir', fake('reservoir', **given))
    found = {ax.get_title().removeprefix('target, '): ax for ax in figure.axes if ax.get_title().startswith('target')}
    assert list(found) == list(shown)
    for title, ax in found.items():
        assert ax.images[0].get_extent()[:2] == pytest.approx(shown[title])
        columns = ax.images[0].get_array().shape[1]
        assert columns == pytest.approx((shown[title][1] - shown[title][0]) / 0.001, abs=1)


def test_f1_counts_the_networks():
    small = dict(nsamples=12, nepochs=1)
    assert '3 networks' in drawn('f1_reservoir', fake('reservoir', nmodels=3, **small)).get_suptitle()
    both = drawn('f1_reservoir', fake('reservoir', seed=1, **small), fake('reservoir', seed=2, **small))
    assert '2 networks' in both.get_suptitle() and 'seed 1,' in below(both)


# ---------------------------------------------------------------- F2

def test_f2_shows_the_points_that_were_trained_on():
    axes = drawn('f2_small_tasks', fake('lif_xor', train_size=60, nmodels=2, nepochs=2)).axes
    assert sum(len(points.get_offsets()) for points in axes[1].collections) == 60
    assert axes[1].get_title() == '60 training points'


@pytest.mark.parametrize('given, belongs', [
    (dict(nepochs=2, nmodels=2), True), (dict(seed=5, independent_orders=True), True), (dict(modulator='published'), True),
    (dict(modulator='exact'), False), (dict(gamma=3.0), False), (dict(features=(4, 4, 4)), False),
    (dict(train_size=60), False), (dict(input_scale=1.0), False), (dict(batch_size=6), False),
])
def test_published_values_stand_beside_their_setting_only(given, belongs):
    run = fake('lif_xor', **given)
    assert labels.belongs(run, 'lif_xor') == belongs
    axes = drawn('f2_small_tasks', run).axes
    assert [bool(dashed(ax)) for ax in axes[2:5]] == [belongs, belongs, False]
    assert ('published' in axes[3].get_title()) == belongs


@pytest.mark.parametrize('nepochs, ticks', [(0, [0]), (1, [0, 1]), (2, [0, 1, 2]), (25, [0, 5, 10, 15, 20, 25])])
def test_epochs_are_whole_and_end_with_the_run(nepochs, ticks):
    axes = drawn('f2_small_tasks', fake('lif_xor', nepochs=nepochs, nmodels=2)).axes
    for ax in axes[2:5]:
        low, high = ax.get_xlim()
        assert [t for t in ax.get_xticks() if low <= t <= high] == ticks
        assert all(line.get_xdata().max() <= nepochs for line in ax.lines)


def test_other_runs_on_the_same_points_are_drawn_and_the_panels_of_one_run_say_which():
    runs = fake('bp_xor', nepochs=3), fake('lif_xor', nepochs=3, nmodels=2, check_size=20)
    axes = drawn('f2_small_tasks', *runs).axes
    assert names(axes[2])[:2] == ['back-propagation (n = 30)', 'rule (n = 2)']
    assert axes[3].get_title() == 'XOR task: first 20 training samples' and len(axes[3].lines) == 1
    assert all('rule (n = 2)' in ax.get_title() for ax in axes[4:6])


def test_modes_that_belong_to_several_figures_make_several():
    modes = ('bp_xor', 'biohsic_linear', 'lif_xor', 'biohsic_mnist', 'reservoir')
    members = [load_params(exp_params, mode=mode) for mode in modes]
    found = {key[0]: [p.mode for p in some] for key, some in plot_generator.by_figure(members).items()}
    assert found == {'f2_small_tasks': ['bp_xor', 'lif_xor'], 'f3_large_tasks': ['biohsic_linear', 'biohsic_mnist'],
                     'f1_reservoir': ['reservoir']}


# ---------------------------------------------------------------- F3

DIGITS = dict(data='digits', nmodels=2, nepochs=2)


@pytest.mark.parametrize('runs, words', [
    ([('biohsic_mnist', {}), ('lif_mnist', {})], ['biohsic_mnist', 'lif_mnist']),
    ([('smoke', {}), ('smoke', {'seed': 7})], ['seed=42', 'seed=7']),
    ([('smoke', {'gamma': 1.0}), ('smoke', {'gamma': 3.0, 'sigma_z': 2.0})], ['gamma=3', 'sigma_z=2']),
    ([('biohsic_mnist', {'model': 'linear'}), ('biohsic_mnist', {})], ['read-out alone, no hidden layer', 'rule (n = 2)']),
    ([('bp_mnist', {'model': 'linear'}), ('bp_mnist', {})], ['back-propagation, no hidden layer', 'back-propagation (n']),
])
def test_labels_and_colours_tell_runs_apart(runs, words):
    found = labels.looks([fake(mode, **(DIGITS | given)) for mode, given in runs])
    text = [label for label, *_ in found]
    assert len(set(text)) == len({look for _, *look in map(tuple, found) for look in [tuple(look)]}) == len(runs)
    assert all(any(word in label for label in text) for word in words)


def test_many_runs_of_one_rule_look_different():
    found = labels.looks([fake('smoke', seed=seed) for seed in range(20)])
    assert len({look[1:] for look in found}) == len({look[0] for look in found}) == 20


def test_a_modulator_of_ones_own_is_drawn_under_its_name():
    meta, d = fake('smoke')
    meta['params']['modulator'] = 'forgetful'
    assert names(drawn('f3_large_tasks', (meta, d), fake('smoke')).axes[-1]) == ['modulator=forgetful (n = 2)', 'rule (n = 2)']
    assert 'modulator=forgetful' in drawn('fig_third_factor', (meta, d)).axes[1].get_title()


@pytest.mark.parametrize('given, wanted', [
    ({}, ['test accuracy (%)', 'training accuracy (%)']), ({'train_metrics': False}, ['test accuracy (%)']),
    ({'train_metrics': False, 'check_size': 50}, ['test accuracy (%)', 'training accuracy (%)']),
    ({'check_size': 50}, ['test accuracy (%)', 'training accuracy (%)', 'training accuracy (%)']),
])
def test_there_is_a_panel_for_every_accuracy_that_was_measured(given, wanted):
    figure = drawn('f3_large_tasks', fake('smoke', **given))
    assert [ax.get_ylabel() for ax in figure.axes] == wanted and all(ax.lines for ax in figure.axes)
    assert ('first 50 training samples' in titles(figure)) == ('check_size' in given)
    assert names(figure.axes[-1]) == ['rule (n = 2)']


def test_a_row_without_training_accuracy_says_so():
    figure = drawn('f3_large_tasks', fake('biohsic_mnist', train_metrics=False, nmodels=1), fake('bp_fashion', nmodels=1))
    assert [text.get_text() for text in figure.axes[1].texts] == ['not measured in these runs']
    assert not figure.axes[3].texts


def test_published_curves_of_f3_stand_beside_their_own_rule():
    rule, rival = fake('biohsic_mnist', nepochs=3, nmodels=1), fake('bp_mnist', nepochs=3, nmodels=1)
    assert len(dashed(drawn('f3_mnist', rule).axes[0])) == 1
    both = drawn('f3_mnist', rule, rival).axes
    assert len(dashed(both[0])) == 2 and sum('published' in name for name in names(both[1])) == 2
    assert all(line.get_xdata().max() == 3 for line in dashed(both[0]))
    for other in (dict(train_size=600), dict(modulator='none'), dict(data='digits')):
        assert not dashed(drawn('f3_mnist', fake('biohsic_mnist', nepochs=3, nmodels=1, **other)).axes[0])


def test_the_legend_lies_beside_the_curves():
    figure = drawn('f3_mnist', *(fake('biohsic_mnist', nepochs=3, modulator=m) for m in ('released', 'exact', 'none')))
    figure.canvas.draw()
    box = figure.axes[-1].get_legend().get_window_extent()
    assert all(box.x0 >= ax.get_window_extent().x1 for ax in figure.axes)


# ---------------------------------------------------------------- F4

def test_f4_bars_accuracies_and_published_values():
    runs = [fake('memory_sweep', array_num=i, nmodels=3, check_size=50) for i in range(1, 6)]
    for _, d in runs:
        d['test_accuracy'] = np.full(d['test_accuracy'].shape, [0.0, 0.01, 0.2])
    figure = drawn('f4_memory_sweep', *runs)
    assert titles(figure) == ['test set', 'windows just learned, after their update', 'first 50 training samples']
    assert all(0 <= ax.get_ylim()[0] < ax.get_ylim()[1] <= 102 for ax in figure.axes)
    assert [len(dashed(ax)) for ax in figure.axes] == [5, 5, 0]
    assert figure.axes[2].get_legend().get_title().get_text() == 'dashed: published'
    assert 'n = 3' in below(figure) and 'bars: s.d.' in below(figure) and 'N = 2, 4, 8, 16, 32' in below(figure)
    small = [fake('memory_sweep', array_num=i, nmodels=1, train_size=500) for i in range(1, 6)]
    figure = drawn('f4_memory_sweep', *small)
    assert not any(dashed(ax) for ax in figure.axes) and 'bars' not in below(figure)


# ---------------------------------------------------------------- third factor

def test_more_layers_than_colours():
    figure = drawn('fig_third_factor', fake('smoke', features=(8,) * 9))
    lines = figure.axes[-1].get_legend().get_lines()
    assert len({tuple(line.get_color()) for line in lines}) == 9
    assert names(figure.axes[-1])[0] == 'layer 0 (first hidden)' and names(figure.axes[-1])[-1] == 'layer 8'


def test_what_a_run_cannot_have_is_not_promised():
    two, none = fake('smoke', batch_size=2), fake('smoke', modulator='none')
    axes = drawn('fig_third_factor', two, none).axes
    assert axes[3].get_title() == 'without bias: needs N of 4 or more' and len(axes[3].lines) == 3       # two layers, zero
    assert axes[7].get_title() == 'dotted: without bias' and len(axes[7].lines) == 5
    assert 'no cosine' in axes[6].texts[0].get_text() and not axes[2].texts


def test_the_whole_cosine_is_seen():
    ax = drawn('fig_third_factor', fake('smoke')).axes[2]
    assert min(line.get_ydata().min() for line in ax.lines) < -0.05
    assert all(ax.get_ylim()[0] <= line.get_ydata().min() for line in ax.lines)


# ---------------------------------------------------------------- the line below

@pytest.mark.parametrize('name, run, parts', [
    ('f1_reservoir', ('reservoir', dict(nsamples=12, nepochs=1)), ['mode=reservoir: seed 42', 'N = 10', 'γ = 2', 'nsamples=1']),
    ('f2_small_tasks', ('lif_xor', dict(gamma=3.0)), ['mode=lif_xor: seed 42', 'n = 30', 'γ = 3', 'bands: s.d.']),
    ('f3_large_tasks', ('bp_mnist', dict(seed=7, nmodels=1)), ['mode=bp_mnist: seed 7', 'n = 1', 'N = 6']),
    ('f4_memory_sweep', ('memory_sweep', dict(nmodels=2, modulator='exact')), ['=memory_sweep', 'N = 2', 'modulator=exact']),
    ('fig_third_factor', ('smoke', dict(features=(5, 4))), ['mode=smoke: seed 42', 'N = 4', 'γ = 2', 'features=(5, 4)']),
])
def test_a_line_below_says_what_is_shown(name, run, parts):
    line = below(drawn(name, fake(run[0], **run[1])))
    assert [part for part in parts if part not in line] == []
    assert ('γ' in line) == (run[0] != 'bp_mnist') and ('s.d.' in line) == (name[:2] != 'f1' and 'n = 1,' not in line)


def test_the_line_below_tells_what_only_some_runs_have():
    runs = [fake('lif_xor'), fake('lif_xor', modulator='none'), fake('lif_xor', modulator='exact'), fake('lif_linear')]
    line = below(drawn('f2_small_tasks', *runs))
    assert 'some: modulator=none or modulator=exact' in line and line.count('mode=') == 2


@pytest.mark.parametrize('figure', sorted(plot_generator.FIGURES))
def test_every_figure_of_reproduce_is_drawn_from_its_runs(figure):
    """The runs that experiments.py names for it, with two networks each."""
    levels = {'f3_mnist': ('quick', 'headline')}.get(figure, ('paper',))
    found = [e for level in levels for e in experiments.experiments(level) if e['figure'] == figure]
    assert found
    for experiment in found:
        line = below(drawn(figure, *(numbers(dataclasses.replace(p, nmodels=2)) for p in experiment['runs'])))
        assert all(f'mode={p.mode}' in line for p in experiment['runs'])


def test_runs_of_several_seeds_are_one_curve_and_a_control_is_told_apart():
    runs = [fake('biohsic_cifar10_reduced', seed=s, modulator=m, nepochs=2) for m in ('released', 'none') for s in (42, 43)]
    figure = drawn('f3_cifar10', *runs)
    assert names(figure.axes[-1]) == ['rule (n = 2)', 'no third factor (n = 2)'] and len(figure.axes[0].lines) == 2
    assert 'seed (42, 43), n = 2' in below(figure)
    small = dict(data='mnist', model='mlp', nepochs=2, nmodels=2, independent_orders=True)
    both = [fake('memory_sweep', array_num=i, readout_batch=b, **small) for i in range(1, 6) for b in ('window', 'current')]
    lines = [line for line in drawn('f4_memory_sweep', *both).axes[0].lines if line.get_linestyle() == ':']
    assert len(lines) == 1 and 'one sample' in lines[0].get_label()
    np.testing.assert_allclose(lines[0].get_ydata(), [100 * d['test_accuracy'][2].mean() for _, d in both[1::2]])


def test_own_orders_are_named_where_others_have_none():
    one, own = fake('lif_xor', nepochs=2), fake('lif_xor', nepochs=2, independent_orders=True)
    assert [label for label, *_ in labels.looks([one, own])] == ['rule (n = 30)', 'rule, own orders (n = 30)']
    assert [label for label, *_ in labels.looks([own])] == ['rule (n = 30)']
