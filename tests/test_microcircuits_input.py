"""Dendritic microcircuits: bad input, and the original's command line."""
import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from common import ROOT
from common.params import load_params
from common.results import result_path, save_result
from common.words import command
from microcircuits import exp_params, params_file, runner, simulation


@pytest.mark.parametrize('words, message', [
    (['layers=5,5'], 'at least 3 positive numbers'),
    (['layers=5,0,5'], 'at least 3 positive numbers'),
    (['eta_fw=1,1'], 'eta_fw has 2 entries, layers = (5, 20, 10, 20, 5) need 4'),
    (['eta_bw=1,1'], 'eta_bw has 2 entries, layers = (5, 20, 10, 20, 5) need 3'),
    (['alpha=1,1'], 'alpha has 2 entries'),
    (['noise_scale=1,1'], 'noise_scale has 2 entries'),
    (['eta_PI=1,1,1,1'], 'eta_PI has 4 entries'),
    (['activation=logistic,relu'], 'activation names 2 functions; 1 or 4'),
    (['activation=sigmoid'], "activation 'sigmoid': choose from linear, relu"),
    (['settling_time=101'], 'settling_time = 101.0 must lie between 0 and dataset_size * Tpres = 100.0'),
    (['settling_time=0.505'], 'settling_time = 0.505 must be a multiple of dt = 0.01'),
    (['settling_time=0.004'], 'settling_time = 0.004 must be a multiple of dt = 0.01'),
    (['Tpres=0.995'], 'Tpres = 0.995 must be a multiple of dt = 0.01'),
    (['dtxi=0.025'], 'dtxi = 0.025 must be a multiple of dt = 0.01'),
    (['mode=phased_small', 'Tbw=0.0015'], 'Tbw = 0.0015 must be a multiple of dt = 0.001'),
    (['model_type=DFA'], "model_type = 'DFA': did you mean FA? choose from BP, FA, PAL, LDRL, DTPDRL"),
    (['noise_mode=uP_adaptive'], 'does not exist for PAL'),
    (['noise_mode=dynamic'], 'unfinished'),
    (['noise_type=pink'], "noise_type = 'pink': choose from OU, hold_white_noise"),
    (['task=both'], "task = 'both': choose from bw_only, fw_bw"),
    (['compare=FA'], "compare = 'FA': "),
    (['connection=skip'], "model_type = 'PAL' with connection = 'skip' exists with one hidden layer only"),
    (['mode=phased_larger', 'model_type=BP', 'layers=4,5,5,3', 'eta_fw=0,0,0', 'eta_bw=0,0', 'eta_PI=0,0', 'noise_scale=0,0',
      'alpha=0,0'], "model_type = 'BP' with connection = 'skip'"),
    (['model_type=LDRL'], "need connection='skip'"),
    (['mode=phased_small', 'activation=logistic'], 'gate_regularizer of the phased rules is defined for relu and hard_sigmoid'),
    (['mode=phased_small', 'noise_mode=const'], 'does not exist for LDRL; choose from uP, vapi, uP_adaptive'),
    (['dWPP_r_low_pass=True', 'dWPP_post_low_pass=True'], 'exclude each other'),
    (['dt=0.05', 'dtxi=0.05', 'tauxi=0.04'], 'tauxi = 0.04 is shorter than dt = 0.05'),
    (['dt=6', 'Tpres=6', 'dtxi=6', 'settling_time=6'], 'dt = 6.0 is longer than the time constant'),
    (['eta_fw=0,0,0,0'], 'an update of zero has no angle'),
    (['rec_per_steps=2000000'], 'longer than the run'),
    (['rec_per_steps=20000'], 'the comparison needs one record an epoch'),
    (['init_WPP_range=1,-1'], 'init_WPP_range = (1, -1): two numbers, low <= high'),
    (['record=WPP,voltage'], "unknown series 'voltage'; choose from MSE, error"),
    (['mode=pal_small', 'rng=legacy', 'task=fw_bw'], "protocol = 'notebook' with rng = 'legacy' has no teacher"),
    (['eta_bw=1,1,1e300'], 'numbers from 0 to 1e12'),
    (['mode=yin_yang', 'task=bw_only'], 'learned with targets'),
    (['mode=yin_yang', 'layers=4,30,2'], 'three classes'),
])
def test_bad_input_is_named_in_one_line(words, message):
    with pytest.raises(ValueError) as error:
        load_params(exp_params, *words)
    assert message in str(error.value) and '\n' not in str(error.value)


