"""What a defect of one line could change unnoticed: keys, checkpoints, the order of a sweep, kept rows, ends of limits."""
import errno
import importlib
import json
import os
import shlex
import time
import types

import numpy as np
import pytest

from common import data, running
from common.checkpoint import Checkpoint
from common.data import content_digest, find_data
from common.kernel import source_digest
from common.params import Remark, load_params, require, within
from common.results import is_complete, result_path, save_result
from common.script import one_line
from common.words import apart, command
from impression_learning import exp_params
from reproduction import evidence, experiments, publish, report

# ---------------------------------------------------------------- keys and files


def test_an_input_file_edited_at_the_same_size_has_another_digest(tmp_path):
    path = tmp_path / 'images.gz'
    digests = []
    for when, content in enumerate((b'one', b'two')):
        path.write_bytes(content)
        os.utime(path, ns=(when, when))
        digests.append(content_digest(path))
    assert digests[0] != digests[1]


def test_the_key_covers_the_code_that_decides_a_result_and_no_other(tmp_path, monkeypatch):
    p = load_params(exp_params, mode='smoke')
    paths = []
    for digest in ('one', 'two'):
        monkeypatch.setattr('common.results.source_digest', lambda package, digest=digest: digest)
        paths.append(result_path(p))
    assert paths[0] != paths[1]
    monkeypatch.setattr('common.kernel.ROOT', tmp_path)
    names = ('model', 'data', 'simulation', 'exp_params', 'plot_generator', 'experiments', 'checks', 'equations')
    (tmp_path / 'folder').mkdir()
    for name in names:
        (tmp_path / 'folder' / f'{name}.py').write_text('x = 1\n')
    for name in names:
        before = source_digest('folder')
        (tmp_path / 'folder' / f'{name}.py').write_text('x = 23\n')
        assert (source_digest('folder') != before) == (name in ('model', 'data', 'simulation')), name


def test_plain_python_and_compiled_kernels_have_results_of_their_own(monkeypatch):
    p, paths = load_params(exp_params, mode='smoke'), []
    for disabled in (0, 1):
        monkeypatch.setattr('numba.config.DISABLE_JIT', disabled)
        paths.append(result_path(p))
    assert len(set(paths)) == 2


def test_data_are_searched_below_the_variable_before_the_clone(tmp_path, monkeypatch):
    for place in ('variable', 'clone/data'):
        (tmp_path / place / 'set').mkdir(parents=True)
    monkeypatch.setattr(data, 'ROOT', tmp_path / 'clone')
    monkeypatch.setenv('PLASTICITY_DATA', str(tmp_path / 'variable'))
    assert find_data('set') == tmp_path / 'variable' / 'set'
    monkeypatch.delenv('PLASTICITY_DATA')
    assert find_data('set') == tmp_path / 'clone' / 'data' / 'set'


def test_one_flipped_bit_in_an_array_is_noticed(results):
    p = load_params(exp_params, mode='smoke')
    path = save_result(result_path(p), p, {'x': np.full(1000, 0.1)}, diverged_at=-1, blown_up=None,
                       wall_seconds=1.0, cpu_seconds=1.0)
    assert is_complete(path)
    content = bytearray(path.read_bytes())
    content[content.index(np.full(8, 0.1).tobytes()) + 20] ^= 1
    path.write_bytes(content)
    assert not is_complete(path)


# ---------------------------------------------------------------- checkpoints

def test_a_checkpoint_counts_the_seconds_of_the_interrupted_run(tmp_path):
    first = Checkpoint(tmp_path / 'run.npz', every=0)
    first.begin -= 1000
    first.offer(lambda: ({'t': 3}, {'x': np.arange(2)}))
    second = Checkpoint(tmp_path / 'run.npz')
    meta, arrays = second.resume()
    assert meta['t'] == 3 and list(arrays['x']) == [0, 1]
    assert 1000 <= time.process_time() - second.begin < 2000


