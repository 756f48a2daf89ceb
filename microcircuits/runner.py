"""The original's command line: results and plots go beside the parameter file.

    python -m microcircuits.runner --params runs/params.json --task fw_bw
    python -m microcircuits.runner --params runs/params.json --task bw_only --compare BP
    python -m microcircuits.runner --load runs/model.npz                      draw the plots again

Reads the params.json files of both generations of the released program (phaseless, and phased with tausyn, taueps, Tbw).
"""
import argparse
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from common.machine import demand_memory
from common.results import demand_writable, load_npz, result_path, write_atomically
from common.running import sweep
from common.script import one_line, stop
from microcircuits import plot_series
from microcircuits.params_file import members_of

DRAWN_BY = ('task', 'dt', 'Tpres', 'settling_time', 'dataset_size', 'rec_per_steps', 'connection', 'model_type', 'protocol',
            'noise_deg')                # parameters that a file to draw must hold


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
    seeds, params = meta.get('seeds'), meta.get('params')
    if not isinstance(seeds, list) or not seeds:
        raise ValueError(f'{path} does not say which seeds it holds')
    lacks = [name for name in DRAWN_BY if not isinstance(params, dict) or name not in params]
    lacks += [name for name in ('first_record', 'diverged_at') if name not in arrays]
    if lacks:
        raise ValueError(f'{path} lacks {", ".join(lacks)}: it was changed after it was written; run its params.json again')
    other = [name for name, value in arrays.items() if value.shape[:1] != (len(seeds),)]
    if other:
        raise ValueError(f'{path} names {len(seeds)} seeds, but {other[0]} has {arrays[other[0]].shape[:1]}')
    if task and params['task'] != task:
        raise ValueError(f'{path} holds runs of the task {params["task"]} (seeds {seeds}), not {task}')
    return [(meta | {'seed': seed}, {name: value[i] for name, value in arrays.items()}) for i, seed in enumerate(seeds)]


def main(words=None):
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--params', metavar='DIR/params.json')
    parser.add_argument('--task', choices=('bw_only', 'fw_bw'))
    parser.add_argument('--compare', choices=('BP',), default='', help="angles between the updates and back-propagation's")
    parser.add_argument('--load', metavar='DIR/model.npz', help='draw the plots of a finished run again')
    parser.add_argument('--jobs', type=int, default=-1, help='processes (default: one a core)')
    parser.add_argument('--no-plots', action='store_true', help='only run; draw later with --load')
    given = parser.parse_args(words)
    if given.load and (given.params or given.jobs != -1 or given.no_plots):
        parser.error('--load only draws: --params, --jobs and --no-plots do not belong to it')
    if not given.load and not (given.params and given.task):
        parser.error('--params and --task are needed, or --load')
    if given.jobs == 0 or given.jobs < -1:
        parser.error(f'--jobs takes a number of processes (-1: one a core), not {given.jobs}')
    with one_line('runner'):
        path = loaded(given) if given.load else run(given)
        runs = load(path, given.task)
        if not given.no_plots:
            try:
                for figure in plot_series.draw_all(runs, path.parent):
                    print(figure)
            except KeyError as missing:
                raise ValueError(f'{path} does not hold {missing}, which the plots need') from missing
        lost = [meta['seed'] for meta, arrays in runs if arrays['diverged_at'] >= 0]
        if lost:
            stop(f'weights became infinite for seeds {lost}; choose smaller learning rates', 1)


def loaded(given):
    """The path of a file to draw again, if it has what is asked for."""
    try:
        path, runs = Path(given.load), load(given.load, given.task)
    except (ValueError, OSError) as error:
        stop(f'runner: {text(error)}')
    if given.compare and 'angle_BP_updates' not in runs[0][1]:
        stop(f'runner: {path} has no comparison of updates; run --params again with --compare BP')
    return path


def run(given):
    """All seeds of a parameter file. -> path of the file with all results"""
    try:
        members = members_of(given.params, given.task, given.compare)
    except (ValueError, OSError) as error:
        stop(f'runner: {text(error)}')
    folder = Path(given.params).parent
    try:
        demand_replaceable(folder / 'model.npz', members)
    except ValueError as error:
        stop(f'runner: {error}; move or delete it, or put the parameter file into a folder of its own', 1)
    for p in members:
        demand_memory(p)
    for place in {folder, *(result_path(p).parent for p in members)}:
        demand_writable(place)
    errors = sweep(members, given.jobs)
    if errors:
        stop('\n'.join(errors), 1)
    path = save(folder, members)
    print('saved', path)
    return path


def demand_replaceable(path, members):
    """ValueError unless there is no such file, or one whose runs these members (Params) hold too."""
    if not path.exists():
        return
    old = load(path, members[0].task)[0][0]
    new = json.loads(json.dumps(dataclasses.asdict(members[0])))
    other = [name for name, value in new.items() if name not in ('seed', 'compare') and old['params'].get(name, value) != value]
    other += ['random_seed'] * (not set(old['seeds']) <= {p.seed for p in members})
    other += ['--compare'] * (old['params'].get('compare', '') not in ('', new['compare']))
    if other:
        raise ValueError(f'{path} holds other runs, which would be lost (different: {", ".join(other)})')


def text(error):
    """What went wrong in one plain line."""
    plain = isinstance(error, OSError) and error.filename and error.strerror
    return f'cannot read {error.filename}: {error.strerror}' if plain else error


if __name__ == '__main__':
    main(sys.argv[1:])
