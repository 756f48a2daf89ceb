"""Running simulations: progress, one run to its end, sweeps over processes or a cluster."""
import contextlib
import itertools
import os
import sys
import time
import traceback
import warnings

import joblib
import numpy as np
from tqdm import tqdm

from common.checkpoint import Checkpoint
from common.kernel import is_compiled
from common.machine import end_with
from common.params import checks_of
from common.results import blown_up, code_of, is_complete, result_path, save_result
from common.words import command


def progress(total, label, **more):
    """A tqdm bar (rate, time left); silent in worker processes and when the output is not a terminal."""
    quiet = bool(os.environ.get('PLASTICITY_QUIET')) or None
    return tqdm(total=total, desc=label, disable=quiet, mininterval=0.5, smoothing=0.1, **more)


def finish(p, again=False):
    """Run p to its end (going on from its checkpoint), save, return the path. Skips a complete run unless `again`."""
    path = result_path(p)
    if not again and is_complete(path):
        return path
    checkpoint = Checkpoint(path.with_suffix('.checkpoint.npz'))
    start = time.time()
    arrays = code_of(type(p).__module__.split('.')[0]).run(p, checkpoint)
    more = {'wall_seconds': round(time.time() - start, 3), 'cpu_seconds': round(time.process_time() - checkpoint.begin, 3)}
    lost = blown_up(arrays, getattr(checks_of(p), 'WEIGHTS', ()))
    save_result(path, p, arrays, diverged_at=int(arrays.get('diverged_at', -1)), blown_up=lost, **more)
    checkpoint.done()
    return path


def _member(p, parent):
    os.environ['PLASTICITY_QUIET'] = '1'
    end_with(parent)
    try:
        with np.errstate(over='ignore', invalid='ignore'):           # a divergence is found at the end, and reported as one
            finish(p)
        return size(p), None
    except Exception as error:                     # the sweep goes on; the caller reports and exits with 1
        return size(p), f'{command(p)}\n  {type(error).__name__}: {error}\n{traceback.format_exc(limit=-2)}'


def size(p):
    """About how many CPU seconds a run needs: longest first, and the time that is left."""
    return max(getattr(p, 'cost', 1.0), 0.1)


def in_order(members):
    """Longest first. Of folders that are not compiled yet, one member of each mode goes ahead, the folders in turn: workers
    compile different folders side by side, and none twice."""
    ordered, first, known = sorted(members, key=size, reverse=True), {}, set()
    folders = {type(p).__module__.split('.')[0] for p in ordered}
    cold = {folder for folder in folders if not is_compiled(folder)}
    for p in ordered:
        folder = type(p).__module__.split('.')[0]
        if folder in cold and (folder, p.mode) not in known:
            known.add((folder, p.mode))
            first.setdefault(folder, []).append(p)
    in_turn = itertools.zip_longest(*sorted(first.values(), key=len, reverse=True))
    ahead = [p for turn in in_turn for p in turn if p is not None]
    return ahead + [p for p in ordered if not any(p is other for other in ahead)]


@contextlib.contextmanager
def workers(n_jobs, **engine):
    """joblib's settings for worker processes of one thread each; those that have run a sweep are there for the drawing too."""
    with warnings.catch_warnings(), joblib.parallel_config(**{'backend': 'loky', 'n_jobs': n_jobs, 'inner_max_num_threads': 1}
                                                           | engine):
        warnings.filterwarnings('ignore', 'A worker stopped while')          # one that grew is replaced; nothing is lost
        yield


def sweep(members, n_jobs=-1, cluster=None):
    """Run all members (Params) over processes, or on the Dask scheduler `cluster`, in_order, skipping complete ones.

    The bar counts estimated CPU seconds (`size`). Returns the list of error texts (empty when all went well). Bits do not
    depend on where a member runs. A damaged result is named and computed again.
    """
    todo, errors = [], []
    for p in in_order(members):
        try:
            path = result_path(p)
        except OSError as error:                   # an input file is missing
            errors.append(f'{command(p)}\n  {error}')
            continue
        todo += [] if is_complete(path) else [p]
        if path.exists() and p in todo:
            print(f'{path} is damaged and is computed again', file=sys.stderr)
    if not todo:
        return errors
    n_jobs = min(joblib.effective_n_jobs(n_jobs), len(todo), joblib.cpu_count())
    engine, client, parent = {}, None, os.getpid()         # workers end with this process; those of a cluster do not
    if cluster:
        from dask.distributed import Client
        client, engine, parent = Client(cluster), {'backend': 'dask', 'inner_max_num_threads': None}, None
    label = f'{len(todo)} runs, CPU seconds'
    try:
        with workers(n_jobs, **engine), progress(round(sum(map(size, todo))), label, unit='s') as bar:
            pool = joblib.Parallel(batch_size=1, return_as='generator_unordered')
            for seconds, error in pool(joblib.delayed(_member)(p, parent) for p in todo):
                bar.update(seconds)
                errors += [error] if error else []
    finally:
        if client:
            client.close()
    return errors