def test_the_parts_of_a_checkpoint_are_files_of_their_own_and_all_forgotten(tmp_path, monkeypatch):
    monkeypatch.delenv('PLASTICITY_CHECKPOINT_SECONDS', raising=False)
    run, other = (Checkpoint(tmp_path / f'{name}-key.checkpoint.npz', every=0) for name in ('run', 'other'))
    parts = [run.part('model0'), run.part('model1')]
    for number, checkpoint in enumerate((run, *parts, other)):
        checkpoint.offer(lambda number=number: ({'number': number}, {}))
    assert [checkpoint.resume()[0]['number'] for checkpoint in (run, *parts, other)] == [0, 1, 2, 3]
    left, being_written = (tmp_path / f'.run-key.checkpoint.model0.npz.{number}.tmp' for number in (2 ** 31 - 1, os.getppid()))
    left.touch()
    being_written.touch()
    run.done()
    assert {path.name for path in tmp_path.iterdir()} == {'other-key.checkpoint.npz', being_written.name}
    assert run.resume() is None


def test_a_checkpoint_is_written_only_when_it_is_time(tmp_path, monkeypatch):
    monkeypatch.delenv('PLASTICITY_CHECKPOINT_SECONDS', raising=False)
    later, now = Checkpoint(tmp_path / 'later.npz', every=1e6), Checkpoint(tmp_path / 'now.npz', every=0)
    for checkpoint in (later, now):
        checkpoint.offer(lambda: ({}, {}))
    assert [path.name for path in tmp_path.iterdir()] == ['now.npz']


# ---------------------------------------------------------------- runs

def test_a_sweep_begins_with_the_longest_runs_whatever_their_order(results, monkeypatch):
    order = []
    monkeypatch.setattr(running, '_member', lambda p, parent: (order.append(p.n_sample), None))
    members = [load_params(exp_params, mode='standard', n_sample=n) for n in (200_000, 900_000, 100_000, 400_000)]
    monkeypatch.setattr(running, 'progress', lambda *args, **more: running.tqdm(disable=True))
    assert running.sweep(members, n_jobs=1) == []
    assert order == [900_000, 400_000, 200_000, 100_000]


@pytest.mark.parametrize('folder', experiments.PAPERS)
def test_every_run_has_a_command_that_repeats_it(folder):
    """A run that fails is named by it, also in a folder that has no released program."""
    module = importlib.import_module(f'{folder}.exp_params')
    p = load_params(module, seed=3)
    assert load_params(module, *shlex.split(command(p))[3:]) == p


@pytest.mark.parametrize('words', [['seeds='], ['mode=smoke', 'seeds= '], ['seeds=', 'all=True']])
def test_an_empty_word_of_a_script_is_named(words):
    with pytest.raises(ValueError, match='seeds= is empty'):
        apart(words, 'seeds', 'all')


def test_a_full_disk_is_called_so(capsys):
    with pytest.raises(SystemExit), one_line('folder'):
        raise OSError(errno.ENOSPC, 'No space left on device', 'kernel.nbc')
    assert 'make room on the disk' in capsys.readouterr().err
    with pytest.raises(SystemExit), one_line('folder'):
        raise OSError(errno.EACCES, 'Permission denied', 'kernel.nbc')
    assert 'make room' not in capsys.readouterr().err


def test_a_single_run_is_done_again_and_one_of_a_sweep_is_not(results, monkeypatch):
    calls = []
    code = types.SimpleNamespace(run=lambda p, checkpoint: calls.append(p) or {'x': np.zeros(1)})
    monkeypatch.setattr(running, 'code_of', lambda package: code)
    p = load_params(exp_params, mode='smoke')
    for again, number in ((False, 1), (False, 1), (True, 2)):
        running.finish(p, again)
        assert len(calls) == number


def test_members_of_a_sweep_are_numbered_from_1_and_given_values_win():
    """Phases of Fig. 3: K = 1, 4, .., 31."""
    assert [load_params(exp_params, mode='switch_period', array_num=n).switch_period for n in (1, 2, 11)] == [1, 4, 31]
    with pytest.warns(Remark, match='array_num=2 does nothing in this run: switch_period, which it chooses, is given too'):
        assert load_params(exp_params, mode='switch_period', array_num=2, switch_period=7).switch_period == 7


