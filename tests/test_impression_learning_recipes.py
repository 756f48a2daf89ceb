"""Impression learning: what the README says under "Change it" works, word for word, in a copy of the project."""
import os
import re
import shutil
import subprocess
import sys

import pytest

from common import ROOT

BLOCKS = re.findall(r'```python\n(.*?)```', (ROOT / 'impression_learning' / 'README.md').read_text(encoding='utf-8'), re.S)
ACTIVATION, OUTSIDE, NAME, RULE, CALL, MEMBERS, STIMULUS, SWEEP = BLOCKS

NEW_RULE = '''
import numpy as np
from common.params import load_params
from impression_learning import exp_params, plot_panels, simulation
from common.figures import grid
tiny = dict(n_sample=60, n_test=12, epoch_num_snr=4, loss_every=20)
runs = {}
for mode, number, rule in (('smoke', 1, 'wake_sleep'), ('smoke', 1, 'oja'), ('SNR', 1, 'oja'), ('dimensionality', 1, None),
                           ('dimensionality', 11, None)):
    given = tiny | ({'algorithm': rule} if rule else {})
    p = load_params(exp_params, mode=mode, array_num=number, **given)
    runs[mode, number, rule] = {'params': vars(p), 'diverged_at': -1, 'mode': mode}, simulation.run(p)
il, oja, snr = (runs[key][1] for key in (('smoke', 1, 'wake_sleep'), ('smoke', 1, 'oja'), ('SNR', 1, 'oja')))
assert np.abs(il['final_l1_W_in'] - oja['final_l1_W_in']).max() > 1e-9           # it trains, otherwise
assert (snr['mean_oja'] != snr['mean_il']).any() and np.isfinite(snr['snr_oja']).all()
assert exp_params.SWEEPS['dimensionality'][10]['algorithm'] == 'oja'
figure, axes = grid(1, 2)
plot_panels.dimensionality(axes[0, 0], [runs['dimensionality', 1, None], runs['dimensionality', 11, None]])
plot_panels.snr(axes[0, 1], [runs['SNR', 1, 'oja']])
for ax in axes[0]:
    assert any('oja' in text.get_text() for text in ax.get_legend().get_texts())
print('the new rule is everywhere')
'''
RELU = '''
import numpy as np
from impression_learning import backprop, equations, loops, network
from impression_learning.model import IMPRESSION, REINFORCE, Rule
equations.f, equations.f_prime = lambda u: np.maximum(u, 0), lambda p: (p > 0).astype(float)
for name, rule in ((IMPRESSION, equations.impression_learning), (REINFORCE, None)):
    rng = np.random.default_rng(0)
    theta = equations.initial((4, 3, 2), rng)
    names = {'W': 'l{}_W_in', 'b': 'l{}_bias', 'D': 'l{}_W_out', 'c': 'l{}_bias_gen'}
    net = network.from_arrays({'l2_transition' if n == 'a' else names[n[0]].format(n[1:]): w for n, w in theta.items()})
    X, s = rng.normal(0, 0.5, (40, 4)), np.full(3, 0.1)
    eps = np.random.default_rng(1).standard_normal((40, 9))
    loss = np.empty((40, 3))
    loops.run(net, network.activity(net), network.phase(), network.learner(net), X, eps, np.zeros(0, bool), s, s,
              Rule(name, learning_rate=1e-3), True, loss, np.empty((0, 0)))
    plain, _ = equations.train(theta, X, np.random.default_rng(1), s, s, rule or equations.Reinforce(theta))
    np.testing.assert_allclose(loss.sum(axis=1), plain, rtol=1e-9)
    assert (net.W_in[1, :4, :3] != 0).all() and np.allclose(net.W_in[1, :4, :3].T, theta['W1'], rtol=1e-9)
value, slope = backprop.activation(np.array([-1.0, 2.0]))
assert value.tolist() == [0, 2] and slope.tolist() == [0, 1]
print('another activation everywhere')
'''


@pytest.fixture
def project(tmp_path):
    """A copy of the project: edit(file, old, new) changes it, run(code) runs Python there without compilation."""
    for name in ('impression_learning', 'common', 'reproduction', 'plasticity.mplstyle'):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)

    class Project:
        def edit(self, file, old, new):
            path = tmp_path / 'impression_learning' / file
            text = path.read_text(encoding='utf-8')
            assert text.count(old) == 1, f'{old!r} stands {text.count(old)} times in {file}'
            path.write_text(text.replace(old, new), encoding='utf-8')

        def run(self, code):
            env = os.environ | {'NUMBA_DISABLE_JIT': '1', 'PYTHONPATH': str(tmp_path), 'MPLBACKEND': 'Agg'}
            result = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, env=env, capture_output=True, text=True)
            assert result.returncode == 0, result.stderr
            return result.stdout

    return Project()


def test_a_new_rule_appears_in_training_snr_and_fig_2d(project):
    line = "ALGORITHMS = {'wake_sleep': IMPRESSION,"
    text = (ROOT / 'impression_learning' / 'model.py').read_text(encoding='utf-8')
    whole = text[text.index(line):text.index('}', text.index(line)) + 1]
    comment = text[text.index(whole) + len(whole):].split('\n', 1)[0]
    project.edit('model.py', whole + comment, f'{whole}{comment}\n{NAME}')
    project.edit('learning.py', '    IMPRESSION,\n', '    IMPRESSION,\n    OJA,\n')
    head = '@kernel(inline=True)\ndef recognition_update('
    project.edit('learning.py', head, f'{RULE}\n\n{head}')
    first = '    U, E = learner.update, learner.trace\n    if rule.algorithm == IMPRESSION:\n'
    project.edit('learning.py', first, CALL + first)
    project.edit('exp_params.py', 'N_SEEDS = {', f'{MEMBERS}\nN_SEEDS = {{')
    assert 'everywhere' in project.run(NEW_RULE)


def test_another_activation_is_two_lines(project):
    new_f, new_prime = re.findall(r'    return .*\n', ACTIVATION)
    project.edit('model.py', '    return math.tanh(u)\n', new_f)
    project.edit('model.py', '    return 1.0 - p ** 2\n', new_prime)
    assert 'everywhere' in project.run(RELU)


@pytest.mark.parametrize('block', [OUTSIDE, STIMULUS, SWEEP], ids=['rule from outside', 'stimulus', 'sweep'])
def test_snippets_run(project, block):
    project.run(block)


@pytest.mark.slow
def test_the_walkthrough_runs_through():
    """Its last cell asserts what it said."""
    env = os.environ | {'MPLBACKEND': 'Agg'}
    script = ROOT / 'impression_learning' / 'walkthrough.py'
    result = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