def test_allowed_but_odd_values_warn(tmp_path):
    result = subprocess.run([sys.executable, '-m', 'microcircuits.simulation', 'mode=smoke', 'tauxi=0.01', 'alpha=0,0,0'],
                            env=os.environ | {'PLASTICITY_RESULTS': str(tmp_path)}, capture_output=True, text=True,
                            cwd=ROOT)
    assert result.returncode == 0
    assert 'warning: tauxi is close to dt' in result.stderr and 'warning: alpha has more entries' in result.stderr


def test_every_mode_has_valid_members():
    for mode in exp_params.MODES:
        p = load_params(exp_params, mode=mode)
        assert p.mode == mode and command(p).endswith(f'mode={mode}')
        for number in range(1, len(exp_params.SWEEPS.get(mode, [])) + 1):
            load_params(exp_params, mode=mode, array_num=number)
    assert load_params(exp_params, mode='fig3_strong', array_num=5).seed == 999


# ---------------------------------------------------------------- the original's command line

def params_json(folder, **changes):
    """A params.json as users of the original have it."""
    given = {'dt': 0.01, 'Tpres': 0.5, 'dtxi': 0.01, 'tauHP': 0.1, 'tauLO': 1, 'tauxi': 0.1, 'dataset_size': 4, 'epochs': 3,
             'settling_time': 1, 'layers': [2, 3, 2], 'activation': 'logistic', 'model_type': 'PAL', 'noise_type': 'OU',
             'noise_scale': [0.05], 'noise_deg': 30, 'noise_mode': 'const', 'gl': 0.03, 'gbas': 0.1, 'gapi': 0.06, 'gden': 0.1,
             'gnI': 0.06, 'gntgt': 0.06, 'eta_fw': [2, 0.5], 'eta_bw': [20], 'eta_IP': [10], 'eta_PI': [0.5],
             'init_WPP_range': [-1, 1], 'init_WIP_range': [-1, 1], 'init_BPP_range': [-1, 1], 'init_BPI_range': [-1, 1],
             'init_teacher_WPP_range': [0, 2], 'init_teacher_WIP_range': [-1, 1], 'init_teacher_BPP_range': [-1, 1],
             'init_teacher_BPI_range': [-1, 1], 'alpha': [1e-6, 1e-6, 1e-6], 'random_seed': [123, 456], 'init_in_SPS': True,
             'inter_low_pass': False, 'pyr_hi_pass': True, 'dWPP_low_pass': True, 'dWPP_r_low_pass': False,
             'dWPP_post_low_pass': False, 'gate_regularizer': False, 'dWPP_use_activation': True, 'input_signal': 'step',
             'copy_teacher_weights': False, 'copy_teacher_voltages': False, 'rec_per_steps': 10, 'rec_MSE': True,
             'rec_WPP': True, 'rec_WIP': False, 'rec_BPP': True, 'rec_BPI': True, 'rec_vbas': False, 'rec_rI_breve': True,
             'comment': 'weights as in the paper'} | changes
    path = folder / 'params.json'
    path.write_text(json.dumps({k: v for k, v in given.items() if v is not ...}))
    return path


PHASED_JSON = dict(tauHP=..., tauLO=..., tauxi=..., tausyn=0.1, taueps=1, Tbw=0.5, model_type='LDRL', noise_mode='uP_adaptive',
                   noise_type=..., noise_scale=[0.5, 0.5], settling_time=..., copy_teacher_weights=...,
                   copy_teacher_voltages=..., dataset_size=300, rec_epsilon_LO=True, rec_noise=True)


def run_runner(results, *words):
    environment = os.environ | {'PLASTICITY_RESULTS': str(results), 'MPLBACKEND': 'Agg'}
    return subprocess.run([sys.executable, '-m', 'microcircuits.runner', *map(str, words)], env=environment, cwd=ROOT,
                          capture_output=True, text=True)


