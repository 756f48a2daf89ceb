"""The main job on tiny runs: rows, verdicts, report, continuing, missing data, failures, publishing."""
import json
import os
import re
import subprocess
import sys
import types

import pytest

import reproduce
from common import ROOT
from common.figures import grid
from common.params import load_params
from impression_learning import exp_params, experiments, plot_generator
from impression_learning.experiments import each, row
from reproduction import evidence, front, publish, report
from reproduction import experiments as main_job

KEYS = {'folder', 'mode', 'setting', 'figure', 'quantity', 'paper', 'released', 'ours', 'sem', 'n', 'band', 'verdict',
        'standin', 'seconds', 'command', 'hardware', 'date'}


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """Results, figures and published files below tmp_path; experiments() replaced by `sandbox.list`, fig_1 by a small picture
    (figures have tests of their own)."""
    monkeypatch.setitem(plot_generator.FIGURES, 'fig_1', lambda runs: grid(1, 1, size=1)[0])
    for name, folder in (('common.results.RESULTS', 'results'), ('common.figures.FIGURES', 'figures'),
                         ('reproduction.report.PUBLISHED', 'published'), ('reproduction.publish.PUBLISHED', 'published')):
        monkeypatch.setattr(name, tmp_path / folder)
    monkeypatch.setenv('PLASTICITY_RESULTS', str(tmp_path / 'results'))
    (tmp_path / 'impression_learning').mkdir()
    monkeypatch.setattr('reproduction.publish.ROOT', tmp_path)
    monkeypatch.setattr('reproduction.experiments.PAPERS', {'impression_learning': 'Bredenberg et al., NeurIPS 2021'})
    tmp_path.joinpath('README.md').write_text('before\n<!-- bands -->\nOLD TEXT\n<!-- /bands -->\nafter\n')
    (tmp_path / 'docs').mkdir()
    tmp_path.joinpath('docs', 'results.md').write_text('<!-- results -->\nOLD TABLE\n<!-- /results -->\n')
    tmp_path.joinpath('impression_learning', 'README.md').write_text('<!-- results -->\n<!-- /results -->\n')
    found = types.SimpleNamespace(path=tmp_path, list=[tiny()])
    found.rows = lambda: json.loads((tmp_path / 'figures' / 'results.json').read_text())
    monkeypatch.setattr(experiments, 'experiments', lambda level: [dict(e) for e in found.list])
    return found


def tiny(**changes):
    """One experiment of two smoke runs with rows of every verdict."""
    rows = [row('final R²', each(lambda d, p: d['R2']), 0.5, (-10, 1), main=True),
            row('an impossible band', each(lambda d, p: d['R2']), None, (2, 3)),
            row('open band', each(lambda d, p: d['R2']), None, (None, 1)),
            row('without band', lambda runs: float(len(runs)))]
    runs = [load_params(exp_params, mode='smoke', seed=seed) for seed in (1, 2)]
    return {'mode': 'smoke', 'figure': 'fig_1', 'claim': 'A <claim>.', 'runs': runs, 'rows': rows} | changes


def test_rows_figure_and_report(sandbox):
    assert reproduce.main(['--only', 'impression_learning', '--jobs', '1']) == 0
    rows = sandbox.rows()
    assert all(set(r) >= KEYS for r in rows)
    assert [r['verdict'] for r in rows] == ['pass', 'miss', 'pass', 'no band']
    assert rows[0]['n'] == 2 and rows[0]['sem'] > 0 and rows[3]['ours'] == 2 and rows[3]['sem'] is None
    assert rows[0]['seconds'] >= 0 and rows[0]['command'] == 'python reproduce.py --only impression_learning'
    page = (sandbox.path / 'figures' / 'report.html').read_text()
    assert 'data:image/png;base64,' in page and 'A &lt;claim&gt;.' in page
    assert re.search(r'<img alt="[^"]+', page) and 'src="http' not in page and page.count('<h1>') == 1
    assert [int(level) for level in re.findall(r'<h([1-6])', page)] == [1, 2, 2, 2, 3]        # misses, contents, paper
    for target in re.findall(r'href="#([^"]+)"', page):                                     # the page is complete in itself
        assert f'id="{target}"' in page, target
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert (sandbox.path / 'figures' / 'impression_learning' / 'fig_1.pdf').exists()


def test_started_again_it_computes_nothing_anew(sandbox):
    times = []
    for _ in range(2):
        assert reproduce.main(['--jobs', '1']) == 0
        times.append({path: path.stat().st_mtime_ns for path in (sandbox.path / 'results').rglob('*.npz')})
    assert len(times[0]) == 2 and times[0] == times[1]


