"""The main job: run the headline experiments of every paper at paper scale, check their numbers, draw the figures.

    python reproduce.py                 headline experiments -> figures/report.html, figures/results.json
    python reproduce.py --quick         the same shortened, a few minutes; no number is judged unless it has a quick band
    python reproduce.py --paper         all figures, sweeps and seeds (modes that no figure uses: each folder's README)
    python reproduce.py --only FOLDER   one paper (may be repeated)
    python reproduce.py --publish       copy rows, small figures and curves of the last run to figures/published/ and fill
                                        the tables of the READMEs
Interrupt it and start it again: finished runs are kept, unfinished ones go on from their checkpoints.
"""
import argparse
import importlib
import json
import math
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault('NUMBA_NUM_THREADS', '1')
os.environ.setdefault('MPLBACKEND', 'Agg')

import joblib
import numpy as np

import report
from common import FIGURES, ROOT, find_data, load_npz, result_path, save_figure, write_atomically
from running import size, sweep

PAPERS = {
    'impression_learning': 'Bredenberg et al., NeurIPS 2021',
    'task_plasticity': 'Bredenberg et al., NeurIPS 2020',
    'biohsic': 'Daruwalla & Lipasti, Front. Comput. Neurosci. 2024',
    'microcircuits': 'Max et al., Nat. Mach. Intell. 2024',
    'rstdp_mnist': 'Mozafari et al., Pattern Recognit. 2019',
}
IDX = [f'{part}-{kind}-ubyte.gz' for part in ('train', 't10k') for kind in ('images-idx3', 'labels-idx1')]
PLACES = {                              # what must be on disk: a list of alternatives each
    'mnist': [[f'mnist/{name}'] for name in IDX], 'fashion_mnist': [[f'fashion_mnist/{name}'] for name in IDX],
    'fsdd': [['fsdd/fsdd_recordings.zip', 'fsdd/recordings']], 'cifar10': [['cifar-10-batches-py/test_batch']]}


def folders(only=()):
    """The papers that are here (and asked for)."""
    here = [name for name in PAPERS if (ROOT / name / 'experiments.py').exists()]
    wrong = [name for name in only if name not in here]
    if wrong:
        sys.exit(f'--only {wrong[0]}: choose from {", ".join(here)}')
    return [name for name in here if not only or name in only]


def have(data_set):
    """True if the data set is on disk, fetching it if the network allows."""
    try:
        return all(find_data(*names) for names in PLACES[data_set])
    except FileNotFoundError:
        try:
            return subprocess.run([sys.executable, ROOT / 'data' / 'fetch.py', data_set], timeout=1800).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def hardware():
    """Processor, cores in use, memory."""
    name = platform.processor() or platform.machine()
    if Path('/proc/cpuinfo').exists():
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        name = next((line.split(':')[1].strip() for line in lines if line.startswith('model name')), name)
    return f'{name}, {len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()} cores'


def prepare(folder, level):
    """Experiments of a folder. One whose data are missing is replaced by the one in its `instead` (which names its stand-in
    under `standin`), or marked 'not run'."""
    found = []
    for experiment in importlib.import_module(f'{folder}.experiments').experiments(level):
        missing, needs = None, experiment.get('needs')
        if needs and not have(needs):
            if 'instead' in experiment:
                experiment = experiment['instead']
            else:
                missing = f'{needs} is not on disk and could not be fetched; try: python data/fetch.py {needs}'
        found.append({'standin': False} | experiment | {'folder': folder, 'level': level, 'missing': missing})
    return found


def evaluate(row, runs):
    """(ours, sem, n) of a row: mean (or median) and standard error over seeds, or one statistic. None if a seed diverged."""
    value = row['value'](runs)
    if not isinstance(value, list):
        return (float(value) if math.isfinite(value) else None), None, len(runs)
    values = np.array(value, float)
    sem = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
    centre = float(np.median(values) if row.get('median') else values.mean())
    return (centre, sem, len(values)) if np.isfinite(values).all() else (None, None, len(values))


def verdict(ours, band):
    """'pass', 'miss' or 'no band'. An open end of a band is None."""
    if band is None:
        return 'no band'
    low, high = (-math.inf if band[0] is None else band[0]), (math.inf if band[1] is None else band[1])
    return 'pass' if ours is not None and low <= ours <= high else 'miss'


def shortest_command(experiment):
    """The one command that repeats an experiment."""
    level = {'quick': ' --quick', 'paper': ' --paper', 'headline': ''}[experiment['level']]
    return f'python reproduce.py{level} --only {experiment["folder"]}'