@pytest.mark.parametrize('task, changes, figures', [
    ('fw_bw', {}, {'MSE', 'WPP_layer0', 'WPP_layer1', 'BPP_layer0', 'BPP+BPI_layer0', 'angle_WPPT_BPP0', 'angle_BPP_RHS0_mean',
                   'angle_MC_BP_ANN1', 'angle_MC_BP_ANN0_mean', 'rI_breve_layer0', 'angle_jacobians_BP0'}),
    ('fw_bw', PHASED_JSON, {'MSE', 'epsilon_LO_layer0', 'cos_layer0', 'noise_layer0', 'BPP_layer0'}),
])
def test_runner_writes_results_and_plots_beside_the_parameters(tmp_path, task, changes, figures):
    """Phaseless: plots at once; phased: --no-plots, and drawn later from the file."""
    folder = tmp_path / 'run01'
    folder.mkdir()
    path = params_json(folder, **changes)
    more = ['--no-plots'] if changes else ['--compare', 'BP']
    result = run_runner(tmp_path / 'results', '--params', path, '--task', task, *more)
    assert result.returncode == 0, result.stderr
    assert 'warning: alpha has more entries' in result.stderr
    runs = runner.load(folder / 'model.npz')
    assert [meta['seed'] for meta, _ in runs] == [123, 456]
    assert all(arrays['WPP_1'].shape[1:] == (3, 2) and np.isfinite(arrays['MSE']).all() for _, arrays in runs)
    if changes:
        assert not list(folder.glob('*.png'))
        assert run_runner(tmp_path / 'results', '--load', folder / 'model.npz').returncode == 0
    assert figures <= {file.stem for file in folder.glob('*.png')}


@pytest.mark.parametrize('changes, message', [
    ({'random_seed': 5}, 'random_seed must be a list of whole numbers'),
    ({'random_seed': []}, 'random_seed must be a list of whole numbers'),
    ({'input_signal': 'sine'}, 'input_signal must be "step"'),
    ({'eta_fww': [1]}, "did you mean eta_fw?"),
    ({'eta_fw': [1]}, 'eta_fw has 1 entries'),
    ({'init_WPP_range': [1, -1]}, 'low <= high'),
    ({'tauxi': ...}, 'tauxi is missing, which PAL needs'),
    ({'model_type': ...}, 'model_type is missing'),
    ({'eta_bw': ..., 'dt': ...}, 'dt, eta_bw are missing'),
    ({'layers': ...}, 'layers is missing'),
    ({'init_BPI_range': ...}, 'init_BPI_range is missing'),
    ({'model': 'PAL'}, 'model and model_type both name the rule'),
    ({'random_seed': [1, 2, 1]}, 'random_seed has [1] twice'),
    ({'rec_WPP': 'no'}, "rec_WPP must be true or false, not 'no'"),
    ({'init_in_SPS': 'yes'}, "init_in_SPS must be true or false, not 'yes'"),
    ({'mc_model': 'errormc'}, 'mc_model is a key of the error-neuron program of 2025'),
    (PHASED_JSON | {'noise_deg': ...}, 'noise_deg is missing, which LDRL needs'),
    *(({name: value}, f'{name} does not belong into a parameter file: ') for name, value in (
        ('angles', False), ('task', 'bw_only'), ('record', 'uP'), ('seed', 5), ('input_seed', 7), ('compare', 'BP'),
        ('array_num', 3), ('mode', 'smoke'))),
    ({'tauxi': None}, 'tauxi is missing, which PAL needs'),
])
def test_mistakes_in_a_parameter_file_are_named(tmp_path, changes, message):
    path = params_json(tmp_path, **changes)
    with pytest.raises(ValueError) as error:
        params_file.members_of(path, 'fw_bw')
    assert message in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('text, encoding, name, message', [
    ('{"dt": 0.01, "dt": 0.02}', 'utf-8', 'params.json', 'dt stands there twice'),
    ('{"dt": 0.01}', 'utf-16', 'params.json', 'is not UTF-8 text'),
    ('dt: 0.01', 'utf-8', 'params.yaml', 'is YAML, as the GeNN program reads it'),
    ('[' * 100_000, 'utf-8', 'params.json', 'is not JSON'),
    ('{"dt": ' * 100_000, 'utf-8', 'params.json', 'is not JSON'),
])
def test_files_that_are_something_else_are_named(tmp_path, text, encoding, name, message):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    with pytest.raises(ValueError, match=message):
        params_file.members_of(path, 'fw_bw')


