"""Reads the params.json of the released programs: phaseless (2022-2024), phased (spring 2022: tausyn, taueps, Tbw).

Whatever a file lacks, has twice or means differently is named in one line.
"""
import json
import sys
import warnings
from dataclasses import fields
from pathlib import Path

from common.params import Remark, demand, load_params, nearest, unused
from microcircuits import exp_params
from microcircuits.checks import SERIES

APART = ('random_seed', 'input_signal', 'model')
OURS = {'task': '--task says it', 'compare': '--compare says it', 'seed': 'random_seed lists the seeds',
        'input_seed': 'it is the first entry of random_seed', 'record': 'rec_WPP, rec_BPP, ... say it',
        'angles': 'the runner always records angles', 'array_num': 'a parameter file has no members but its seeds',
        'mode': 'the file itself is the mode'}     # decided elsewhere: an error, lest it be overridden
NOT_RELEASED = ('connection protocol data data_dir input_range test_size test_epochs change_epoch change_range change_seed '
                'released_code rng stale_apical shared_counter slope_hard_sigmoid hidden_factor float_phase top_decay').split()
REMARKS = ('_', '#', '/', 'comment')                # keys that are comments; they may repeat
ELSEWHERE = {'mc_model': 'the error-neuron program of 2025', 'mc_type': 'the error-neuron program of 2025',
             'NUM_CLASSES': 'the GeNN program', 'num_classes': 'the GeNN program'}
NEEDED = ('model_type layers activation dt Tpres dataset_size epochs gl gbas gapi gden gnI gntgt eta_fw eta_bw eta_IP eta_PI '
          'init_WPP_range init_WIP_range init_BPP_range init_BPI_range rec_per_steps').split()
FLAGS = {f.name for f in fields(exp_params.Params) if f.type is bool}


def members_of(path, task, compare=''):
    """One Params a seed from a params.json. Raises ValueError with one line for a mistake in it; says what it changed."""
    given = read(path)
    empty = [name for name, value in given.items() if value is None]
    given = {name: value for name, value in given.items() if value is not None}
    seeds = given.pop('random_seed', None)
    good = isinstance(seeds, list) and seeds and all(type(s) is int for s in seeds)
    demand(good, f'{path}: random_seed must be a list of whole numbers, for example [123, 456], not {seeds!r}')
    twice = [s for s in seeds if seeds.count(s) > 1]
    demand(not twice, f'{path}: random_seed has {twice[:1]} twice: equal runs')
    demand(given.pop('input_signal', 'step') == 'step', f'{path}: input_signal must be "step" (samples held for Tpres)')
    names = set(given)
    notes = [f'{", ".join(empty)}: null, as if not in the file'] if empty else []
    notes += translate(path, given)
    series = {name[4:] for name, on in given.items() if name.startswith('rec_') and on is True}
    given = {name: plain(value) for name, value in given.items() if name == 'rec_per_steps' or not name.startswith('rec_')}
    given |= {'record': ','.join(name for name in SERIES if name in series), 'task': task, 'compare': compare, 'angles': True}
    mode = 'phased_template' if given['connection'] == 'skip' else 'template'
    try:
        with warnings.catch_warnings(record=True, action='always', category=Remark) as found:
            members = [load_params(exp_params, **({'mode': mode} | given | {'seed': s, 'input_seed': seeds[0]})) for s in seeds]
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    idle = [name for name in unused(members[0]) if name in names]
    taken = [f.name for f in fields(members[0])
             if f.name not in {*given, *names, *unused(members[0]), *NOT_RELEASED, *OURS}]
    defaults = ', '.join(f'{name} = {getattr(members[0], name)}' for name in taken)
    notes += [f'not in the file, so the default: {defaults}'] if taken else []
    notes += [f'not used by {members[0].model_type} in this run: {", ".join(idle)}'] if idle else []
    notes += dict.fromkeys(str(w.message) for w in found if 'does nothing in this run' not in str(w.message))
    for note in notes:
        print(f'warning: {note}', file=sys.stderr)
    return members


