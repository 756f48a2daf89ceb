"""The house: nothing silent in the main blocks, two clones, no git, lost parents, help; evidence has a file of its own."""
import ast
import importlib
import os
import shlex
import shutil
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from common import ROOT, machine, params, words
from common.data import find_data
from common.params import Remark, load_params, unused
from common.results import blown_up, is_complete, load_npz, provenance, result_path
from common.running import sweep
from impression_learning import exp_params
from reproduction.experiments import folders

SIMULATION = 'impression_learning.simulation'


def program(*words, **environment):
    """A finished `python words`."""
    environment = os.environ | {'MPLBACKEND': 'Agg'} | environment
    return subprocess.run([sys.executable, *map(str, words)], env=environment, capture_output=True, text=True)


def refused(result, *parts, code=2):
    """One line on stderr, no traceback, this exit code."""
    assert result.returncode == code, result.stdout + result.stderr
    assert 'Traceback' not in result.stderr and len(result.stderr.strip().splitlines()) == 1, result.stderr
    for part in parts:
        assert part in result.stderr, result.stderr


# ---------------------------------------------------------------- words that do nothing

@pytest.mark.parametrize('given, part', [
    (['n_jobs=0', 'array_num=0', 'mode=switch_period'], "a number of processes from 1 on, or -1 for one a core, not '0'"),
    (['n_jobs=-7', 'array_num=0', 'mode=switch_period'], "from 1 on, or -1 for one a core, not '-7'"),
    (['n_jobs=abc', 'array_num=0', 'mode=switch_period'], "not 'abc'"),
    (['n_jobs=2', 'mode=smoke'], 'n_jobs: for sweeps only'),
    (['cluster=tcp://nowhere:1', 'mode=smoke'], 'cluster: for sweeps only'),
    (['cluster=nowhere', 'mode=switch_period', 'array_num=0'], 'address of a Dask scheduler'),
    (['mode=switch_period', 'array_num=0', 'array_num=3'], 'array_num is given twice'),
    (['mode=switch_period', 'array_num=0', 'switch_period=3'], 'switch_period: the sweep of mode=switch_period varies it'),
])
def test_words_that_would_do_nothing_are_refused(results, given, part):
    refused(program('-m', SIMULATION, *given), part)
    assert not list(results.rglob('*.npz'))


@pytest.mark.parametrize('given', [['--jobs', '0'], ['--jobs', 'many'], ['--quick', '--paper'],
                                   ['--publish', '--only', 'biohsic']])
def test_the_main_job_refuses_words_that_contradict(given):
    result = program(ROOT / 'reproduce.py', *given)
    assert result.returncode == 2 and 'Traceback' not in result.stderr and 'error:' in result.stderr


def test_a_given_parameter_that_does_nothing_is_named(monkeypatch):
    from impression_learning import checks
    monkeypatch.setattr(checks, 'USED', [('n_compare dt', 'with mode=SNR', lambda p: p.mode == 'SNR')], raising=False)
    with pytest.warns(Remark, match='n_compare does nothing in this run .*it acts only with mode=SNR'):
        p = load_params(exp_params, n_compare=3)
    assert unused(p) == {'n_compare': 'with mode=SNR', 'dt': 'with mode=SNR'}
    assert unused(load_params(exp_params, mode='SNR', n_compare=3)) == {}


@pytest.mark.parametrize('folder', folders())
def test_every_name_in_used_is_a_parameter_and_stands_once(folder):
    module = importlib.import_module(f'{folder}.exp_params')
    used = [name for names, _, _ in getattr(importlib.import_module(f'{folder}.checks'), 'USED', ()) for name in names.split()]
    assert len(used) == len(set(used)) and set(used) <= set(module.Params.__dataclass_fields__)


@pytest.mark.parametrize('folder', folders())
def test_a_path_that_does_not_exist_is_refused_in_every_run(folder, tmp_path):
    module = importlib.import_module(f'{folder}.exp_params')
    names = [name for name in module.Params.__dataclass_fields__ if name.endswith(params.PATHS)]
    for name in names:
        with pytest.raises(ValueError, match=f'{name} = .*nowhere.* does not exist'):
            load_params(module, **{name: str(tmp_path / 'nowhere')})
    assert names or folder == 'across'


# ---------------------------------------------------------------- results

