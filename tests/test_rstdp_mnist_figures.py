"""R-STDP on MNIST: figures and the arithmetic behind them, experiments of reproduce.py."""
import csv
import dataclasses
import io

import matplotlib
import numpy as np
import pytest
from rstdp_mnist_cases import write_recordings

matplotlib.use('Agg')

from common.params import load_params
from rstdp_mnist import encoding, exp_params, experiments, simulation
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
    S1, S2, S3 = panels.reconstructed(DEFAULT, weights, [0, 1, 2, 3, 4])
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
    change = panels.reconstructed(DEFAULT, [*weights[:2], more], [0])[2][0] - S3[0]
    np.testing.assert_allclose(change[14:36, 14:36], 0.8 * S2[1], atol=1e-9)
    np.testing.assert_allclose(change[:12], 0, atol=1e-9)


def test_places_of_features():
    """A neuron of layer 3 sees an image 28 pixels wide: rows 0 .. 3 lie at 2.5, 8.5, 14.5, 20.5."""
    assert [panels.centre(DEFAULT, y) for y in range(4)] == [2.5, 8.5, 14.5, 20.5]


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