def rows_of(experiment, runs, machine):
    """The finished rows (see README, "Columns of figures/results.json") of one experiment; runs is None if it was not run."""
    seconds = round(sum(meta['cpu_seconds'] for meta, _ in runs), 1) if runs else None
    rows = []
    only_figure = [{'quantity': 'figure only', 'value': lambda runs: float('nan')}]
    for row in experiment['rows'] or only_figure:
        ours, sem, n = evaluate(row, runs) if runs else (None, None, 0)
        band = row.get('quick_band') if experiment['level'] == 'quick' else row.get('band')
        rows.append({
            'folder': experiment['folder'], 'mode': experiment['mode'], 'setting': row.get('setting', 'default'),
            'figure': experiment['figure'], 'quantity': row['quantity'], 'paper': row.get('paper'),
            'released': row.get('released'),
            'ours': ours, 'sem': sem, 'n': n, 'band': list(band) if band else None,
            'verdict': verdict(ours, band) if runs else 'not run', 'standin': experiment['standin'], 'seconds': seconds,
            'command': shortest_command(experiment), 'hardware': machine, 'date': time.strftime('%Y-%m-%d'),
            'level': experiment['level'], 'claim': experiment['claim'], 'note': experiment['missing'] or row.get('note'),
            'main': bool(row.get('main'))})
    return rows


def draw(experiment, runs):
    """Figure (and curves, if the experiment has any) of one experiment from its saved runs."""
    if experiment['figure'] is None:
        return
    import matplotlib.pyplot as plt
    figures = importlib.import_module(f'{experiment["folder"]}.plot_generator').FIGURES
    figure = figures[experiment['figure']](runs)
    if experiment['standin']:
        figure.suptitle(f'stand-in data: {experiment["standin"]}', fontsize=9)
    save_figure(figure, experiment['folder'], experiment['figure'])
    plt.close(figure)
    if 'curves' in experiment:
        text = experiment['curves'](runs)
        write_atomically(FIGURES / experiment['folder'] / f'{experiment["figure"]}.csv', lambda file: file.write(text.encode()))


def reproduce(level, only, n_jobs, cluster):
    """Run, evaluate, draw and report. Returns the process exit code: 1 if a run failed."""
    start, machine = time.time(), hardware()
    experiments = [experiment for folder in folders(only) for experiment in prepare(folder, level)]
    wanted = {result_path(p): p for experiment in experiments if not experiment['missing'] for p in experiment['runs']}
    todo = [p for path, p in wanted.items() if not path.exists()]
    minutes = sum(map(size, todo)) / 60 / joblib.effective_n_jobs(n_jobs)
    print(f'{len(experiments)} experiments, {len(wanted)} runs, {len(todo)} to do (about {minutes:.0f} min), on {machine}')
    errors = sweep(list(wanted.values()), n_jobs, cluster)
    kept = [row for row in report.read_rows() if row['folder'] not in folders(only)]
    for experiment in experiments:
        paths = [result_path(p) for p in experiment['runs']]
        done = not experiment['missing'] and all(path.exists() for path in paths)
        runs = [load_npz(path, 'result') for path in paths] if done else None
        if not done and not experiment['missing']:
            experiment['missing'] = 'a run of this experiment failed; see the messages of reproduce.py'
        kept += rows_of(experiment, runs, machine)
        if runs:
            draw(experiment, runs)
    kept.sort(key=lambda row: list(PAPERS).index(row['folder']))
    write_atomically(FIGURES / 'results.json', lambda file: file.write(json.dumps(kept, indent=1).encode()))
    page = report.write(kept, PAPERS)
    counts = {word: sum(row['verdict'] == word for row in kept) for word in ('pass', 'miss', 'no band', 'not run')}
    print(', '.join(f'{n} {word}' for word, n in counts.items()), f'in {time.time() - start:.0f} s:', page)
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


def main(words=None):
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_const', const='quick', dest='level')
    parser.add_argument('--paper', action='store_const', const='paper', dest='level')
    parser.add_argument('--only', action='append', default=[], metavar='FOLDER')
    parser.add_argument('--publish', action='store_true')
    parser.add_argument('--jobs', type=int, default=-1, help='processes (default: one a core)')
    parser.add_argument('--cluster', help='address of a Dask scheduler, for example tcp://scheduler:8786')
    given = parser.parse_args(words)
    if given.publish:
        return report.publish(PAPERS)
    try:
        return reproduce(given.level or 'headline', given.only, given.jobs, given.cluster)
    except KeyboardInterrupt:
        print('interrupted; start the same command again and it goes on', file=sys.stderr)
        return 130


if __name__ == '__main__':
    sys.exit(main())
