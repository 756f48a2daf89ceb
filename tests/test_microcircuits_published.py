"""Dendritic microcircuits: published statistics over ten seeds, and the demonstrations of the notebooks."""
import csv
import json

import numpy as np
import pytest
from test_microcircuits_replay import REFERENCE, close

from common.checkpoint import Checkpoint
from common.params import load_params
from microcircuits import exp_params, plot_panels, simulation
from microcircuits.circuit import Microcircuit


@pytest.mark.parametrize('path', sorted(REFERENCE.glob('published_angle_percentiles*.csv')), ids=lambda path: path.stem)
def test_statistics_over_all_published_seeds(path):
    """Fig. 3a-c: mean, spread and extremes over the ten seeds, at the file's precision, in the first 10 epochs."""
    with open(path, encoding='utf-8') as file:
        rows = [row for row in csv.DictReader(file) if row['figure'] == 'Fig3abc' and int(row['record_index']) < 110]
    angles = []
    for seed in exp_params.SEEDS:
        p = load_params(exp_params, mode='fig3_weak', seed=seed, rng='legacy', released_code=True, epochs=10, compare='')
        angles.append(simulation.learn(p, simulation.prepare(p), Checkpoint())[0].series)
    rows = [row for row in rows if row['measure'] in ('weak_WT_vs_B', 'weak_RHS_vs_B')]
    assert rows
    for row in rows:
        name = plot_panels.MEASURES[row['measure'].removeprefix('weak_')]
        layer = int(row['hidden_or_weight_layer']) - 1
        ours = plot_panels.our_statistics(np.array([series[name][int(row['record_index']), layer] for series in angles]))
        for statistic, value in ours.items():
            assert abs(value - float(row[statistic])) <= 1e-6, f'{row["measure"]}, {statistic}'


@pytest.mark.parametrize('path', sorted(REFERENCE.glob('notebook_demo*.json')), ids=lambda path: path.stem)
def test_demonstrations_of_the_notebooks(path):
    """Starts as printed in the notebooks; final weights of the released classes to 1e-8, their round-off grows."""
    stored = json.loads(path.read_text(encoding='utf-8'))
    for mode in set(stored) & set(exp_params.MODES):
        values = stored[mode]
        p = load_params(exp_params, mode=mode, rng='legacy', released_code=True)
        net = Microcircuit.random(p, *[np.random.RandomState(p.seed)] * 2)
        for key, target in (('init_cos', net.WPP[1].T), ('notebook_init_cos', net.WPP[1].T),
                            ('notebook_init_cos_pinv', np.linalg.pinv(net.WPP[1]))):
            if key in values:
                assert plot_panels.cosine(net.BPP[0][None], target[None])[0] == pytest.approx(values[key], abs=1e-12), mode
        if 'rerun_BPP_final' not in values:
            continue
        d = simulation.run(load_params(exp_params, mode=mode, rng='legacy', released_code=True, rec_per_steps=10))
        for key, found in (('rerun_BPP_after_10_steps', d['BPP_1'][0]), ('rerun_BPP_final', d['final_BPP_1']),
                           ('rerun_BPI', d['final_BPI_1']), ('rerun_WIP', d['final_WIP_1'])):
            if key in values:
                close(np.ravel(found), np.ravel(values[key]), f'{mode}: {key}', rtol=0, atol=1e-8)


def test_pseudo_inverse_demonstration():
    """phased_pinv: the released classes reach a cosine of B and W^+ of .59166 in 10 epochs, when the noise has stopped."""
    p = load_params(exp_params, mode='phased_pinv', rng='legacy', released_code=True, epochs=10, change_epoch=0)
    d = simulation.run(p)
    cosine = plot_panels.cosine(d['BPP_1'][-1:], np.linalg.pinv(d['WPP_2'][-1:]))[0]
    assert cosine == pytest.approx(0.5916619384429115, abs=1e-8)
    assert d['epsilon_LO_1'][-1, 0] == pytest.approx(0.0536979, abs=1e-7)
    assert np.array_equal(d['BPP_1'][len(d['BPP_1']) // 2], d['BPP_1'][-1])     # constant since before the end of epoch 5
