"""Misuse by hand: mistakes in exp_params.py, files of other runs, words and places that would be ignored or fail late."""
import dataclasses
import gzip
import importlib
import re
import struct

import numpy as np
import pytest

import reproduce
from common.checkpoint import Checkpoint
from common.data import demand_digits
from common.params import load_params
from common.results import load_result, result_path, save_result
from common.values import convert, fits
from impression_learning import exp_params
from reproduction import experiments
from reproduction.report import read_rows

# ---------------------------------------------------------------- exp_params.py edited by hand

def edited(monkeypatch, **values):
    """impression_learning's exp_params with other values in mode smoke."""
    monkeypatch.setitem(exp_params.MODES, 'smoke', exp_params.MODES['smoke'] | values)
    return exp_params


@pytest.mark.parametrize('values, text', [
    ({'n_smaple': 5}, "mode smoke: 'n_smaple'; did you mean n_sample"),
    ({'mode': 'standard'}, "mode = 'standard' cannot be set"),
    ({'save_sequences': 'perhaps'}, 'save_sequences takes bool'), ({'n_sample': 4.5}, 'n_sample takes int, not 4.5'),
    ({'algorithm': 3}, 'algorithm takes str, not 3')])
def test_a_mistake_in_a_mode_is_named_in_one_line(monkeypatch, values, text):
    with pytest.raises(ValueError, match=re.escape(text)) as said:
        load_params(edited(monkeypatch, **values), mode='smoke')
    assert '\n' not in str(said.value) and 'exp_params' in str(said.value)


def test_a_mode_that_is_no_dict_is_named(monkeypatch):
    monkeypatch.setitem(exp_params.MODES, 'smoke', 5)
    with pytest.raises(ValueError, match=r'mode smoke: dict\(parameter=value, ...\), not 5'):
        load_params(exp_params, mode='smoke')


def test_values_written_as_text_or_float_mean_what_they_say(monkeypatch):
    p = load_params(edited(monkeypatch, save_sequences='False', n_sample=4e2, seed='3'), mode='smoke')
    assert (p.save_sequences, p.n_sample, p.seed) == (False, 400, 3) and type(p.n_sample) is int
    assert p == load_params(exp_params, mode='smoke', save_sequences=False, n_sample=400, seed=3)


@pytest.mark.parametrize('folder', experiments.folders())
def test_a_value_of_another_type_is_refused_wherever_it_is_set(folder):
    module = importlib.import_module(f'{folder}.exp_params')
    p = load_params(module, mode='smoke')
    for field in dataclasses.fields(p):
        for wrong in ('no', 1.5, True, [1, 2]):
            if not fits(field.type, wrong):
                with pytest.raises(ValueError, match=f'{field.name} takes '):
                    dataclasses.replace(p, **{field.name: wrong})


def test_minus_zero_is_zero():
    assert str(convert('x', float, '-0.0')) == '0.0'


# ---------------------------------------------------------------- files of another run

def test_the_state_of_another_run_is_refused(tmp_path):
    one, other = tmp_path / 'one.checkpoint.npz', tmp_path / 'other.checkpoint.npz'
    Checkpoint(one, every=0).offer(lambda: ({}, {'x': np.ones(2)}))
    assert Checkpoint(one).resume()[1]['x'].sum() == 2
    one.rename(other)
    with pytest.raises(ValueError, match='holds the state of another run .one.checkpoint.npz'):
        Checkpoint(other).resume()


def test_a_result_of_another_run_is_refused(results):
    one, other = (load_params(exp_params, mode='smoke', seed=seed) for seed in (1, 2))
    save_result(result_path(one), one, {'x': np.ones(2)}, diverged_at=-1, blown_up=None, wall_seconds=0, cpu_seconds=0)
    assert load_result(one)[0]['seed'] == 1
    result_path(one).rename(result_path(other))
    with pytest.raises(ValueError, match='holds another run .seed=1'):
        load_result(other)


def test_labels_beyond_nine_are_no_digits(tmp_path):
    path = tmp_path / 'train-labels-idx1-ubyte.gz'
    path.write_bytes(gzip.compress(struct.pack('>HBBI', 0, 8, 1, 3) + bytes([1, 77, 2])))
    with pytest.raises(ValueError, match='labels up to 77; the ten classes are 0..9'):
        demand_digits([path])


# ---------------------------------------------------------------- reproduce.py

@pytest.mark.parametrize('text', ['5', 'null', '{}', '[[1]]', '[{"a": 1}]', '{"a": [1]}'])
def test_rows_that_are_none_stop_the_main_job_before_it_runs(tmp_path, monkeypatch, text):
    monkeypatch.setattr('common.figures.FIGURES', tmp_path)
    (tmp_path / 'results.json').write_text(text)
    with pytest.raises(ValueError, match='results.json is damaged'):
        read_rows()


@pytest.mark.parametrize('words', ['--publish --jobs 3', '--publish --cluster tcp://x:1', '--cluster nonsense'])
def test_options_that_would_do_nothing_are_refused(monkeypatch, words):
    for name in ('experiments.reproduce', 'publish.publish'):
        monkeypatch.setattr(f'reproduction.{name}', lambda *args: pytest.fail('it runs'))
    with pytest.raises(SystemExit) as ended:
        reproduce.main(words.split())
    assert ended.value.code in (1, 2)


def test_places_are_looked_at_before_anything_runs(results, tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('')
    monkeypatch.setattr('common.figures.FIGURES', tmp_path / 'file')
    monkeypatch.setattr('reproduction.experiments.sweep', lambda *args: pytest.fail('it runs'))
    with pytest.raises(OSError, match='cannot write into .*file'):
        experiments.reproduce('quick', ['task_plasticity'], ['fig_1'], 1, None)