def test_missing_data_are_reported_as_not_run(sandbox, monkeypatch):
    monkeypatch.setattr('reproduction.experiments.have', lambda name: False)
    sandbox.list[:] = [tiny(), tiny(mode='Vocal_Digits', figure='fig_4', needs='fsdd')]
    assert reproduce.main(['--jobs', '1']) == 0
    missing = [r for r in sandbox.rows() if r['mode'] == 'Vocal_Digits']
    assert {r['verdict'] for r in missing} == {'not run'} and all(r['ours'] is None for r in missing)
    assert 'python data/fetch.py fsdd' in missing[0]['note']
    assert 'python data/fetch.py fsdd' in (sandbox.path / 'figures' / 'report.html').read_text()


def test_an_input_that_only_a_run_knows_of_is_missing_data_too(sandbox):
    lost = load_params(exp_params, mode='MNIST')
    object.__setattr__(lost, 'data_dir', str(sandbox.path / 'nowhere'))
    sandbox.list[:] = [tiny(mode='MNIST', figure=None, runs=[lost]), tiny()]
    assert reproduce.main(['--jobs', '1']) == 0
    assert [r['verdict'] for r in sandbox.rows()][:5] == ['not run'] * 4 + ['pass'] and 'nowhere' in sandbox.rows()[0]['note']


def test_half_a_data_set_is_not_taken_for_a_whole_one(tmp_path, monkeypatch):
    """An empty folder, or three of MNIST's four files, is missing data: a stand-in or `not run`, not a failure in a run."""
    monkeypatch.setattr('common.data.ROOT', tmp_path)
    monkeypatch.setenv('PLASTICITY_DATA', str(tmp_path / 'here'))
    monkeypatch.setattr(subprocess, 'run', lambda *args, **more: types.SimpleNamespace(returncode=1))   # no network
    (tmp_path / 'here' / 'mnist').mkdir(parents=True)
    for name in ('train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'):
        main_job.have.cache_clear()
        assert not main_job.have('mnist')
        (tmp_path / 'here' / 'mnist' / f'{name}-ubyte.gz').touch()
    main_job.have.cache_clear()
    assert main_job.have('mnist')


def test_a_stand_in_is_named_and_never_published(sandbox, monkeypatch):
    monkeypatch.setattr('reproduction.experiments.have', lambda name: False)
    sandbox.list[:] = [tiny(needs='mnist', instead=tiny(standin='digits'))]
    assert reproduce.main(['--jobs', '1']) == 0
    assert {r['standin'] for r in sandbox.rows()} == {'digits'} and sandbox.rows()[0]['verdict'] == 'pass'
    assert 'Stand-in data: digits' in (sandbox.path / 'figures' / 'report.html').read_text()
    assert reproduce.main(['--publish']) == 1 and not (sandbox.path / 'published').exists()


def test_a_failing_run_is_named_and_the_rest_is_done(sandbox, capsys):
    broken = load_params(exp_params, mode='smoke', seed=5)
    object.__setattr__(broken, 'n_latent', -3)                   # fails inside the run
    sandbox.list[:] = [tiny(mode='broken', figure=None, runs=[broken]), tiny()]
    assert reproduce.main(['--jobs', '1']) == 1
    verdicts = [r['verdict'] for r in sandbox.rows()]
    assert verdicts == ['not run'] * 4 + ['pass', 'miss', 'pass', 'no band']
    assert 'n_latent=-3' in capsys.readouterr().err


def test_a_picture_drawn_over_by_somebody_else_is_not_published(sandbox, capsys):
    assert reproduce.main(['--paper', '--jobs', '1']) == 0
    (sandbox.path / 'figures' / 'impression_learning' / 'fig_1.png').write_bytes(b'a picture of a toy run')
    assert reproduce.main(['--publish']) == 1 and 'is not what reproduce.py drew' in capsys.readouterr().err
    assert not (sandbox.path / 'published').exists()


def test_one_figure_leaves_the_other_rows_and_what_was_published(sandbox, capsys):
    sandbox.list[:] = [tiny(), tiny(mode='SNR', figure='fig_2abc', rows=[row('n', lambda runs: float(len(runs)))])]
    for e in sandbox.list:
        e['figure'] = None if e['figure'] == 'fig_2abc' else e['figure']
    assert reproduce.main(['--paper', '--jobs', '1']) == 0 and reproduce.main(['--publish']) == 0
    before = sandbox.rows()
    sandbox.list[0]['rows'] = [row('anew', lambda runs: 1.0, main=True)]
    assert reproduce.main(['--paper', '--jobs', '1', '--figure', 'fig_1']) == 0
    assert sorted(r['quantity'] for r in sandbox.rows()) == ['anew', 'n'] and len(before) == 5
    assert reproduce.main(['--publish']) == 0
    published = json.loads((sandbox.path / 'published' / 'results.json').read_text())
    assert sorted(r['quantity'] for r in published) == ['anew', 'n']
    with pytest.raises(SystemExit):
        reproduce.main(['--figure', 'fig_11'])
    assert "unknown figure 'fig_11'; did you mean fig_1?" in capsys.readouterr().err


