"""R-STDP on MNIST: figures and the arithmetic behind them, experiments of reproduce.py."""
import csv
import dataclasses
import io

import matplotlib
import numpy as np
import pytest
from killed import Killed
from rstdp_mnist_cases import write_recordings

matplotlib.use('Agg')

from common.checkpoint import Checkpoint
from common.figures import variant
from common.params import load_params
from common.results import result_path
from rstdp_mnist import encoding, exp_params, experiments, simulation
from rstdp_mnist import plot_features as stimuli
from rstdp_mnist import plot_generator as plots
from rstdp_mnist import plot_panels as panels

DEFAULT = load_params(exp_params)


@pytest.fixture(scope='module')
def several():
    """Two runs on the stand-in that differ in one parameter, one that withholds images, as load_result gives them."""
    found = []
    for given in ({}, {'factor_window': 30}, {'n_validation': 20, 'epochs_s3': 1}):
        p = load_params(exp_params, mode='digits', n_train=60, n_test=40, n_maps=(8, 12, 20), epochs_s1=1, epochs_s2=1,
                        **({'factor_window': 20, 'epochs_s3': 3} | given))
        found.append(({'mode': p.mode, 'seed': p.seed, 'params': dataclasses.asdict(p), 'diverged_at': -1}, simulation.run(p)))
    return found[:2], found[2:]


@pytest.fixture(scope='module')
def tiny(several):
    return several[0]


@pytest.fixture(scope='module')
def recordings(tmp_path_factory):
    """A run on made-up recordings of an event camera."""
    write_recordings(folder := tmp_path_factory.mktemp('events'), 30, 10)
    p = load_params(exp_params, mode='nmnist', n_train=30, n_test=10, n_maps=(8, 12, 20), epochs_s3=2, data_dir=str(folder),
                    factor_window=10)
    return [({'mode': p.mode, 'seed': p.seed, 'params': dataclasses.asdict(p), 'diverged_at': -1}, simulation.run(p))]


@pytest.mark.parametrize('name', plots.FIGURES)
def test_every_figure_shows_its_run(tiny, several, recordings, name):
    """Each is drawn from finished runs; lines and pictures hold finite numbers."""
    special = {'fig_nmnist': recordings, 'fig_search': several[1], 'fig_final': several[1], 'fig_long': tiny[:1],
               'fig_replication': tiny[:1]}
    runs = special.get(name, tiny)
    figure = plots.FIGURES[name](runs)
    drawn = [line.get_ydata() for ax in figure.axes for line in ax.get_lines()]
    drawn += [image.get_array() for ax in figure.axes for image in ax.get_images()]
    assert drawn and all(np.isfinite(np.ma.filled(values, 0).astype(float)).any() for values in drawn)
    matplotlib.pyplot.close(figure)


def test_published_curves():
    """Numbers of the logs: best of the replication 87.48 % in epoch 15, the simulator's 94.70 % in epoch 20."""
    known = panels.published('replication_mnist')
    window = known['epoch'] <= 20
    assert known['test'][window].max() == pytest.approx(87.48) and known['test'][window].argmax() == 15
    assert panels.published('spyketorch_mnist')['test'][-1] == pytest.approx(94.70)
    assert panels.published('replication_nmnist')['test'].max() == pytest.approx(49.97)


