"""Speed of the kernels of all folders: python benchmarks/speed.py [FOLDER ...]

Each folder registers its kernels in benchmarks/<folder>.py: `kernels()` gives dicts with kernel, mode, sizes, steps (how many
one call advances), make (a function returning the call to time), and the unavoidable work of a step: macs, normals, tanhs.
Every kernel runs in a process of its own on one thread: a warm-up (compilation), then several repeats; best and median.
lower_bound_us is that work at this machine's measured rates. Prints a table and writes benchmarks/speed.json.
"""
import importlib
import json
import math
import multiprocessing
import os
import resource
import statistics
import sys
import time
from pathlib import Path

for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'NUMBA_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[name] = '1'
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import numpy as np

from common import kernel, write_atomically
from reproduce import PAPERS, hardware

REPEATS = 7


@kernel
def add_rows(W, x, y, times):
    """times matrix-vector products, y += row_j x_j: the form of the project's kernels."""
    for _ in range(times):
        for j in range(W.shape[0]):
            for i in range(W.shape[1]):
                y[i] += W[j, i] * x[j]


@kernel
def tanhs(x, out, times):
    """times tanh of each x."""
    for t in range(times):
        for i in range(x.size):
            out[i] = math.tanh(x[i] + 1e-9 * t)


def best(call, repeats=REPEATS):
    """(best, median) seconds of several calls after one that is not counted."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds), statistics.median(seconds)


def rates():
    """Nanoseconds of a multiply-add in cache, a normal number, a tanh, on this machine."""
    rng, W, x, y = np.random.default_rng(0), np.ones((64, 64)), np.full(64, 1e-9), np.zeros(64)
    block, values, out = np.empty(1 << 16), rng.normal(size=1000), np.empty(1000)
    return {'macs': best(lambda: add_rows(W, x, y, 1000))[0] / (1000 * W.size) * 1e9,
            'normals': best(lambda: rng.standard_normal(out=block))[0] / block.size * 1e9,
            'tanhs': best(lambda: tanhs(values, out, 100))[0] / (100 * values.size) * 1e9}


def measure(folder, index, queue):
    """Time kernel number `index` of a folder; puts (best, median, peak MB) on the queue."""
    sys.path.insert(0, str(HERE))
    entry = list(importlib.import_module(folder).kernels())[index]
    seconds = best(entry['make']())
    queue.put((*seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def row(folder, entry, index, rate, machine):
    """One line of the table."""
    context = multiprocessing.get_context('spawn')
    queue = context.Queue()
    process = context.Process(target=measure, args=(f'speed_{folder}', index, queue))
    process.start()
    quickest, median, peak = queue.get()
    process.join()
    bound = sum(entry.get(what, 0) * rate[what] for what in rate) / 1000
    return {'kernel': entry['kernel'], 'folder': folder, 'mode': entry['mode'], 'sizes': entry['sizes'],
            'us_per_step': round(quickest / entry['steps'] * 1e6, 4),
            'us_per_step_median': round(median / entry['steps'] * 1e6, 4),
            'steps_per_second': round(entry['steps'] / quickest), 'peak_mb': round(peak), 'lower_bound_us': round(bound, 4),
            'released_us': entry.get('released_us'), 'hardware': machine, 'date': time.strftime('%Y-%m-%d')}


def main(folders):
    """Measure the named folders (all that register kernels if none is named), print and save."""
    sys.path.insert(0, str(HERE))
    known = [folder for folder in PAPERS if (HERE / f'speed_{folder}.py').exists()]
    rate, machine = rates(), hardware()
    path = HERE / 'speed.json'
    rows = [r for r in (json.loads(path.read_text()) if path.exists() else []) if r['folder'] not in (folders or known)]
    print('  '.join(f'{name[:-1]} {value:.3g} ns' for name, value in rate.items()), f'on {machine}')
    heads = [f'{name:>9}' for name in ('us/step', 'median', 'bound', 'x bound', 'released', 'MB')]
    print(f'{"kernel":30} {"mode":15} {"sizes":12}', *heads)
    for folder in folders or known:
        for index, entry in enumerate(importlib.import_module(f'speed_{folder}').kernels()):
            r = row(folder, entry, index, rate, machine)
            ratio = f'{r["released_us"] / r["us_per_step"]:.0f} x' if r['released_us'] else ''
            numbers = (r['us_per_step'], r['us_per_step_median'], r['lower_bound_us'], r['us_per_step'] / r['lower_bound_us'])
            cells = [f'{x:9.3f}' for x in numbers] + [f'{ratio:>9}', f'{r["peak_mb"]:9d}']
            print(f'{r["kernel"]:30} {r["mode"]:15} {r["sizes"]:12}', *cells)
            rows.append(r)
    write_atomically(path, lambda file: file.write((json.dumps(rows, indent=1) + '\n').encode()))


if __name__ == '__main__':
    main(sys.argv[1:])