def test_the_released_rule_changes_what_it_names_and_keeps_the_mode():
    """The comparison of updates: 2 latents, 4 inputs, 2 neurons (Fig. 2), whatever the rule."""
    ours, theirs = (load_params(exp_params, mode='SNR', released_code=released) for released in (False, True))
    for p in (ours, theirs):
        assert (p.mode, p.n_latent, p.n_in, p.n_neurons) == ('SNR', 2, 4, 2)
    assert ours.reinforce_gain == -0.5 and theirs.reinforce_gain == 1.0


@pytest.mark.parametrize('value, low, high, good', [
    (1, 1, 2, True), (2, 1, 2, True), (2.0, 1, 2, True), (0.999, 1, 2, False), (2.001, 1, 2, False), (5, 1, None, True),
    (1, 1, None, True), (0, 1, None, False), (2, None, 2, True), (-9, None, 2, True), (3, None, 2, False), (True, 0, 2, False),
    (np.nan, 0, None, False), (np.inf, 0, None, False), ('1', 0, 2, False), (None, 0, 2, False)])
def test_limits_include_their_ends_and_take_numbers_only(value, low, high, good):
    p = types.SimpleNamespace(rate=value)
    if good:
        within(p, 'rate', low, high)
    else:
        with pytest.raises(ValueError, match='rate = '):
            within(p, 'rate', low, high)


def test_a_requirement_names_its_parameters():
    p = types.SimpleNamespace(a=1, b=2)
    require(p, 'a b', p.a < p.b, 'a must be smaller')
    with pytest.raises(ValueError, match='a = 1, b = 2: a must be larger'):
        require(p, 'a b', p.a > p.b, 'a must be larger')


# ---------------------------------------------------------------- evidence

def test_a_run_that_diverged_in_its_first_step_counts_as_diverged():
    runs = [({'diverged_at': at, 'params': {}}, {'x': np.array(3.0)}) for at in (-1, 0)]
    values = evidence.each(lambda d, p: d['x'])(runs)
    assert values[0] == 3.0 and np.isnan(values[1])


@pytest.mark.parametrize('value, text', [(0.00123456, '0.001235'), (9999.4, '9999'), (12345.6, '12346'), (1e7, '1e7'),
                                         (123456789, '1.235e8'), (0.00099996, '1e-3'), (-2.5, '-2.5')])
def test_numbers_at_the_ends_of_their_notations(value, text):
    assert evidence.number(value) == text


def experiment(folder='biohsic', figure='fig_1', level='headline', rows=(), missing=None):
    """An experiment as reproduction.experiments prepares it."""
    return {'folder': folder, 'mode': 'smoke', 'figure': figure, 'level': level, 'claim': 'A claim.', 'missing': missing,
            'standin': False, 'rows': list(rows), 'runs': []}


