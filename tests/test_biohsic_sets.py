"""biohsic: data sets, schedules and signals that cannot be are named before they are used."""
import warnings

import numpy as np
import pytest
from test_biohsic_input import load, mnist_like

from biohsic import data, simulation
from common.params import Remark


@pytest.mark.parametrize('index, change, message', [
    (0, lambda x: np.where(np.arange(len(x))[:, None] == 3, np.nan, x), 'training samples contain NaN'),
    (2, lambda x: x * 1e200, 'test samples contain NaN or inf, or numbers from 1e.15 on'),
    (0, lambda x: x + 0j, 'training samples are complex128 of shape'),
    (0, lambda x: x.tolist(), 'training samples are list'),
    (0, lambda x: x.astype(str), 'training samples are <U'),
    (2, lambda x: x[:, :1], r'training samples of shape \(2,\), test samples of shape \(1,\)'),
    (1, lambda y: y.astype(float), 'training labels are float64'),
    (3, lambda y: y[:, None], r'test labels are int64 of shape \(100, 1\)'),
    (3, lambda y: y[:50], r'test samples of shape \(100, 2\) and 50 labels'),
    (1, lambda y: y + 1, 'training labels 1..2 do not lie in 0..1'),
])
def test_an_own_data_set_is_looked_at_before_it_is_used(monkeypatch, index, change, message):
    p = load('mode=lif_xor')
    sets = list(data.load(p))
    sets[index] = change(sets[index])
    monkeypatch.setitem(data.LOADERS, 'xor', lambda p: sets)
    with pytest.raises(ValueError, match=message):
        data.load(p)


def test_fewer_samples_than_asked_for_are_named(tmp_path):
    folder = mnist_like(tmp_path, [0, 1] * 10).data_dir
    for words, message in (('train_size=30', 'train_size = 30, but mnist holds 20'), ('test_size=21', 'test_size = 21, but'),
                           ('check_size=500', 'check_size = 500, but')):
        with pytest.raises(ValueError, match=message):
            data.load(load('mode=biohsic_mnist', f'data_dir={folder}', words))
    with pytest.raises(ValueError, match='nsamples = 25, but mnist holds 20'):
        simulation.run(load('mode=reservoir', f'data_dir={folder}', 'nsamples=25'))


def test_the_reservoir_reads_its_files_as_the_others_do(tmp_path):
    for name, labels, shape, message in (('a', [0, 37] * 6, (28, 28), 'labels 0..37'),
                                         ('b', [0] * 12, (20, 20), '12 x 20 x 20 numbers, not 28 x 28'),
                                         ('c', [0] * 12, (784,), '12 x 784 numbers, not 28 x 28')):
        p = mnist_like(tmp_path / name, labels, shape)
        with pytest.raises(ValueError, match=message):
            simulation.run(load('mode=reservoir', f'data_dir={p.data_dir}', 'nsamples=12', 'nhidden=20'))


def test_a_reservoir_without_a_signal_to_follow_is_refused():
    with pytest.raises(ValueError, match='modulating signal is 0 in every window.*sigma_z = 1e-09'):
        simulation.run(load('mode=reservoir', 'sigma_z=1e-9', 'nsamples=12', 'nhidden=20', 'nepochs=1'))


@pytest.mark.parametrize('words', [
    ('schedule=joinschedules', 'schedules=(("constant",1e-3),("constant",1e-4),("constant",1e-5))', 'boundaries=(100,50)'),
    ('schedule=joinschedules', 'schedules=(("constant",1e-3),("constant",1e-4))', 'boundaries=(-5,)'),
    ('schedule=joinschedules', 'schedules=(("expdecay",1e-3,0.5,-5,10),)'),
    ('schedule=expdecay', 'transition_begin=-50'),
    ('schedule=expdecay', 'end_value=1.0'),
    ('schedule=expdecay', 'decay_rate=2', 'end_value=1e-4'),
    ('schedule=piecewiseconstant', 'boundaries_and_scales=((-3,0.5),)'),
])
def test_schedules_that_would_never_act_are_refused(words):
    with pytest.raises(ValueError, match='boundaries|transition_begin|end_value|schedules'):
        load('mode=smoke', *words)


def test_one_silent_layer_of_several_is_named():
    p = load('mode=lif_xor', 'features=(4,1)', 'nmodels=1', 'nepochs=0', 'train_size=30', 'test_size=10')
    with pytest.warns(Remark, match=r'hidden layer 2 of 2 learns nothing \(a normalised layer of one unit is always 0\)'):
        simulation.run(p)


def test_large_moments_are_no_divergence():
    """The weights stay below 1 where a huge gamma makes the squares of the gradients huge."""
    out = simulation.run(load('mode=smoke', 'gamma=1e6', 'nepochs=1'))
    assert out['diverged_at'] == -1 and max(np.abs(out[f'final_W{l}']).max() for l in (1, 2, 3)) < 10


def test_what_becomes_of_the_published_weights_is_said():
    with pytest.warns(Remark, match='initial weights are drawn, for the published ones are of features'):
        load('mode=lif_xor', 'features=(8,4)')
    with pytest.warns(Remark, match='30 networks begin with the published weights'):
        load('mode=lif_xor', 'nmodels=31')
    with warnings.catch_warnings():
        warnings.simplefilter('error', Remark)
        load('mode=lif_linear', 'seed=3')
        with pytest.raises(Remark, match='initial weights are drawn'):
            load('mode=lif_xor', 'features=(8,4)', 'order_seed=1', 'seed=3')           # seed acts: no word about it