def test_features_in_input_space():
    """Sides 17, 22, 50; S1's patch against loops over taps and channels written out; S3 differs from the mean map."""
    rng = np.random.default_rng(0)
    weights = [rng.random((3, 6, 5, 5)), rng.random((4, 3, 3, 3)), rng.random((5, 4, 5, 5))]
    S1, S2, S3 = stimuli.reconstructed(DEFAULT, weights, [0, 1, 2, 3, 4])
    assert S1.shape == (3, 17, 17) and S2.shape == (4, 22, 22) and S3.shape == (5, 50, 50)
    assert min(S1.min(), S2.min()) >= 0
    plain, kernels = np.zeros((17, 17)), encoding.dog_kernels(DEFAULT)
    for i in range(5):
        for j in range(5):
            for y in range(13):
                for x in range(13):
                    plain[i + y, j + x] += max(weights[0][2, c, i, j] * kernels[c, y, x] for c in range(6))
    np.testing.assert_allclose(S1[2], np.maximum(plain, 0), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(S3.sum(axis=0), 0, atol=1e-9)
    more = weights[2].copy()
    more[0, 1, 2, 2] += 1                          # the middle tap: map 0 wants more of S2's map 1, the mean a fifth of that
    change = stimuli.reconstructed(DEFAULT, [*weights[:2], more], [0])[2][0] - S3[0]
    np.testing.assert_allclose(change[14:36, 14:36], 0.8 * S2[1], atol=1e-9)
    np.testing.assert_allclose(change[:12], 0, atol=1e-9)


def test_places_of_features():
    """A neuron of layer 3 sees an image 28 pixels wide: rows 0 .. 3 lie at 2.5, 8.5, 14.5, 20.5."""
    assert [stimuli.centre(DEFAULT, y) for y in range(4)] == [2.5, 8.5, 14.5, 20.5]


def test_names_say_what_differs(tiny):
    assert panels.name_of(tiny[1]).endswith('factor_window = 30')
    p = load_params(exp_params, mode='class_map')
    assert panels.name_of(({'mode': 'class_map', 'params': vars(p)}, None)) == panels.LABELS['class_map']


def test_curves_are_complete(tiny):
    rows = list(csv.DictReader(io.StringIO(experiments.curves(tiny))))
    assert len(rows) == 6 and [int(row['epoch']) for row in rows] == [0, 1, 2] * 2
    for row, value in zip(rows, tiny[0][1]['test_fractions'][:, 0], strict=False):
        assert float(row['test_accuracy']) == pytest.approx(value)


def test_values_of_rows(tiny):
    first, second = (arrays['test_fractions'][:, 0] for _, arrays in tiny)
    np.testing.assert_allclose(experiments.at_epoch('test', 1)(tiny), [100 * first[1], 100 * second[1]])
    np.testing.assert_allclose(experiments.at_epoch('test', -1)(tiny), [100 * first[-1], 100 * second[-1]])
    np.testing.assert_allclose(experiments.best(tiny), [100 * first.max(), 100 * second.max()])
    assert np.isnan(experiments.at_epoch('test', 7)(tiny)).all()
    name = panels.name_of(tiny[1])
    np.testing.assert_allclose(experiments.of(name, experiments.best)(tiny), [100 * second.max()])


@pytest.mark.parametrize('level', ['quick', 'headline', 'paper'])
def test_experiments_can_be_run_and_drawn(level):
    for experiment in experiments.experiments(level):
        assert experiment['figure'] in plots.FIGURES and experiment['claim'] and experiment['runs']
        for row in experiment['rows']:
            low, high = row['band'] or (0, 1)
            assert low is None or high is None or low <= high
    assert all(p.n_train == 60_000 for p in experiments.experiments('headline')[0]['runs'])


@pytest.mark.parametrize('name', ['fig_1', 'fig_2', 'fig_3', 'fig_5'])
def test_figures_of_recordings(recordings, name):
    """The network's figures show two polarities; accuracy is compared with the replication's own N-MNIST curve only."""
    figure = plots.FIGURES[name](recordings)
    labels = [text.get_text() for ax in figure.axes for text in (ax.get_legend().get_texts() if ax.get_legend() else ())]
    if name == 'fig_1':
        assert any('60,000 recordings' in text for text in labels) and not any('simulator' in text for text in labels)
    matplotlib.pyplot.close(figure)


def test_an_unfinished_run_can_be_looked_at(tmp_path, monkeypatch):
    """plot_generator draws what there is and says at which epoch."""
    monkeypatch.setattr('common.results.RESULTS', tmp_path / 'results')
    monkeypatch.setattr('common.figures.FIGURES', tmp_path / 'figures')
    words = ['mode=digits', 'n_train=60', 'n_test=40', 'n_maps=8,12,20', 'epochs_s1=1', 'epochs_s2=1', 'epochs_s3=6',
             'factor_window=20', 'slow_weights=50', 'threshold=8,6']
    p = load_params(exp_params, *words)
    assert simulation.so_far(p) is None
    with pytest.raises(KeyboardInterrupt):
        simulation.run(p, Killed(result_path(p).with_suffix('.checkpoint.npz'), [1]))
    with pytest.raises(ValueError, match='is in layer 3, before its first test'):
        plots.main(words)
    with pytest.raises(KeyboardInterrupt):         # 60 images in windows of 20: three offers an epoch
        simulation.run(p, Killed(result_path(p).with_suffix('.checkpoint.npz'), [3 * 4]))
    meta, arrays = simulation.so_far(p)
    assert meta['epoch'] == 4 and len(arrays['test_fractions']) == 4
    plots.main(words)
    drawn = sorted(path.name for path in (tmp_path / 'figures').rglob('*.png'))
    assert [name.split('-')[0] for name in drawn] == [f'fig_{i}_digits_seed0' for i in (1, 2, 3, 4, 5)]
    out = simulation.run(p, Checkpoint(result_path(p).with_suffix('.checkpoint.npz')))
    np.testing.assert_array_equal(out['test_fractions'][:4], arrays['test_fractions'])


# ---------------------------------------------------------------- what a figure may not say

def changed(run, **given):
    """A copy of a run with other parameters in its meta."""
    meta, arrays = run
    return meta | {'seed': given.get('seed', meta['seed']), 'params': meta['params'] | given}, dict(arrays)


def texts(figure):
    """All that is written in a figure."""
    return ' | '.join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_settings_are_not_seeds(tiny, monkeypatch):
    """Only runs that differ by seed are drawn together; each setting has a name of its own, the mode as it is the short one."""
    one, other = tiny
    runs = [one, changed(one, seed=1, array_num=2), other]
    drawn = []
    monkeypatch.setattr(plots, 'runs_to_draw', lambda words: runs)
    monkeypatch.setattr(plots, 'save_figure', lambda figure, package, name: drawn.append((name, texts(figure))))
    monkeypatch.setattr(plots, 'FIGURES', {name: plots.fig_1 for name in plots.FIGURES})
    plots.main([])
    names = [name for name, _ in drawn]
    assert len(set(names)) == len(names) == 10
    assert 'mean and range of 2 seeds' in drawn[0][1] and 'ours, seed 0' in drawn[5][1]
    assert variant(exp_params, [({'params': dataclasses.asdict(load_params(exp_params, mode='smoke'))}, None)]) == ''
    assert 'mean and range of 2 seeds' not in texts(plots.fig_1([one, other]))


@pytest.mark.parametrize('name', ['fig_1', 'fig_beyond', 'fig_5'])
def test_a_closed_test_set_is_not_drawn(several, name):
    """n_test = 1 beside withheld images: their accuracy is drawn, the one test image is not."""
    run = changed(several[1][0], n_test=1)
    run[1].update(test_fractions=np.array([[0.123, 0.877, 0]]), fast_test_fractions=np.zeros((0, 3)))
    figure = plots.FIGURES[name]([run])
    lines = [line.get_ydata().tolist() for line in figure.axes[0].get_lines()]
    assert [12.3] not in lines and 'testing' not in texts(figure)
    if name == 'fig_5':
        assert 'the test set is closed' in texts(figure) and not figure.axes[0].get_images()
    else:
        assert panels.accuracy([run], 'validation')[0].tolist() in lines and 'withheld' in texts(figure)


def test_a_single_test_or_block_is_a_point(several):
    """A line of one point shows nothing without a marker."""
    run = changed(several[1][0], n_validation=0)
    assert all(line.get_marker() == 'o' for line in plots.FIGURES['fig_beyond']([run]).axes[0].get_lines())
    figure = plots.FIGURES['fig_5']([run])
    assert [line.get_marker() for line in figure.axes[1].get_lines()] == ['o', 'o']


@pytest.mark.parametrize('given, blocks, expected', [
    ({'n_train': 1500}, 4, [1000, 1500, 2500, 3000]), ({'n_train': 2000}, 4, [1000, 2000, 3000, 4000]),
    ({'n_train': 1200, 'batch_size': 300}, 4, [900, 1200, 2100, 2400]), ({'n_train': 60}, 2, [60, 120])])
def test_presented_images_are_counted(given, blocks, expected):
    p = load_params(exp_params, mode='digits', factor_window=20, **given)
    assert panels.presented(p, blocks).tolist() == expected


@pytest.mark.parametrize('name', ['fig_1', 'fig_beyond', 'fig_long'])
def test_numbers_of_mnist_stand_beside_mnist_only(tiny, name):
    other = texts(plots.FIGURES[name](tiny[:1]))
    same = texts(plots.FIGURES[name]([changed(tiny[0], data='mnist')]))
    assert 'paper 97.2' in same and not any(word in other for word in ('paper', 'simulator', 'replication', 'prototype'))


@pytest.mark.parametrize('given, maps, text', [
    ({}, 20, 'of each class 0 … 9 the two maps that learned most'), ({}, 10, 'of each class 0 … 9 the map that learned most'),
    ({'class_map': 'flat_mod'}, 20, 'the 20 maps that learned most, each for all classes')])
def test_preferred_stimuli_say_whose_they_are(tiny, given, maps, text):
    run = changed(tiny[0], n_maps=(8, 12, maps), **given)
    assert text in texts(plots.fig_4([(run[0], run[1] | {'conv3_weight': run[1]['conv3_weight'][:maps]})]))


def test_networks_of_one_filter_can_be_drawn(tiny):
    run = changed(tiny[0], dog_window=(7,), dog_sigma_1=(0.78,), dog_sigma_2=(1.55,))
    arrays = run[1] | {'conv1_weight': run[1]['conv1_weight'][:, :1], 'example_latency': run[1]['example_latency'][:, :1]}
    for name in ('fig_2', 'fig_3', 'fig_4'):
        assert name == 'fig_2' or 'DoG 7 on' in texts(plots.FIGURES['fig_3']([(run[0], arrays)]))
        plots.FIGURES[name]([(run[0], arrays)])


def test_a_recording_without_events_can_be_drawn(recordings):
    meta, arrays = recordings[0]
    empty = {'example_events': np.zeros((0, 4), np.int64), 'example_latency': np.full_like(arrays['example_latency'], 16)}
    images = [ax.get_images()[0].get_array() for ax in plots.fig_nmnist([(meta, arrays | empty)]).axes]
    assert images and not any(np.ma.filled(image, 0).any() for image in images)


def test_what_is_left_out_of_a_figure_is_said(recordings, monkeypatch):
    """16 time bins, 15 shown; a title is as wide as its figure at most."""
    drawn = {}
    monkeypatch.setattr(plots, 'save_figure', lambda figure, package, name: drawn.update({name.split('_nmnist_')[0]: figure}))
    plots.draw(recordings)
    assert 'the first 15 of 16 time bins' in texts(drawn['fig_2']).replace('\n', ' ')
    assert 'the first' not in texts(drawn['fig_1'])
    figure = matplotlib.pyplot.figure(figsize=(4, 3))
    panels.title(figure, 'word ' * 40)
    assert max(map(len, figure.get_suptitle().split('\n'))) <= 52


def test_texts_hold_what_the_font_shows():
    assert stimuli.shown('cost$5^^$.png\n\u4e2d\udcff') == 'cost$5^^$.png\n??'
