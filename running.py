"""Running simulations: the main block of every simulation.py, and sweeps over processes or a cluster."""
import importlib
import os
import signal
import sys
import time
import traceback
import warnings

import joblib
import numpy as np

from common import Checkpoint, command, holds, load_npz, load_params, progress, result_path, save_result, sweep_of

ENGINE_WORDS = {'n_jobs': -1, 'cluster': None}     # where a sweep runs; not part of what is computed


def stop(message, code=2):
    """End the program with one line on stderr."""
    print(message, file=sys.stderr)
    raise SystemExit(code)


def load_members(module, *words, **given):
    """The runs that these words ask for: all members of the sweep for array_num=0, else one. -> list of Params"""
    names = [w.split('=')[0].strip() for w in words if '=' in w]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f'{twice[0]} is given twice')
    asked = dict(w.split('=', 1) for w in words if '=' in w) | {k: str(v) for k, v in given.items()}
    if asked.get('array_num') != '0':
        p = load_params(module, *words, **given)
        if getattr(p, 'array_num', 1) > 1 and number_of_members(module, p) == 1:
            raise ValueError(f'mode={p.mode} has no sweep: array_num must be 1, not {p.array_num} (another seed: seed=...)')
        return [p]
    rest = [w for w in words if not w.startswith('array_num=')]
    given = {k: v for k, v in given.items() if k != 'array_num'}
    first = load_params(module, *rest, **given)
    members = []
    for number in range(1, number_of_members(module, first) + 1):
        try:
            members.append(load_params(module, *rest, **given, array_num=number))
        except ValueError as error:                # a member that the original listed but that cannot run
            print(f'member {number} is left out: {error}', file=sys.stderr)
    return members


def number_of_members(module, p):
    """Members of the sweep, or numbered seeds, of p's mode; 1 if it has none."""
    return len(sweep_of(module, p.mode, p.released_code)) or getattr(module, 'N_SEEDS', {}).get(p.mode, 1)


def load_or_exit(module, words, load=load_params):
    """Parameters from the words of a command line; one line and exit code 2 on a mistake."""
    try:
        return load(module, *words)
    except ValueError as error:
        stop(f'{module.__name__}: {error}')


def finish(p, again=False):
    """Run p to its end (going on from its checkpoint), save, return the path. Skips a complete run unless `again`."""
    path = result_path(p)
    if path.exists() and not again:
        return path
    package = type(p).__module__.split('.')[0]
    checkpoint = Checkpoint(path.with_suffix('.checkpoint.npz'))
    start = time.time()
    arrays = importlib.import_module(f'{package}.simulation').run(p, checkpoint)
    more = {'wall_seconds': round(time.time() - start, 3), 'cpu_seconds': round(time.process_time() - checkpoint.begin, 3)}
    save_result(path, p, arrays, diverged_at=int(arrays.get('diverged_at', -1)), **more)
    checkpoint.done()
    return path


def _member(p):
    os.environ['PLASTICITY_QUIET'] = '1'
    try:
        finish(p)
        return size(p), None
    except Exception as error:                     # the sweep goes on; the caller reports and exits with 1
        return size(p), f'{command(p)}\n  {type(error).__name__}: {error}\n{traceback.format_exc(limit=-2)}'


def size(p):
    """About how many CPU seconds a run needs: longest first, and the time that is left."""
    return max(getattr(p, 'cost', 1.0), 0.1)


def sweep(members, n_jobs=-1, cluster=None):
    """Run all members (Params) over processes, or on the Dask scheduler `cluster`, longest first, skipping complete ones.

    The bar counts estimated CPU seconds (`size`). Returns the list of error texts (empty when all went well). Bits do not
    depend on where a member runs.
    """
    todo = sorted((p for p in members if not result_path(p).exists()), key=size, reverse=True)
    errors = []
    if not todo:
        return errors
    engine = {'backend': 'loky', 'n_jobs': n_jobs, 'inner_max_num_threads': 1}
    client = None
    if cluster:
        from dask.distributed import Client
        client, engine = Client(cluster), {'backend': 'dask'}
    label = f'{len(todo)} runs, CPU seconds'
    try:
        with (warnings.catch_warnings(), joblib.parallel_config(**engine),
              progress(round(sum(map(size, todo))), label, unit='s') as bar):
            warnings.filterwarnings('ignore', 'A worker stopped while')      # one that grew is replaced; nothing is lost
            pool = joblib.Parallel(batch_size=1, return_as='generator_unordered')
            for seconds, error in pool(joblib.delayed(_member)(p) for p in todo):
                bar.update(seconds)
                errors += [error] if error else []
    finally:
        if client:
            client.close()
    return errors


def main(package, words=None):
    """Main block of a simulation.py: load the parameters, run one member or all (array_num=0), save, print the paths."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    module = importlib.import_module(f'{package}.exp_params')
    words = list(sys.argv[1:] if words is None else words)
    engine = ENGINE_WORDS | dict(w.split('=', 1) for w in words if w.split('=')[0] in ENGINE_WORDS)
    words = [w for w in words if w.split('=')[0] not in ENGINE_WORDS]
    if 'SLURM_ARRAY_TASK_ID' in os.environ and not any(w.startswith('array_num=') for w in words):
        words.append(f'array_num={os.environ["SLURM_ARRAY_TASK_ID"]}')
    members = load_or_exit(module, words, load_members)
    for rule, text in getattr(module, 'WARNINGS', {}).items():
        if not all(holds(rule, p) for p in members):
            print(f'warning: {text}', file=sys.stderr)
    try:
        if len(members) == 1:
            print(command(members[0]))
            finish(members[0], again=True)
        errors = sweep(members, int(engine['n_jobs']), engine['cluster'])
    except KeyboardInterrupt:
        stop('interrupted; the same command goes on from the last checkpoint', 130)
    except (FileNotFoundError, ValueError, OSError) as error:
        stop(f'{package}: {error}', 1)
    except MemoryError as error:
        stop(f'{package}: these sizes need more memory than there is ({error or "no more could be had"})', 1)
    for path in [result_path(p) for p in members if result_path(p).exists()]:
        meta, arrays = load_npz(path, 'result')
        at = meta['diverged_at']
        print('saved', path, f'(diverged at step {at})' if at >= 0 else '')
        if at >= 0 and len(members) == 1:
            lost = [name for name, value in arrays.items() if name.startswith('final_') and not np.isfinite(value).all()]
            where = f', first in {lost[0].removeprefix("final_")}' if lost else ''
            rates = {name: value for name, value in meta['params'].items() if name.startswith(('learning_rate', 'lr_', 'eta_'))}
            stop(f'non-finite loss or weights at step {at} with seed {members[0].seed}{where}; '
                 f'{", ".join(f"{k}={v}" for k, v in rates.items())}: choose smaller ones; what came before is saved', 1)
    if errors:
        stop('\n'.join([f'{len(errors)} of {len(members)} runs failed:', *errors]), 1)