def read(path):
    """The parameters in a file, without comments; a key that is unknown, repeated or another program's is an error."""
    try:
        text = Path(path).read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not UTF-8 text; save it in that encoding') from error
    demand(Path(path).suffix not in ('.yaml', '.yml'),
           f'{path} is YAML, as the GeNN program reads it; its experiments are mode=yin_yang and mode=mnist of simulation.py')
    try:
        given = json.loads(text, object_pairs_hook=lambda pairs: once(path, pairs))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f'{path} is not JSON: {error}') from error
    demand(isinstance(given, dict), f'{path} holds a {type(given).__name__}, not parameters: {{"dt": 0.01, ...}}')
    known = set(exp_params.Params.__dataclass_fields__) | set(APART) | {f'rec_{name}' for name in SERIES}
    for name, value in given.items():
        demand(name not in OURS, f'{path}: {name} does not belong into a parameter file: {OURS.get(name)}')
        demand(name not in ELSEWHERE or name in known, f'{path}: {name} is a key of {ELSEWHERE.get(name)}, which is not here')
        nearest(f'parameter in {path}', name, known)
        if value is None:
            continue
        if name in FLAGS or (name.startswith('rec_') and name != 'rec_per_steps'):
            demand(type(value) is bool, f'{path}: {name} must be true or false, not {value!r}')
    return given


def once(path, pairs):
    """A JSON object as a dictionary without comments; ValueError for a key that stands twice."""
    found = {}
    for name, value in pairs:
        if name.lower().startswith(REMARKS):
            continue
        demand(name not in found, f'{path}: {name} stands there twice')
        found[name] = value
    return found


def translate(path, given):
    """Names and meanings of older files, in place; what is missing is an error. -> notes for the user"""
    notes = []
    if 'model' in given:
        demand('model_type' not in given, f'{path}: model and model_type both name the rule; keep one of them')
        given['model_type'] = given.pop('model')
    missing = [name for name in NEEDED if name not in given]
    demand(not missing, f'{path}: {", ".join(missing)} {"is" if len(missing) == 1 else "are"} missing')
    if given['model_type'] == 'LDRL' and 'tauxi' in given:
        given['model_type'] = 'PAL'
        notes.append('LDRL with tauxi (correlated noise in all layers) is the rule that was later called PAL: run as PAL')
    rule = given['model_type']
    phased = rule != 'PAL' and 'tauHP' not in given and ('tausyn' in given or 'Tbw' in given)
    given.setdefault('connection', 'skip' if phased else 'layered')
    if rule == 'PAL' and 'tausyn' in given:
        for name in [name for name in ('tauHP', 'tauLO') if name not in given]:
            given[name] = given['tausyn']
            notes.append(f'{name} is missing: tausyn = {given["tausyn"]} taken, the time constant of all filters')
    if 'settling_time' not in given:
        given['settling_time'] = given['Tpres']
        notes.append(f'settling_time is missing: Tpres = {given["Tpres"]} ms, as programs without this key settled')
    missing = [name for name in of_rule(rule, given) if name not in given]
    demand(not missing, f'{path}: {", ".join(missing)} is missing, which {rule} needs with noise_type = '
                        f'{given.get("noise_type", "OU")!r}, noise_mode = {given.get("noise_mode")!r}')
    return notes


def of_rule(rule, given):
    """Keys that a rule with noise needs besides those of all rules."""
    if rule == 'PAL':
        return ['noise_scale', 'alpha', 'tauHP', 'tauLO'] + ['tauxi'] * (given.get('noise_type', 'OU') == 'OU')
    if rule in ('LDRL', 'DTPDRL'):
        return ['noise_scale', 'alpha', 'tausyn', 'Tbw'] + ['noise_deg', 'taueps'] * (given.get('noise_mode') == 'uP_adaptive')
    return []


def plain(value):
    """A JSON value as a parameter: lists become tuples, lists of names a text with commas."""
    if isinstance(value, list):
        return ','.join(value) if value and all(isinstance(v, str) for v in value) else tuple(value)
    return value