def test_quick_judges_nothing(sandbox):
    assert reproduce.main(['--quick', '--jobs', '1']) == 0
    assert {r['verdict'] for r in sandbox.rows()} == {'no band'}


@pytest.mark.parametrize('level', [[], ['--quick']])
def test_only_runs_of_all_figures_are_published(sandbox, level, capsys):
    """A headline run has fewer seeds and figures: it would replace rows of many networks by rows of a few."""
    assert reproduce.main([*level, '--jobs', '1']) == 0 and reproduce.main(['--publish']) == 1
    assert 'run reproduce.py --paper first' in capsys.readouterr().err and not (sandbox.path / 'published').exists()


def test_rows_of_other_parameters_or_code_are_not_published(sandbox, capsys):
    assert reproduce.main(['--paper', '--jobs', '1']) == 0
    sandbox.list[0]['runs'] = [load_params(exp_params, mode='smoke', seed=seed) for seed in (1, 3)]
    assert reproduce.main(['--publish']) == 1 and 'no longer those of its runs' in capsys.readouterr().err
    assert not (sandbox.path / 'published').exists()


def test_published_rows_follow_the_list_of_experiments(sandbox):
    """Band, published values and notes are those of experiments.py now; what it lists no longer goes; ours stays."""
    assert reproduce.main(['--paper', '--jobs', '1']) == 0 and reproduce.main(['--publish']) == 0
    before = json.loads((sandbox.path / 'published' / 'results.json').read_text())
    sandbox.list[0]['rows'] = [row('final R²', each(lambda d, p: d['R2']), 0.7, (5, 6), note='new')]
    assert publish.again(main_job.PAPERS) == 0
    only, = json.loads((sandbox.path / 'published' / 'results.json').read_text())
    assert (only['released'], only['band'], only['verdict'], only['note']) == (0.7, [5, 6], 'miss', 'new')
    assert only['ours'] == before[0]['ours'] and not only['main']


def test_a_damaged_or_missing_list_of_rows_is_named(sandbox, capsys):
    assert publish.again(main_job.PAPERS) == 1 and 'holds no rows' in capsys.readouterr().err
    assert 'OLD TEXT' in (sandbox.path / 'README.md').read_text()
    (sandbox.path / 'figures').mkdir()
    (sandbox.path / 'figures' / 'results.json').write_text('[{"folder": ')
    with pytest.raises(SystemExit):
        reproduce.main(['--jobs', '1'])
    assert 'results.json is damaged' in capsys.readouterr().err
    assert not (sandbox.path / 'results').exists()              # said before anything is computed


def test_a_picture_that_no_row_made_is_neither_reported_nor_published(sandbox):
    """plot_generator writes figures of single runs to the same places."""
    assert reproduce.main(['--paper', '--jobs', '1']) == 0 and reproduce.main(['--publish']) == 0
    good = (sandbox.path / 'published' / 'impression_learning_fig_1.png').read_bytes()
    drawn = sandbox.path / 'figures' / 'impression_learning' / 'fig_1.png'
    drawn.write_bytes(drawn.read_bytes() + b' ')
    assert report.picture(sandbox.rows()[0]) is None
    other = tiny(mode='SNR', figure=None, rows=[row('n', lambda runs: float(len(runs)))])
    sandbox.list[:] = [other]
    assert reproduce.main(['--paper', '--jobs', '1']) == 0
    sandbox.list[:] = [tiny(), other]
    assert reproduce.main(['--publish']) == 0
    assert len(json.loads((sandbox.path / 'published' / 'results.json').read_text())) == 5
    assert (sandbox.path / 'published' / 'impression_learning_fig_1.png').read_bytes() == good


