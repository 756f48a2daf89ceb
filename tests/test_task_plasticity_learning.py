"""Task-dependent representations: short real runs learn what the paper says; the full replays are marked slow."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_task_plasticity_replay import REFERENCE, close, published_training

from common.params import load_params
from task_plasticity import exp_params, network, simulation
from task_plasticity import plot_analysis as analysis
from task_plasticity import plot_released as released
from task_plasticity.plot_measures import Session

ROOT = Path(__file__).resolve().parents[1]


def run(mode, **given):
    p = load_params(exp_params, mode=mode, **given)
    return {'params': vars(p)}, simulation.run(p)


def test_estimation_learns_within_forty_trials():
    """First five trials below -0.40, trials 30-39 well above it."""
    _, d = run('estimation', trial_num_2=40, test_num=0, seed=1)
    assert d['objective_2'][:5].mean() < -0.40 < d['objective_2'][30:].mean() - 0.05
    assert np.abs(d['W'] - d['W_initial']).max() > 0


def test_categorisation_learns_within_twenty_trials():
    """Accuracy 0.5 before learning, clearly above after 20 trials."""
    meta, d = run('categorisation', trial_num_2=20, test_num=12, seed=1)
    assert Session(meta, d, '').accuracy == pytest.approx(0.5, abs=0.1)
    assert Session(meta, d).accuracy > 0.7


def test_stored_network_allocates_its_resources_to_the_prior():
    """The authors' network: error and bands of the circle and tuning panels from 24 trials."""
    meta, d = run('estimation_pretrained', test_num=24)
    s = Session(meta, d)
    assert 0.10 <= s.weighted_error(0) <= 0.16
    assert 1.3 <= 1 / s.ratio(s.error) <= 5
    assert 18 <= (np.abs(s.preferred) < np.pi / 3 + 1e-6).sum() <= 26
    assert 1.2 <= s.ratio(s.population_rate) <= 1.55
    assert 1.15 <= s.ratio(s.fisher) <= 1.75


@pytest.mark.slow
def test_published_training_is_replayed_to_its_end():
    """26 million steps of the released random stream: every checkpoint and the published network, rtol 1e-9."""
    with np.load(REFERENCE / 'full_training_replay.npz') as file:
        published_training({name: file[name] for name in file.files}, 260)


@pytest.mark.slow
def test_canonical_evaluation():
    """All 100 trials of the canonical evaluation: released definitions, rtol 1e-5 (float32 rates)."""
    p = load_params(exp_params, mode='estimation_pretrained', rng='legacy', released_code=True)
    net, _ = network.stored(p)
    found = simulation.test(p, net, np.random.RandomState(p.seed))
    with np.load(REFERENCE / 'pretrained_evaluation.npz') as file:
        case = {name: file[name] for name in file.files}
    r, o, target = (analysis.flat(found[name]) for name in ('r', 'o', 'target'))
    theta, arrays = analysis.flat(found['theta'])[0], network.to_arrays(net)
    s = np.maximum(0, np.cos(theta - simulation.model.preferred_angles(12)[:, None]))
    mean, sd = analysis.tuning_curves(r, theta)
    bias, variance = released.stimulus_bias_variance(o, target, theta)
    current = released.mean_current_breakdown(r, s, theta, arrays)
    pairs = {'tuning_mean': mean, 'tuning_std': sd, 'bias': bias, 'variance': variance, 'cur_recurrent': current[0],
             'cur_input': current[1], 'stim_error': released.stimulus_error(o, target, theta),
             'signal_corr': analysis.signal_correlations(r, True),
             'noise_corr_mean': analysis.noise_correlations(r, theta, released=True).mean(axis=0),
             'pca_explained': analysis.net_pca(r[:, ::7])[1]}
    for kind, entropy in (('det', False), ('entropy', True)):
        volumes = analysis.noise_volume(r, theta, arrays['D'], entropy)[:3]
        pairs |= {f'nv_{name}_{kind}': value for name, value in zip(('fraction', 'total', 'projected'), volumes, strict=True)}
    objective = found['objective'].copy()
    objective[:, 0] = 0.0
    pairs |= {'objective_mean': objective.mean(),
              'mean_error_released': released.mean_error(objective.ravel(), theta, p.kappa_in, p.mu_in, released=True)}
    for name, value in pairs.items():
        close(value, case[name], 1e-5, 1e-7, what=name)


@pytest.mark.slow
def test_the_walkthrough_runs_through(tmp_path):
    """It ends with asserts on what it said."""
    script = ROOT / 'task_plasticity' / 'walkthrough.py'
    result = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True,
                            env=os.environ | {'MPLBACKEND': 'Agg'})
    assert result.returncode == 0 and 'all of it holds' in result.stdout, result.stderr