def test_a_damaged_result_in_a_sweep_is_named_and_computed_again(results, capsys):
    members = [load_params(exp_params, mode='smoke', seed=seed) for seed in (1, 2)]
    assert sweep(members, n_jobs=1) == []
    whole = result_path(members[0]).read_bytes()
    good = load_npz(result_path(members[0]), 'result')[1]
    for damage in (whole[:len(whole) // 2], b'', whole[:300] + b'x' * 50 + whole[350:]):
        result_path(members[0]).write_bytes(damage)
        assert not is_complete(result_path(members[0]))
        assert sweep(members, n_jobs=1) == []
        assert f'{result_path(members[0])} is damaged and is computed again' in capsys.readouterr().err
        again = load_npz(result_path(members[0]), 'result')[1]
        assert all(np.array_equal(again[name], good[name]) for name in good)


def test_advice_to_delete_is_given_for_our_own_results_only(tmp_path, monkeypatch):
    monkeypatch.setattr('common.results.RESULTS', tmp_path / 'results')
    (tmp_path / 'results').mkdir()
    for place, advised in ((tmp_path / 'results' / 'a.npz', True), (tmp_path / 'thesis.npz', False), (tmp_path, False)):
        if place != tmp_path:
            place.write_text('something else')
        with pytest.raises(ValueError, match='not a readable') as error:
            load_npz(place, 'result')
        assert ('delete it' in str(error.value)) == advised


@pytest.mark.parametrize('value, lost', [(1.0, None), (1e7, None), (1e9, 'W'), (-1e9, 'W'), (np.nan, 'W'), (np.inf, 'W')])
def test_weights_that_blow_up_while_finite_are_a_divergence(value, lost):
    assert blown_up({'loss': np.array([1e40]), 'final_W': np.array([0.5, value]), 'final_n': np.array(3)}) == lost


def test_weights_of_a_folder_that_names_them_otherwise_are_looked_at():
    from task_plasticity import checks
    arrays = {'W': np.full((2, 2), 1e200), 'rates': np.array([1e200])}
    assert blown_up(arrays) is None and blown_up(arrays, checks.WEIGHTS) == 'W'


def test_without_git_a_run_is_saved_without_commit(results, tmp_path):
    done = program('-m', SIMULATION, 'mode=smoke', PATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    saved, = results.rglob('*.npz')
    assert load_npz(saved, 'result')[0]['commit'] is None


def test_content_of_input_files_is_in_key_and_meta(results, tmp_path, monkeypatch):
    from impression_learning import checks
    data = tmp_path / 'sounds.bin'
    monkeypatch.setattr(checks, 'inputs', lambda p: [data], raising=False)
    p = load_params(exp_params, mode='smoke')
    paths = []
    for content in (b'one', b'two!', b'one'):
        data.write_bytes(content)
        paths.append(result_path(p))
    assert paths[0] == paths[2] != paths[1]
    assert list(provenance(p)['inputs']) == [str(data)]


def test_printed_commands_can_be_pasted_into_a_shell():
    from biohsic import exp_params as networks
    p = load_params(networks, mode='smoke', features=(6, 4))
    assert "'features=(6,4)'" in words.command(p) and load_params(networks, *shlex.split(words.command(p))[3:]) == p


def test_an_unwritable_figures_folder_is_named(results, tmp_path):
    (tmp_path / 'figures').write_text('a file')
    assert program('-m', SIMULATION, 'mode=smoke').returncode == 0
    drawn = program('-m', 'impression_learning.plot_generator', 'mode=smoke', PLASTICITY_FIGURES=tmp_path / 'figures')
    refused(drawn, 'cannot write', str(tmp_path / 'figures'), code=1)


@pytest.mark.parametrize('content', [{}, *({'meta': text} for text in ('{}', '[]', '3', '{"params": {}}', 'oops'))])
def test_readable_but_foreign_files_are_no_results(results, content):
    path = results / 'foreign.npz'
    np.savez(path, a=np.arange(3), **{name: np.array(text) for name, text in content.items()})
    assert not is_complete(path)
    for what in ('result', 'checkpoint'):
        with pytest.raises(ValueError, match=f'foreign.npz is not a readable {what}'):
            load_npz(path, what)


@pytest.mark.parametrize('name, value, part', [
    ('PLASTICITY_CHECKPOINT_SECONDS', 'abc', 'a number of seconds from 0 on'),
    ('PLASTICITY_CHECKPOINT_SECONDS', 'nan', 'a number of seconds from 0 on'),
    ('SLURM_ARRAY_TASK_ID', '0', 'members are numbered from 1'), ('SLURM_ARRAY_TASK_ID', 'abc', 'array_num takes int')])
def test_nonsense_in_the_environment_is_named(results, name, value, part):
    done = program('-m', SIMULATION, 'mode=switch_period', 'scale=0.001', *(['array_num=1'] if 'PLAST' in name else []),
                   **{name: value})
    assert done.returncode in (1, 2) and part in done.stderr and 'Traceback' not in done.stderr, done.stderr
    assert not list(results.rglob('*.npz'))


def test_empty_variables_are_the_default(tmp_path):
    code = 'from common import figures, results; print(results.RESULTS, figures.FIGURES)'
    shown = program('-c', code, PLASTICITY_RESULTS='', PLASTICITY_FIGURES='')
    assert shown.stdout.split() == [str(ROOT / 'results'), str(ROOT / 'figures')]


def test_a_named_data_folder_must_exist(monkeypatch, tmp_path):
    monkeypatch.setenv('PLASTICITY_DATA', str(tmp_path / 'typo'))
    with pytest.raises(FileNotFoundError, match='PLASTICITY_DATA = .*typo.* is not a folder that exists'):
        find_data('mnist')


def test_words_survive_other_launchers(results):
    """A profiler puts its own name first; the words are still ours."""
    done = program('-m', 'cProfile', '-o', results / 'profile', '-m', SIMULATION, 'mode=smoke', 'nonsense=3')
    assert "unknown parameter 'nonsense'" in done.stderr and not list(results.rglob('*.npz'))


# ---------------------------------------------------------------- the machine

def test_more_memory_than_is_free_is_refused_before_computing(results, monkeypatch, capsys):
    from impression_learning import checks
    monkeypatch.setattr(checks, 'memory', lambda p: 10 ** 15, raising=False)
    with pytest.raises(ValueError, match=r'need about 1e\+06 GB of memory, [\d.]+ [GM]B are free'):
        machine.demand_memory(load_params(exp_params, mode='smoke'))


@pytest.mark.skipif(os.name == 'nt', reason='POSIX signals')
def test_workers_end_soon_after_their_main_process_was_killed(results):
    main = subprocess.Popen([sys.executable, '-m', SIMULATION, 'mode=switch_period', 'array_num=0', 'n_jobs=2'],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 120
    workers = []
    while len(workers) < 2 and time.time() < deadline:
        time.sleep(0.5)
        workers = [w for w in psutil.Process(main.pid).children(recursive=True) if w.cpu_times().user > 3]
    assert len(workers) >= 2
    main.kill()
    main.wait()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive


# ---------------------------------------------------------------- clones and help

def test_the_folder_from_which_a_file_is_run_wins(tmp_path):
    """A copy of the repository beside this one, which every environment variable and the working folder point to."""
    copy = tmp_path / 'copy'
    for name in ('impression_learning', 'common'):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns('__pycache__', '*.ipynb'))
    shutil.copy(ROOT / 'plasticity.mplstyle', copy)
    environment = {k: v for k, v in os.environ.items() if k not in ('PLASTICITY_RESULTS', 'PLASTICITY_FIGURES')}
    environment['NUMBA_DISABLE_JIT'] = '1'                      # a copy has no compiled kernels
    for script in ('simulation.py', 'plot_generator.py'):
        done = subprocess.run([sys.executable, copy / 'impression_learning' / script, 'mode=smoke'], cwd=ROOT, text=True,
                              env=environment | {'MPLBACKEND': 'Agg', 'PYTHONPATH': str(ROOT)}, capture_output=True)
        assert done.returncode == 0 and str(copy) in done.stdout, done.stdout + done.stderr
    assert list((copy / 'results').rglob('*.npz')) and list((copy / 'figures').rglob('*.png'))
    sweeping = [copy / 'impression_learning' / 'simulation.py', 'mode=time_constant', 'array_num=0', 'scale=0.001', 'n_jobs=2']
    done = subprocess.run([sys.executable, *sweeping], cwd=ROOT, env=environment | {'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0 and len(list((copy / 'results').rglob('*_tc_*.npz'))) == 10        # workers import the copy too


@pytest.mark.parametrize('folder', folders())
@pytest.mark.parametrize('script', ['simulation', 'plot_generator'])
def test_help_lists_every_mode_and_parameter_with_its_comment(folder, script):
    module = importlib.import_module(f'{folder}.exp_params')
    shown = program('-m', f'{folder}.{script}', '--help')
    assert shown.returncode == 0, shown.stderr
    lines = [line.split() for line in shown.stdout.splitlines()]
    first = {line[0].split('=')[0]: line for line in lines if line}
    for mode in module.MODES:
        assert mode in first
    bare = [name for name in module.Params.__dataclass_fields__ if len(first[name]) < 2]
    assert set(bare) <= {'mode'}, f'{folder}: no comment beside {bare}'


OTHERS = ('simulation', 'plot_generator', 'equations', 'walkthrough')       # tested above, or nothing to ask
FILES = [f for folder in (*folders(), 'benchmarks', 'data', '.') for f in (ROOT / folder).glob('*.py')]
SCRIPTS = sorted(str(f.relative_to(ROOT)) for f in FILES
                 if "__name__ == '__main__'" in f.read_text() and f.stem not in OTHERS)


@pytest.mark.parametrize('script', SCRIPTS)
def test_every_script_answers_help(script):
    shown = program(ROOT / script, '--help')
    assert shown.returncode == 0 and len(shown.stdout.splitlines()) >= 3 and 'Traceback' not in shown.stderr, shown.stderr


def test_no_import_circles():
    """Imports inside functions count too."""
    files = {str(f.relative_to(ROOT))[:-3].replace('/', '.').removesuffix('.__init__'): f
             for folder in (*folders(), 'common', 'reproduction') for f in (ROOT / folder).rglob('*.py')}
    uses = {}
    for name, file in files.items():
        found = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f'{node.module}.{alias.name}' for alias in node.names}
        uses[name] = {x for x in found if x in files and x != name and '.' in x}
    for start in files:
        seen, todo = set(), [start]
        while todo:
            for other in uses.get(todo.pop(), ()):
                assert other != start, f'{start} imports itself in a circle'
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
