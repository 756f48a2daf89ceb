"""Speed of the kernels of all folders: python benchmarks/speed.py [FOLDER ...]

Each folder registers its kernels in benchmarks/speed_<folder>.py: `kernels()` gives dicts with kernel, mode, sizes, steps (how
many one call advances), make (a function returning the call to time), the unavoidable work of a step by kind (see `rates`),
and a note where the kernel stays far above it. Every kernel runs in three processes of its own on one thread (where a compiled
kernel comes to lie in memory changes the smallest ones by up to a factor of two): a warm-up, then several repeats; best and
median. lower_bound_us is the work at this machine's measured rates. Prints a table, writes benchmarks/speed.json and the tables
of benchmarks/README.md and docs/speed.md.
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
import torch

from common.kernel import kernel
from common.results import write_atomically
from common.script import help_asked
from reproduction.evidence import number
from reproduction.experiments import PAPERS, hardware
from reproduction.pace import add_rows
from reproduction.tables import fill
from rstdp_mnist.search import add_bytes

PROCESSES = 3
REPEATS = 7


@kernel
def roots(x, out, times):
    """times 1 / sqrt of each x."""
    for t in range(times):
        for i in range(x.size):
            out[i] = 1.0 / np.sqrt(x[i] + 1e-9 * t)


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
    """Nanoseconds of each kind of work on this machine, data in cache, one thread.

    macs, macs32: multiply-adds of a matrix-vector product in double and single precision; products32: of a product of large
    matrices in single precision; bytes: additions of bytes (R-STDP); normals: normal numbers; roots: 1 / sqrt; tanhs: tanh,
    logistic or exponential.
    """
    torch.set_num_threads(1)
    rng, W, x, y = np.random.default_rng(0), np.ones((64, 64)), np.full(64, 1e-9), np.zeros(64)
    W32, x32, y32 = (a.astype(np.float32) for a in (W, x, y))
    A, block, values, out = torch.ones((512, 512)), np.empty(1 << 16), rng.normal(size=1000), np.empty(1000)
    Q, where, part, total = np.ones((1, 250, 200), np.uint8), np.arange(240), np.empty(200, np.uint16), np.zeros(200, np.uint32)
    return {'macs': best(lambda: add_rows(W, x, y, 1000))[0] / (1000 * W.size) * 1e9,
            'macs32': best(lambda: add_rows(W32, x32, y32, 1000))[0] / (1000 * W.size) * 1e9,
            'products32': best(lambda: A @ A)[0] / 512 ** 3 * 1e9,
            'bytes': best(lambda: [add_bytes(Q, 0, where, 240, part, total) for _ in range(20)])[0] / (20 * 240 * 200) * 1e9,
            'normals': best(lambda: rng.standard_normal(out=block))[0] / block.size * 1e9,
            'roots': best(lambda: roots(x + 1, y, 1000))[0] / (1000 * x.size) * 1e9,
            'tanhs': best(lambda: tanhs(values, out, 100))[0] / (100 * values.size) * 1e9}


def measure(folder, index, queue):
    """Time kernel number `index` of a folder; puts (best, median, peak MB) on the queue."""
    sys.path.insert(0, str(HERE))
    entry = list(importlib.import_module(folder).kernels())[index]
    seconds = best(entry['make']())
    queue.put((*seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def in_a_process(folder, index):
    """(best, median) seconds and peak MB of a kernel in a new process."""
    context = multiprocessing.get_context('spawn')
    queue = context.Queue()
    process = context.Process(target=measure, args=(f'speed_{folder}', index, queue))
    process.start()
    found = queue.get()
    process.join()
    return found


def row(folder, entry, index, rate, machine):
    """One line of the table."""
    quickest, median, peak = zip(*(in_a_process(folder, index) for _ in range(PROCESSES)), strict=True)
    quickest, median, peak = min(quickest), statistics.median(median), max(peak)
    bound = sum(entry.get(what, 0) * rate[what] for what in rate) / 1000
    return {'kernel': entry['kernel'], 'folder': folder, 'mode': entry['mode'], 'sizes': entry['sizes'],
            'us_per_step': round(quickest / entry['steps'] * 1e6, 4),
            'us_per_step_median': round(median / entry['steps'] * 1e6, 4),
            'steps_per_second': round(entry['steps'] / quickest), 'peak_mb': round(peak), 'lower_bound_us': round(bound, 4),
            'note': entry.get('note'), 'hardware': machine,
            'date': time.strftime('%Y-%m-%d')}


def table(rows):
    """Markdown table of all kernels; the notes of slow ones below it."""
    lines = ['| folder | kernel | mode | sizes | µs a step | lower bound | × bound |', '|---' * 7 + '|']
    for r in sorted(rows, key=lambda r: list(PAPERS).index(r['folder'])):
        lines.append(f'| {r["folder"]} | {r["kernel"]} | {r["mode"]} | {r["sizes"]} | {number(r["us_per_step"], 3)} '
                     f'| {number(r["lower_bound_us"], 2)} | {r["us_per_step"] / r["lower_bound_us"]:.1f} |')
    notes = [f'* {r["folder"]}, {r["kernel"]} ({r["mode"] or r["sizes"]}): {r["note"]}' for r in rows
             if r.get('note') and r['us_per_step'] > 5 * r['lower_bound_us']]
    return '\n'.join([*lines, '', *notes])


def released():
    """The ratios to the released programs (released_speed.json): both sides in turns, in one run on one machine."""
    found = json.loads((HERE / 'released_speed.json').read_text())
    return found | {'rows': sorted(found['rows'], key=lambda r: (r['rounds'] > 0, list(PAPERS).index(r['folder'])))}


def released_table(found):
    """Markdown table of those ratios, whole experiments first."""
    lines = ['| folder | what | released, µs | ours, µs | ratio | range | what each side includes |', '|---' * 7 + '|']
    for r in found['rows']:
        ends = f'{r["ratio_min"]:.3g} .. {r["ratio_max"]:.3g}' if r['ratio_min'] else '–'
        lines.append(f'| {r["folder"]} | {r["kernel"]} | {r["released_us"]:.0f} | {number(r["ours_us"], 3)} | {r["ratio"]:.3g} '
                     f'| {ends} | {r["includes"]} |')
    return '\n'.join([*lines, '', f'{found["machine"]}, {found["date"]}; {found["method"]}. {found["remark"]}'])


def summary(found):
    """Markdown table for docs/speed.md: the same ratios in one line a folder, whole experiments first."""
    lines = ['| folder | time of the released program, divided by ours |', '|---|---|']
    for folder in PAPERS:
        ratios = [f'{r["kernel"]} **{r["ratio"]:.3g}×**' for r in found['rows'] if r['folder'] == folder]
        lines.append(f'| [{folder}](../{folder}/README.md) | {"; ".join(ratios)} |')
    how = f'{found["machine"]}, {found["date"]}; {found["method"]}; ranges, and what each side includes'
    return '\n'.join([*lines, '', f'{how}: [benchmarks/README.md](../benchmarks/README.md).'])


def main(folders):
    """Measure the named folders (all that register kernels if none is named), print and save."""
    help_asked(folders, __doc__)
    sys.path.insert(0, str(HERE))
    known = [folder for folder in PAPERS if (HERE / f'speed_{folder}.py').exists()]
    if set(folders) - set(known):
        sys.exit(f'{" ".join(folders)}: choose from {", ".join(known)}')
    rate, machine = rates(), hardware()
    path = HERE / 'speed.json'
    rows = [r for r in (json.loads(path.read_text()) if path.exists() else []) if r['folder'] not in (folders or known)]
    measured = ', '.join(f'{name} {value:.2g}' for name, value in rate.items())
    print(f'ns each: {measured}; on {machine}')
    heads = [f'{name:>9}' for name in ('us/step', 'median', 'bound', 'x bound', 'MB')]
    print(f'{"kernel":30} {"mode":15} {"sizes":12}', *heads)
    for folder in folders or known:
        for index, entry in enumerate(importlib.import_module(f'speed_{folder}').kernels()):
            r = row(folder, entry, index, rate, machine)
            numbers = (r['us_per_step'], r['us_per_step_median'], r['lower_bound_us'], r['us_per_step'] / r['lower_bound_us'])
            cells = [f'{x:9.3f}' for x in numbers] + [f'{r["peak_mb"]:9d}']
            print(f'{r["kernel"]:30} {r["mode"]:15} {r["sizes"]:12}', *cells)
            rows.append(r)
    write_atomically(path, lambda file: file.write((json.dumps(rows, indent=1) + '\n').encode()))
    write_tables(rows, f'{machine}, one thread. Measured rates, ns each: {measured}.')


def write_tables(rows, remark):
    """Fill the tables of docs/speed.md and of the README beside this file."""
    fill(HERE.parent / 'docs' / 'speed.md', 'speed', summary(released()))
    fill(HERE / 'README.md', 'speed', f'{table(rows)}\n\n{remark}')
    fill(HERE / 'README.md', 'released', released_table(released()))


if __name__ == '__main__':
    main(sys.argv[1:])