def test_parameter_files_of_april_2022_run(tmp_path, capsys):
    """No settling_time: that program settled for Tpres. LDRL with tauxi: the rule that was later called PAL."""
    p = params_file.members_of(params_json(tmp_path, settling_time=..., model_type='LDRL'), 'fw_bw')[0]
    assert (p.settling_time, p.model_type, p.connection) == (p.Tpres, 'PAL', 'layered')
    said = capsys.readouterr().err
    assert 'settling_time is missing: Tpres = 0.5' in said and 'run as PAL' in said
    p = params_file.members_of(params_json(tmp_path, **PHASED_JSON), 'fw_bw')[0]
    assert (p.settling_time, p.model_type, p.connection) == (0.5, 'LDRL', 'skip')


def test_what_a_parameter_file_gives_in_vain_is_said(tmp_path, capsys):
    """FA and BP know neither noise nor filters; their files carry the keys."""
    params_file.members_of(params_json(tmp_path, model_type='FA'), 'fw_bw')
    said = next(line for line in capsys.readouterr().err.splitlines() if 'not used by FA in this run: ' in line)
    assert all(name in said for name in ('tauxi', 'noise_scale', 'dWPP_low_pass', 'eta_bw', 'init_teacher_WIP_range'))
    assert 'layers' not in said and 'eta_fw' not in said


def test_defaults_and_nulls_of_a_parameter_file_are_said(tmp_path, capsys):
    """In one line each; a file that holds all keys has none. What the run does not use is not among them."""
    complete = params_json(tmp_path, taur=1, varphi_regularizer=False)
    params_file.members_of(complete, 'fw_bw')
    assert 'default' not in capsys.readouterr().err
    lacking = dict.fromkeys(('noise_type', 'noise_mode', 'init_in_SPS', 'noise_deg'), ...)
    params_file.members_of(params_json(tmp_path, varphi_regularizer=False, dtxi=None, **lacking), 'fw_bw')
    said = capsys.readouterr().err.splitlines()
    assert ('warning: not in the file, so the default: taur = 1.0, noise_type = OU, noise_mode = const, dtxi = 0.01, '
            'init_in_SPS = True') in said
    assert 'warning: dtxi: null, as if not in the file' in said


def test_the_parameter_file_of_the_readme_is_complete(tmp_path, capsys):
    text = (ROOT / 'microcircuits' / 'README.md').read_text(encoding='utf-8')
    path = tmp_path / 'params.json'
    path.write_text(text.split('```json\n')[1].split('```')[0])
    assert [p.seed for p in params_file.members_of(path, 'fw_bw')] == [123, 456]
    assert capsys.readouterr().err == 'warning: not used by PAL in this run: init_WIP_range, init_BPI_range\n'


def test_runs_that_lie_beside_a_parameter_file_are_not_lost(results):
    """The same runs with more seeds may replace model.npz; other parameters, fewer seeds, no comparison may not."""
    def members(**changes):
        return params_file.members_of(params_json(results, **changes), 'fw_bw')

    old = [dataclasses.replace(p, compare='BP') for p in members()]
    for p in old:
        save_result(result_path(p), p, {'diverged_at': np.array(-1), 'first_record': np.array(0)})
    path = runner.save(results, old)
    runner.demand_replaceable(path, old)
    runner.demand_replaceable(path, [*old, dataclasses.replace(old[0], seed=7)])
    for new, different in ((members(epochs=4), 'epochs, --compare'), (members(), '--compare'), (old[:1], 'random_seed')):
        with pytest.raises(ValueError, match=f'holds other runs, which would be lost .different: {different}'):
            runner.demand_replaceable(path, new)
    runner.demand_replaceable(results / 'nothing.npz', old)


@pytest.mark.parametrize('changes, message', [
    ({'seeds': [1, 2]}, 'names 2 seeds, but .* has'), ({'seeds': []}, 'which seeds'), ({'task': ...}, 'lacks task'),
    ({'rec_per_steps': ..., 'dt': ...}, 'lacks dt, rec_per_steps'), ({'params': 3}, 'lacks task, dt'),
    ({'diverged_at': ...}, 'lacks diverged_at')])