def test_publishing_fills_the_tables_and_copies_small_pictures(sandbox):
    assert reproduce.main(['--publish']) == 1                  # nothing to publish yet
    reproduce.main(['--paper', '--jobs', '1'])
    assert reproduce.main(['--publish']) == 0
    front = (sandbox.path / 'README.md').read_text()
    assert front.startswith('before\n') and front.endswith('after\n') and 'OLD TEXT' not in front
    assert '**2 of 3 numbers lie in their bands; one does not:** [impression learning: an impossible band]' in front
    results = (sandbox.path / 'docs' / 'results.md').read_text()
    assert 'Bredenberg et al., NeurIPS 2021' in results and 'final R²' in results and 'OLD TABLE' not in results
    assert 'not tested here (yet)' in (sandbox.path / 'CLAIMS.md').read_text()
    assert '**miss**' in (sandbox.path / 'impression_learning' / 'README.md').read_text()
    assert len(json.loads((sandbox.path / 'published' / 'results.json').read_text())) == 4
    assert (sandbox.path / 'published' / 'impression_learning_fig_1.png').stat().st_size <= 150_000
    page = (sandbox.path / 'published' / 'impression_learning.md').read_text()
    assert '](impression_learning_fig_1.png)' in page and 'A <claim>.' in page and '2 of 3 judged numbers' in page


@pytest.mark.parametrize('value, digits, text', [
    (29147.3, 4, '29147'), (480.2, 2, '480'), (99.96, 2, '100'), (1e-6, 4, '1e-6'), (2.352e-5, 4, '2.352e-5'), (0.0, 4, '0'),
    (5.9e-4, 2, '5.9e-4'), (1.805e8, 4, '1.805e8'), (-0.13021, 4, '-0.1302'), (None, 4, '–')])
def test_numbers_for_people(value, digits, text):
    assert evidence.number(value, digits) == text


@pytest.mark.parametrize('ours, interval, text', [
    (0.1678, (0.1276, 0.2081), '0.17 [0.13, 0.21]'), (39.69, None, '39.69'), (97.84, (97.59, 98.1), '97.84 [97.59, 98.10]'),
    (0.8927, (0.8838, 0.9016), '0.893 [0.884, 0.902]'),
    (912.3, (668.2, 1156.4), '910 [670, 1160]'), (-0.0004, (-0.0031, 0.0023), '-0.0004 [-0.0031, 0.0023]'),
    (3e-9, (1e-9, 5e-9), '3e-9 [1e-9, 5e-9]'), (2.4571, (1.5188, 18.6947), '2.5 [1.5, 18.7]')])
def test_a_value_has_the_digits_that_its_interval_warrants(ours, interval, text):
    assert front.value({'ours': ours, 'interval': interval, 'sem': None, 'n': 3}) == text


def test_a_diverged_seed_gives_no_number(sandbox):
    lost = load_params(exp_params, mode='smoke', algorithm='reinforce', learning_rate=1.0)
    sandbox.list[:] = [tiny(figure=None, runs=[lost], rows=[row('R²', each(lambda d, p: d['R2']), None, (0, 1))])]
    assert reproduce.main(['--jobs', '1']) == 0
    only, = sandbox.rows()
    assert only['ours'] is None and only['verdict'] == 'miss'


def test_unknown_folder_is_refused():
    command = [sys.executable, ROOT / 'reproduce.py', '--only', 'expression_learning']
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode != 0 and 'impression_learning' in result.stderr and 'Traceback' not in result.stderr


def test_every_experiment_names_a_figure_that_exists():
    from impression_learning.plot_generator import FIGURES
    for level in ('quick', 'headline', 'paper'):
        for experiment in experiments.experiments(level):
            assert experiment['figure'] is None or experiment['figure'] in FIGURES
            assert experiment['runs'] and experiment['claim']
            for r in experiment['rows']:
                assert r['band'] is None or r['band'][0] is None or r['band'][1] is None or r['band'][0] <= r['band'][1]


@pytest.mark.slow
def test_examples_of_the_readmes_run(tmp_path):
    """The "Change it" examples of each folder: whole programs, not the pieces that go into a file of the model."""
    examples = 0
    for readme in ROOT.glob('*/README.md'):
        programs = re.findall(r'```python\n((?:import|from) .*?)```', readme.read_text(), re.S)
        for i, code in enumerate(programs):
            script = tmp_path / f'{readme.parent.name}_{i}.py'
            script.write_text(code)
            environment = os.environ | {'PLASTICITY_RESULTS': str(tmp_path / 'results')}
            result = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, cwd=tmp_path)
            assert result.returncode == 0, f'{readme} example {i}\n{result.stderr}'
            examples += 1
    assert examples >= 3


@pytest.mark.slow
def test_quick_end_to_end(tmp_path):
    environment = os.environ | {f'PLASTICITY_{name.upper()}': str(tmp_path / name) for name in ('results', 'figures')}
    subprocess.run([sys.executable, ROOT / 'reproduce.py', '--quick'], env=environment, check=True, cwd=tmp_path)
    rows = json.loads((tmp_path / 'figures' / 'results.json').read_text())
    assert rows and all(r['verdict'] in ('no band', 'pass', 'not run') for r in rows)