def finished(folder, ours=1.0, verdict='pass', figure='fig_1'):
    """A finished row of a folder."""
    of = experiment(folder, figure, 'paper', [evidence.row(f'{verdict} of {folder}', None)])
    row, = experiments.rows_of(of, None, 'machine')
    return row | {'ours': ours, 'verdict': verdict, 'n': 1, 'seconds': 1.0, 'band': [0, 1.5], 'picture': None, 'curves': None,
                  'runs': experiments.runs_digest(of)}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Figures and published files below tmp_path; two papers of two figures each."""
    for name, folder in (('common.figures.FIGURES', 'figures'), ('reproduction.report.PUBLISHED', 'published'),
                         ('reproduction.publish.PUBLISHED', 'published'), ('reproduction.publish.ROOT', '.')):
        monkeypatch.setattr(name, tmp_path / folder)
    for folder in ('.', 'biohsic', 'impression_learning', 'figures', 'published'):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / 'README.md').write_text('<!-- results -->\n<!-- /results -->\n')
    monkeypatch.setattr(experiments, 'PAPERS', {'impression_learning': 'One', 'biohsic': 'Two'})
    monkeypatch.setattr(publish, 'listed', lambda folder, level: [
        experiment(folder, f'fig_{n}', level, [evidence.row(f'pass of {folder}', None, band=(0, 1.5))]) for n in (1, 2)])
    return tmp_path


def rows_in(path):
    return [(row['folder'], row['figure'], row['ours']) for row in json.loads(path.read_text())]


def test_a_run_of_one_paper_or_figure_keeps_the_rows_of_the_others(places, monkeypatch):
    before = [finished('biohsic'), finished('impression_learning'), finished('impression_learning', figure='fig_2')]
    for figures, kept in (([], []), (['fig_1'], [('impression_learning', 'fig_2', 1.0)])):
        (places / 'figures' / 'results.json').write_text(json.dumps(before))
        found = [experiment('impression_learning', name, rows=[evidence.row('x', None)], missing='no data') for name in figures]
        monkeypatch.setattr(experiments, 'asked', lambda *words, found=found: found)
        assert experiments.reproduce('headline', ['impression_learning'], figures, 1, None) == 0
        new = [('impression_learning', name, None) for name in figures]
        assert sorted(rows_in(places / 'figures' / 'results.json'), key=str) == sorted(
            [('biohsic', 'fig_1', 1.0), *kept, *new], key=str)


def test_publishing_replaces_the_figures_of_the_last_run_and_keeps_the_others(places):
    old = [finished('biohsic'), finished('impression_learning'), finished('impression_learning', figure='fig_2'),
           finished('biohsic', figure='fig_dropped')]
    (places / 'published' / 'results.json').write_text(json.dumps(old))
    (places / 'figures' / 'results.json').write_text(json.dumps([finished('impression_learning', 2.0)]))
    assert publish.publish(experiments.PAPERS) == 0
    assert rows_in(places / 'published' / 'results.json') == [
        ('impression_learning', 'fig_1', 2.0), ('impression_learning', 'fig_2', 1.0), ('biohsic', 'fig_1', 1.0)]
    assert '| smoke | pass of impression_learning |' in (places / 'impression_learning' / 'README.md').read_text()


def test_what_was_shortened_stood_in_not_run_or_is_out_of_date_is_not_published(places):
    for wrong in ({'level': 'quick'}, {'level': 'headline'}, {'standin': 'digits'}, {'verdict': 'not run'}, {'runs': 'others'}):
        rows = [finished('biohsic'), finished('impression_learning') | wrong]
        (places / 'figures' / 'results.json').write_text(json.dumps(rows))
        assert publish.publish(experiments.PAPERS) == 1
    assert not (places / 'published' / 'results.json').exists()


@pytest.mark.parametrize('level, verdicts', [('quick', ['no band', 'pass']), ('headline', ['miss', 'miss'])])
def test_a_shortened_run_is_judged_by_its_quick_band_only(level, verdicts):
    rows = [evidence.row('one', lambda runs: 5.0, band=(0, 1)),
            evidence.row('two', lambda runs: 5.0, band=(0, 1), quick_band=(0, 9))]
    runs = [({'cpu_seconds': 2.0}, {}), ({'cpu_seconds': 3.0}, {})]
    found = experiments.rows_of(experiment(level=level, rows=rows), runs, 'machine')
    assert [row['verdict'] for row in found] == verdicts
    assert {row['seconds'] for row in found} == {5.0} and {row['n'] for row in found} == {2}


def test_the_report_counts_and_lists_the_misses(places):
    rows = [finished('biohsic', 1.0, 'pass'), finished('biohsic', 1.2, 'pass'), finished('impression_learning', 2.0, 'miss')]
    page = report.write(rows, experiments.PAPERS).read_text()
    misses = page[page.index('Outside their bands'):page.index('</ul>', page.index('Outside their bands'))]
    assert '2 of 3 judged numbers' in page and 'miss of impression_learning' in misses and 'biohsic' not in misses
    line = report.overview('biohsic', rows[:2])
    assert line['counts'] == [2, 0, 0, 0] and line['seconds'] == 1.0         # one experiment: its seconds count once