def test_an_altered_file_of_the_runner_is_named(results, changes, message):
    p = load_params(exp_params, mode='smoke')
    arrays = {'WPP_1': np.zeros((1, 3)), 'diverged_at': np.array([-1]), 'first_record': np.array([0])}
    params = {k: v for k, v in dataclasses.asdict(p).items() if k not in changes}
    meta = {'kind': 'microcircuits.runner', 'seeds': [1], 'params': params} | {k: v for k, v in changes.items() if v is not ...}
    np.savez(results / 'model.npz', meta=np.array(json.dumps(meta)), **{k: v for k, v in arrays.items() if k not in changes})
    with pytest.raises(ValueError, match=message) as error:
        runner.load(results / 'model.npz')
    assert '\n' not in str(error.value)


def test_the_runner_looks_before_it_computes(tmp_path, monkeypatch, capsys):
    """A results folder that cannot be written, a broken file in the way, a file that is not there: one line."""
    monkeypatch.setattr(runner, 'sweep', lambda *_: pytest.fail('computed'))
    words = ['--params', str(params_json(tmp_path)), '--task', 'fw_bw', '--jobs', '1']
    (tmp_path / 'file').touch()
    monkeypatch.setattr('common.results.RESULTS', tmp_path / 'file')
    none = str(tmp_path / 'none.npz')
    for given, message in ((words, 'runner: cannot write into '), (['--load', none], f'cannot read {none}: No such file')):
        with pytest.raises(SystemExit):
            runner.main(given)
        assert message in (said := capsys.readouterr().err) and 'Errno' not in said
    (tmp_path / 'model.npz').write_bytes(b'PK')
    with pytest.raises(SystemExit):
        runner.main(words)
    assert 'model.npz is not a readable file' in (said := capsys.readouterr().err) and 'move or delete it' in said


def test_mistakes_of_the_runner(tmp_path):
    (tmp_path / 'params.json').write_text('{"dt": 0.01,')
    (tmp_path / 'list.json').write_text('[1, 2]')
    for words, message in ((['--params', tmp_path / 'params.json', '--task', 'fw_bw'], 'is not JSON'),
                           (['--params', tmp_path / 'list.json', '--task', 'fw_bw'], 'holds a list, not parameters'),
                           (['--params', tmp_path / 'nowhere.json', '--task', 'fw_bw'], 'No such file'),
                           (['--params', tmp_path / 'params.json'], '--params and --task are needed'),
                           (['--load', tmp_path / 'model.pkl'], 'pickle of the released program'),
                           (['--task', 'both'], "invalid choice: 'both'")):
        result = run_runner(tmp_path, *words)
        assert result.returncode == 2 and message in result.stderr and 'Traceback' not in result.stderr
    np.savez(tmp_path / 'other.npz', meta=np.array('{"mode": "estimation"}'), x=np.zeros(2))
    assert 'holds estimation' in run_runner(tmp_path, '--load', tmp_path / 'other.npz').stderr
    p = load_params(exp_params, mode='smoke', record='WPP')
    arrays = {name: np.stack([value]) for name, value in simulation.run(p).items()}
    meta = {'kind': 'microcircuits.runner', 'seeds': [123], 'params': dataclasses.asdict(p)}
    np.savez(tmp_path / 'model.npz', meta=np.array(json.dumps(meta)), **arrays)
    result = run_runner(tmp_path, '--load', tmp_path / 'model.npz', '--task', 'fw_bw')
    assert 'holds runs of the task bw_only (seeds [123]), not fw_bw' in result.stderr


def test_runner_keeps_what_one_seed_has_when_another_diverged(tmp_path, monkeypatch):
    """The comparison of updates is missing for a seed that diverged: NaN there, the other seed's numbers are kept."""
    monkeypatch.setattr('common.results.RESULTS', tmp_path)
    members = [load_params(exp_params, mode='smoke', seed=seed) for seed in (1, 2)]
    angles = np.arange(6.0).reshape(3, 2)
    more = {'first_record': np.array(0), 'diverged_at': np.array(-1)}
    save_result(result_path(members[0]), members[0], {'MSE': np.ones(4), 'angle_BP_updates': angles} | more)
    save_result(result_path(members[1]), members[1], {'MSE': np.full(4, np.nan)} | more)
    runs = runner.load(runner.save(tmp_path, members))
    assert np.array_equal(runs[0][1]['angle_BP_updates'], angles) and np.isnan(runs[1][1]['angle_BP_updates']).all()
