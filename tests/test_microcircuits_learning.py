"""Dendritic microcircuits: short real runs learn what the paper says; full replays are marked slow."""
import numpy as np
import pytest

from common.checkpoint import Checkpoint
from common.params import load_params
from microcircuits import exp_params, plot_panels, simulation


def learned(mode, **given):
    """Series of one run."""
    p = load_params(exp_params, mode=mode, compare='', **given)
    recorder, diverged = simulation.learn(p, simulation.prepare(p), Checkpoint())
    assert diverged == -1
    return recorder.series


def test_backward_weights_align_within_ten_epochs():
    """Modern stream, four fresh seeds: mean angle at record 100 within 3.5 standard errors of the published mean."""
    angles = np.array([learned('fig3_weak', epochs=10, seed=seed)['angle_WPPT_BPP'][100] for seed in (2001, 2002, 2003, 2004)])
    for layer in range(3):
        published = plot_panels.percentiles('weak_WT_vs_B')[100, layer + 1]
        error = np.sqrt(published['std_deg'] ** 2 / 9 + angles[:, layer].var(ddof=1) / 4)
        assert abs(angles[:, layer].mean() - published['mean_deg']) < 3.5 * error
        assert angles[:, layer].mean() < 85


def test_fast_noise_needs_prospective_coding():
    """Lagging rates: no alignment (above 80 degrees) where prospective ones have begun to align."""
    lagging = learned('fig6_10_u', epochs=10, seed=123)['angle_WPPT_BPP'][-1]
    prospective = learned('fig6_10_prosp', epochs=10, seed=123)['angle_WPPT_BPP'][-1]
    assert lagging.mean() > 80 > prospective.mean()


def test_student_with_wrong_signs_learns_by_weight_transport_and_not_by_feedback_alignment():
    """250 epochs of Fig. 4a, b: BP reaches W = 1.974, 2.005 (released program), FA runs away."""
    bp, fa = (learned(mode, epochs=250, rng='legacy') for mode in ('fig4_bp', 'fig4_fa'))
    assert bp['MSE'][-100:].mean() < 5e-5 < 0.01 < fa['MSE'][-100:].mean()
    assert bp['WPP_1'][-1, 0, 0] == pytest.approx(1.974, abs=0.02) and bp['WPP_2'][-1, 0, 0] == pytest.approx(2.005, abs=0.02)
    assert fa['WPP_1'][-1, 0, 0] < -1


def test_yin_yang_is_learned():
    """Three classes: well above chance after four epochs."""
    series = learned('yin_yang', epochs=4, test_epochs=4)
    assert series['validation_accuracy'][0] != series['validation_accuracy'][-1] > 0.5


@pytest.mark.slow
def test_alignment_is_replayed_to_its_end():
    """Fig. 3a-c, two published seeds, all records to 1e-6 degrees."""
    with np.load(plot_panels.PUBLISHED / 'published_angles_seeds0to4.npz') as stored:
        for index in (0, 4):
            series = learned('fig3_weak', seed=int(stored['weak_WT_vs_B_seeds'][index]), rng='legacy', released_code=True)
            for theirs, ours in (('WT_vs_B', 'angle_WPPT_BPP'), ('RHS_vs_B', 'angle_BPP_RHS')):
                difference = series[ours][stored[f'weak_{theirs}_record']] - stored[f'weak_{theirs}'][index]
                assert np.abs(difference).max() <= 1e-6


@pytest.mark.slow
def test_pal_learns_what_feedback_alignment_cannot():
    """Fig. 4a, b, one seed to the end: final error below 1e-4."""
    series = learned('fig4_pal', seed=5)
    assert series['MSE'][-100:].mean() < 1e-4 and series['BPP_1'][-1, 0, 0] > 0
