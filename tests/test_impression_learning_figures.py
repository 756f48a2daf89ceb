"""Impression learning: which figures plot_generator draws from which results, and how it ends when it cannot."""
import dataclasses
import re

import matplotlib
import matplotlib.figure
import matplotlib.pyplot
import pytest
from impression_learning_cases import write_own_data

from common.params import load_params
from common.running import finish
from impression_learning import exp_params, plot_generator, plot_sounds, plot_tuned
from impression_learning.experiments import experiments

matplotlib.use('Agg')


@pytest.fixture
def plot(tmp_path, monkeypatch):
    """plot(*words) draws into tmp_path and returns the names of all figures there, without what stands for changed parameters;
    plot.run(**given) makes a result."""
    monkeypatch.setattr('common.results.RESULTS', tmp_path / 'results')
    monkeypatch.setattr('common.figures.FIGURES', tmp_path / 'figures')

    def draw(*words):
        plot_generator.main(list(words))
        matplotlib.pyplot.close('all')
        return {re.sub(r'(_member\d+)?(-[0-9a-f]{6})?$', '', path.stem) for path in (tmp_path / 'figures').rglob('*.png')}

    draw.run = lambda **given: finish(load_params(exp_params, **given))
    return draw


def test_other_parameters_do_not_draw_over_the_figures_of_a_mode(plot, tmp_path):
    for more in ({}, {'sigma_latent': 0.2}):
        plot.run(mode='smoke', **more)
        plot('mode=smoke', *(f'{name}={value}' for name, value in more.items()))
    names = [path.stem for path in (tmp_path / 'figures').rglob('*.png')]
    assert len(names) == 2 and 'fig_1_smoke' in names and any(re.fullmatch('fig_1_smoke-[0-9a-f]{6}', name) for name in names)


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
    ({'save_sequences': False}, ['save_sequences=False'], 'fig_1_smoke needs'),
    ({'algorithm': 'reinforce', 'learning_rate': 1.0}, ['algorithm=reinforce', 'learning_rate=1'], 'every run diverged'),
    ({}, ['image_save=yes'], 'image_save takes True or False'),
])
def test_what_cannot_be_drawn_ends_in_one_line(plot, given, words, message):
    plot.run(mode='smoke', **given)
    with pytest.raises(ValueError, match=message):
        plot('mode=smoke', *words)


TINY = dict(n_latent=1, n_in=1, n_neurons=1, n_sample=40, n_test=6, loss_every=7)


@pytest.mark.parametrize('mode', ['standard', 'smoke', 'SNR', 'dimensionality', 'switch_period', 'time_constant', 'lr_optim',
                                  'backprop'])
def test_a_member_of_one_unit_and_a_few_steps_is_drawn(plot, mode, recwarn):
    """Every mode draws one of its members alone, with one unit, one channel and six test steps."""
    given = TINY | {'array_num': 3 if mode != 'smoke' else 1} | ({'epoch_num_snr': 9} if mode == 'SNR' else {})
    plot.run(mode=mode, **given)
    drawn = plot(f'mode={mode}', *(f'{name}={value}' for name, value in given.items()))
    assert drawn >= set(plot_generator.OF_MODE[mode])
    assert not [w for w in recwarn if 'divide' in str(w.message) or 'limits' in str(w.message)]


@pytest.mark.parametrize('mode, more', [
    ('MNIST', dict(n_in=12, n_sample=80, n_test=20)), ('MNIST', dict(n_in=12, n_digits=1, scale=0.01, n_sample=80, n_test=20)),
    ('Vocal_Digits', dict(n_in=128)), ('Vocal_Digits', dict(n_in=128, n_digits=1)), ('recordings', dict(n_in=4)),
    ('recordings', dict(n_in=4, scale=0.01))])
def test_recorded_data_are_drawn_to_the_last_image(plot, tmp_path, mode, more):
    """One class, one step, two or four channels."""
    (tmp_path / 'data').mkdir()
    folder = write_own_data(tmp_path / 'data')
    where = {'recordings': str(folder / 'own.npy')} if mode == 'recordings' else {'data_dir': str(folder)}
    given = where | dict(n_neurons=2, n_top=0 if mode == 'MNIST' else 1, epoch_num=2, loss_every=9) | more
    plot.run(mode=mode, **given)
    assert plot(f'mode={mode}', *(f'{name}={value}' for name, value in given.items())) == set(plot_generator.OF_MODE[mode])


def test_a_figure_says_what_it_shows():
    """Modes, seeds and scale stand below; one mode never overwrites another's figures."""
    members = [load_params(exp_params, mode='standard', array_num=n, scale=0.5, dt=0.2) for n in (1, 2)]
    runs = [({'params': dataclasses.asdict(p)}, {}) for p in members]
    figure = plot_generator.stamp(matplotlib.figure.Figure(), runs)
    text = figure.get_supxlabel()
    assert all(part in text for part in ('mode=standard', 'seed 120994, 120995', 'SCALED RUN: scale=0.5, dt=0.2'))
    names = [name for mode in plot_generator.OF_MODE.values() for name in mode]
    assert len(names) == len(set(names)) and set(plot_generator.OF_MODE) == set(exp_params.MODES)


def test_mel_ticks_lie_at_the_centres_that_librosa_gives():
    import librosa
    centres = librosa.mel_frequencies(130, fmin=0, fmax=11025)[1:-1]
    for band in (0, 20, 63, 127):
        assert plot_sounds.band_of(centres[band]) == pytest.approx(band, abs=1e-9)


def fake(rule, d, rate, seed, loss, diverged=-1):
    """A finished run of mode tuned."""
    params = {'algorithm': rule, 'n_neurons': d, 'learning_rate': rate, 'seed': seed}
    return {'params': params, 'diverged_at': diverged}, {'wake_loss': loss}


def test_the_best_rate_is_the_lowest_of_those_that_stay_finite():
    """8 of 10 seeds must stay finite; differences are paired by seed."""
    runs = []
    for seed in range(10):
        runs += [fake('wake_sleep', 2, 0.1, seed, 50.0 + seed), fake('reinforce', 2, 1.0, seed, 90.0 + seed),
                 fake('reinforce', 2, 10.0, seed, 70.0 + seed, diverged=5 if seed < 2 else -1),
                 fake('reinforce', 2, 100.0, seed, 1.0, diverged=5 if seed < 3 else -1)]
    chosen = plot_tuned.best(runs)['reinforce', 2]
    assert (chosen.rate, chosen.stable, chosen.tried, sorted(chosen.runs)) == (10.0, 2, 3, list(range(2, 10)))
    assert plot_tuned.at_edge(runs) == [('wake_sleep', 2)]        # one rate alone; REINFORCE tried a lower and a higher one
    assert plot_tuned.final_loss('reinforce', 2)(runs) == [70.0 + seed for seed in range(2, 10)]
    assert plot_tuned.differences('reinforce', 'wake_sleep', 2)(runs) == [20.0] * 8


@pytest.mark.parametrize('given', [{'data': 'mnist', 'n_in': 784}, {'algorithm': 'backprop'}])
def test_the_comparison_of_updates_is_refused_where_it_has_no_meaning(given):
    with pytest.raises(ValueError, match='mode SNR compares'):
        load_params(exp_params, mode='SNR', **given)


def test_quantities_fit_into_the_cells_of_a_markdown_table():
    assert not [row['quantity'] for experiment in experiments('paper') for row in experiment['rows'] if '|' in row['quantity']]
