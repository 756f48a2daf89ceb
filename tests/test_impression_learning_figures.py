"""Impression learning: which figures plot_generator draws from which results, and how it ends when it cannot."""
import matplotlib
import pytest

from common.params import load_params
from common.running import finish
from impression_learning import exp_params, plot_generator
from impression_learning.experiments import experiments

matplotlib.use('Agg')


@pytest.fixture
def plot(tmp_path, monkeypatch):
    """plot(*words) draws into tmp_path and returns the names of all figures there; plot.run(**given) makes a result."""
    monkeypatch.setattr('common.results.RESULTS', tmp_path / 'results')
    monkeypatch.setattr('common.figures.FIGURES', tmp_path / 'figures')

    def draw(*words):
        plot_generator.main(list(words))
        return {path.stem for path in (tmp_path / 'figures').rglob('*.png')}

    draw.run = lambda **given: finish(load_params(exp_params, **given))
    return draw


def test_single_panels_bear_the_released_names(plot):
    for number in range(1, 12):
        plot.run(mode='switch_period', array_num=number, scale=0.0005)
    assert plot('mode=switch_period', 'scale=0.0005', 'image_save=True') == {'fig_3', 'sp_accuracy_1', 'sp_accuracy_11',
                                                                            'sp_loss', 'sp_corr'}


def test_fig_2d_takes_the_control_of_the_same_scale_and_seed(plot):
    common_words = {'scale': 0.0002, 'seed': 5}
    for mode, n in (('dimensionality', 10), ('backprop', 5)):
        for number in range(1, n + 1):
            plot.run(mode=mode, array_num=number, **common_words)
    assert plot('mode=dimensionality', 'scale=0.0002', 'seed=5') == {'fig_2d'}


def test_the_control_is_drawn_in_every_mode(plot):
    plot.run(mode='smoke', algorithm='backprop')
    assert plot('mode=smoke', 'algorithm=backprop') == {'fig_backprop'}


@pytest.mark.parametrize('given, words, message', [
    ({'save_sequences': False}, ['save_sequences=False'], 'fig_1 needs'),
    ({'algorithm': 'reinforce', 'learning_rate': 1.0}, ['algorithm=reinforce', 'learning_rate=1'], 'every run diverged'),
    ({}, ['image_save=yes'], 'image_save takes True or False'),
])
def test_what_cannot_be_drawn_ends_in_one_line(plot, capsys, given, words, message):
    plot.run(mode='smoke', **given)
    with pytest.raises(SystemExit):
        plot('mode=smoke', *words)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('given', [{'data': 'mnist', 'n_in': 784}, {'algorithm': 'backprop'}])
def test_the_comparison_of_updates_is_refused_where_it_has_no_meaning(given):
    with pytest.raises(ValueError, match='mode SNR compares'):
        load_params(exp_params, mode='SNR', **given)


def test_quantities_fit_into_the_cells_of_a_markdown_table():
    assert not [row['quantity'] for experiment in experiments('paper') for row in experiment['rows'] if '|' in row['quantity']]
