"""The original's command line: results and plots go beside the parameter file.

    python -m microcircuits.runner --params runs/params.json --task fw_bw
    python -m microcircuits.runner --params runs/params.json --task bw_only --compare BP
    python -m microcircuits.runner --load runs/model.npz                      draw the plots again

Reads the params.json files of both generations of the released program (phaseless, and phased with tausyn, taueps, Tbw).
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.params import load_params, nearest
from common.results import load_npz, result_path, write_atomically
from common.running import sweep
from common.script import stop
from microcircuits import exp_params
from microcircuits.checks import SERIES

RENAMED = {'model': 'model_type'}
APART = ('random_seed', 'input_signal')
REMARKS = ('_', '#', '/', 'comment')


def members_of(path, task, compare=''):
    """One Params a seed from a params.json. Raises ValueError with one line for a mistake in it."""
    try:
        given = json.loads(Path(path).read_text(encoding='utf-8'))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path} is not JSON: {error}') from error
    if not isinstance(given, dict):
        raise ValueError(f'{path} holds a {type(given).__name__}, not parameters: {{"dt": 0.01, ...}}')
    given = {RENAMED.get(k, k): v for k, v in given.items() if v is not None and not k.lower().startswith(REMARKS)}
    known = set(exp_params.Params.__dataclass_fields__) | set(APART) | {f'rec_{name}' for name in SERIES}
    for name in given:
        nearest(f'parameter in {path}', name, known)
    seeds = given.pop('random_seed', None)
    if not isinstance(seeds, list) or not seeds or not all(type(s) is int for s in seeds):
        raise ValueError(f'{path}: random_seed must be a list of whole numbers, for example [123, 456], not {seeds!r}')
    if given.pop('input_signal', 'step') != 'step':
        raise ValueError(f'{path}: input_signal must be "step" (samples that are held for Tpres)')
    flags = {name[4:]: on for name, on in given.items() if name.startswith('rec_') and name != 'rec_per_steps'}
    missing = needed(given)
    if missing:
        raise ValueError(f'{path}: {", ".join(missing)} is missing, which {given.get("model_type")} needs with '
                         f'noise_type = {given.get("noise_type", "OU")!r}, noise_mode = {given.get("noise_mode")!r}')
    given = {name: plain(value) for name, value in given.items() if name[4:] not in flags or not name.startswith('rec_')}
    phased = 'tauHP' not in given and ('tausyn' in given or 'Tbw' in given)
    given.setdefault('connection', 'skip' if phased else 'layered')
    given |= {'record': ','.join(name for name in SERIES if flags.get(name)), 'task': task, 'compare': compare, 'angles': True}
    mode = 'phased_template' if given['connection'] == 'skip' else 'template'
    return [load_params(exp_params, **({'mode': mode} | given | {'seed': s, 'input_seed': seeds[0]})) for s in seeds]


def needed(given):
    """Names of the times and angles that the noise of a params.json needs and that are not in it."""
    rule, names = given.get('model_type'), ()
    if rule == 'PAL' and given.get('noise_type', 'OU') == 'OU':
        names = ('tauxi',)
    elif rule in ('LDRL', 'DTPDRL') and given.get('noise_mode') == 'uP_adaptive':
        names = ('noise_deg', 'taueps')
    return [name for name in names if name not in given]


def plain(value):
    """A JSON value as a parameter: lists become tuples, lists of names a text with commas."""
    if isinstance(value, list):
        return ','.join(value) if value and all(isinstance(v, str) for v in value) else tuple(value)
    return value


def save(folder, members):
    """All seeds' results in one file, arrays (seeds, ...); what a seed that diverged lacks is NaN. Returns its path."""
    runs = [load_npz(result_path(p), 'result') for p in members]
    like = {name: array for _, arrays in runs for name, array in arrays.items()}
    meta = json.dumps(runs[0][0] | {'seeds': [p.seed for p in members], 'kind': 'microcircuits.runner'})
    stacked = {name: np.stack([arrays[name] if name in arrays else np.full(array.shape, np.nan) for _, arrays in runs])
               for name, array in sorted(like.items())}
    return write_atomically(folder / 'model.npz', lambda file: np.savez(file, meta=np.array(meta), **stacked))


def load(path, task=None):
    """[(meta, arrays)], one a seed, of a model.npz. ValueError says what else the file is."""
    if Path(path).suffix in ('.pkl', '.dill'):
        raise ValueError(f'{path} is a pickle of the released program (pickles run code): run its params.json instead')
    meta, arrays = load_npz(path, 'file of microcircuits.runner')
    if meta.get('kind') != 'microcircuits.runner':
        raise ValueError(f'{path} holds {meta.get("mode", "something else")}, not the runs of microcircuits.runner')
    if task and meta['params']['task'] != task:
        raise ValueError(f'{path} holds runs of the task {meta["params"]["task"]} (seeds {meta["seeds"]}), not {task}')
    return [(meta | {'seed': seed}, {name: value[i] for name, value in arrays.items()}) for i, seed in enumerate(meta['seeds'])]


def main(words=None):
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--params', metavar='DIR/params.json')
    parser.add_argument('--task', choices=('bw_only', 'fw_bw'))
    parser.add_argument('--compare', choices=('BP',), default='', help="angles between the updates and back-propagation's")
    parser.add_argument('--load', metavar='DIR/model.npz', help='draw the plots of a finished run again')
    parser.add_argument('--jobs', type=int, default=-1, help='processes (default: one a core)')
    given = parser.parse_args(words)
    try:
        if given.load:
            path, runs = Path(given.load), load(given.load, given.task)
            if given.compare and 'angle_BP_updates' not in runs[0][1]:
                raise ValueError(f'{path} has no comparison of updates; run --params again with --compare BP')
        elif not given.params or not given.task:
            parser.error('--params and --task are needed, or --load')
        else:
            members = members_of(given.params, given.task, given.compare)
            errors = sweep(members, given.jobs)
            if errors:
                stop('\n'.join(errors), 1)
            path = save(Path(given.params).parent, members)
            print('saved', path)
            runs = load(path)
    except (ValueError, OSError) as error:
        stop(f'runner: {error}')
    except KeyboardInterrupt:
        stop('interrupted; the same command goes on from the last checkpoint', 130)
    from microcircuits import plot_series
    for figure in plot_series.draw_all(runs, path.parent):
        print(figure)
    lost = [meta['seed'] for meta, arrays in runs if arrays['diverged_at'] >= 0]
    if lost:
        stop(f'weights became infinite for seeds {lost}; choose smaller learning rates', 1)


if __name__ == '__main__':
    main(sys.argv[1:])
