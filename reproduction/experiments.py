"""Running the experiments that the folders' experiments.py list, and what becomes of them: rows, figures, report."""
import functools
import hashlib
import importlib
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
import warnings
from pathlib import Path

import joblib

from common import ROOT, figures
from common.data import content_digest, find_data
from common.figures import save_figure
from common.kernel import is_compiled
from common.params import Remark, nearest
from common.results import demand_writable, is_complete, load_npz, result_path, write_atomically
from common.running import size, sweep, workers
from reproduction import report
from reproduction.evidence import evaluate, verdict
from reproduction.pace import slowness

PAPERS = {
    'impression_learning': 'Bredenberg et al., NeurIPS 2021',
    'task_plasticity': 'Bredenberg et al., NeurIPS 2020',
    'biohsic': 'Daruwalla & Lipasti, Front. Comput. Neurosci. 2024',
    'microcircuits': 'Max et al., Nat. Mach. Intell. 2024',
    'rstdp_mnist': 'Mozafari et al., Pattern Recognit. 2019',
    'across': 'All five rules, side by side',             # no paper: imports the five, none imports it
}
IDX = [f'{part}-{kind}-ubyte.gz' for part in ('train', 't10k') for kind in ('images-idx3', 'labels-idx1')]
PLACES = {                              # what must be on disk: a list of alternatives each
    'mnist': [[f'mnist/{name}'] for name in IDX], 'fashion_mnist': [[f'fashion_mnist/{name}'] for name in IDX],
    'fsdd': [['fsdd/fsdd_recordings.zip', 'fsdd/recordings']], 'cifar10': [['cifar-10-batches-py/test_batch']],
    'nmnist': [['nmnist/Train', 'nmnist/nmnist_small.zip']]}


def folders(only=()):
    """The papers that are here (and asked for)."""
    here = [name for name in PAPERS if (ROOT / name / 'experiments.py').exists()]
    wrong = [name for name in only if name not in here]
    if wrong:
        sys.exit(f'--only {wrong[0]}: choose from {", ".join(here)}')
    return [name for name in here if not only or name in only]


def on_disk(data_set):
    """True if every file of the data set is on disk."""
    try:
        return all(find_data(*names) for names in PLACES[data_set])
    except FileNotFoundError:
        return False


@functools.lru_cache
def have(data_set):
    """True if the data set is on disk, fetching it if the network allows; asked once."""
    if on_disk(data_set):
        return True
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


def lacking(experiment):
    """Why an experiment cannot be run here, or None: `needs` names a data set, `packages` what must be installed."""
    absent = [name for name in experiment.get('packages', ()) if importlib.util.find_spec(name) is None]
    if absent:
        return f'{", ".join(absent)} is not installed; pip install -r requirements.txt brings everything'
    needs = experiment.get('needs')
    if needs and not have(needs):
        return f'{needs} is not on disk and could not be fetched; try: python data/fetch.py {needs}'
    return None


def listed(folder, level):
    """Experiments of a folder, as its experiments.py lists them; remarks are for people who choose parameters themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', Remark)
        found = importlib.import_module(f'{folder}.experiments').experiments(level)
    return [experiment | {'folder': folder, 'level': level} for experiment in found]


def prepared(experiment):
    """An experiment that cannot be run is replaced by the one in its `instead` (which names its stand-in under `standin`), or
    marked 'not run' with the reason under `missing`."""
    missing = lacking(experiment)
    if missing and 'instead' in experiment:
        experiment, missing = experiment | experiment['instead'], None
    try:
        for p in [] if missing else experiment['runs']:
            result_path(p)
    except OSError as error:                       # an input file that only the run itself knows of
        missing = str(error)
    return {'standin': False} | experiment | {'missing': missing}


def shortest_command(experiment):
    """The one command that repeats an experiment."""
    level = {'quick': ' --quick', 'paper': ' --paper', 'headline': ''}[experiment['level']]
    return f'python reproduce.py{level} --only {experiment["folder"]}'


def runs_digest(experiment):
    """SHA-256 of the names of an experiment's results: they carry its parameters, input data and code."""
    names = sorted(result_path(p).name for p in experiment['runs'])
    return hashlib.sha256('\n'.join(names).encode()).hexdigest()


def rows_of(experiment, runs, machine):
    """The finished rows (see README, "Columns of figures/results.json") of one experiment; runs is None if it was not run."""
    seconds = round(sum(meta['cpu_seconds'] for meta, _ in runs), 1) if runs else None
    only_figure = [{'quantity': 'figure only', 'value': lambda runs: float('nan')}]
    nothing = {'ours': None, 'sem': None, 'interval': None, 'n': 0}
    rows = []
    for row in experiment['rows'] or only_figure:
        found = evaluate(row, runs) if runs else nothing
        band = row.get('quick_band') if experiment['level'] == 'quick' else row.get('band')
        rows.append({
            'folder': experiment['folder'], 'mode': experiment['mode'], 'setting': row.get('setting', 'default'),
            'figure': experiment['figure'], 'quantity': row['quantity'], 'paper': row.get('paper'),
            'released': row.get('released'), **found, 'band': list(band) if band else None,
            'verdict': verdict(found['ours'], band) if runs else 'not run', 'standin': experiment['standin'],
            'seconds': seconds,
            'command': shortest_command(experiment), 'hardware': machine, 'date': time.strftime('%Y-%m-%d'),
            'level': experiment['level'], 'claim': experiment['claim'], 'note': experiment['missing'] or row.get('note'),
            'main': bool(row.get('main')), 'median': bool(row.get('median'))})
    return rows


def draw(experiment, runs):
    """Figure (and curves, if the experiment has any) of one experiment from its saved runs. -> path of the PNG, or None"""
    if experiment['figure'] is None:
        return None
    import matplotlib.pyplot as plt
    drawn = importlib.import_module(f'{experiment["folder"]}.plot_generator').FIGURES[experiment['figure']](runs)
    marks = [f'stand-in data: {experiment["standin"]}'] if experiment['standin'] else []
    marks += ['shortened run: proves nothing'] if experiment['level'] == 'quick' else []
    if marks:
        drawn.suptitle('\n'.join(filter(None, [drawn.get_suptitle(), '; '.join(marks)])), fontsize=9, color='firebrick')
    png = save_figure(drawn, experiment['folder'], experiment['figure'])
    plt.close(drawn)
    if 'curves' in experiment:
        text, path = experiment['curves'](runs), png.with_suffix('.csv')
        write_atomically(path, lambda file: file.write(text.encode()))
    return png


def saved_runs(experiment):
    """Paths of the results of an experiment: [] if it was not run, or if a run failed (then `missing` says so)."""
    paths = [] if experiment['missing'] else [result_path(p) for p in experiment['runs']]
    if not all(is_complete(path) for path in paths):
        experiment['missing'], paths = 'a run of this experiment failed; see the messages of reproduce.py', []
    return paths


def evaluated(experiment, machine):
    """(finished rows of an experiment from its saved runs, its figure drawn). Done in a worker process: drawing takes time."""
    os.environ.setdefault('MPLBACKEND', 'Agg')
    runs = [load_npz(path, 'result') for path in saved_runs(experiment)] or None
    png = draw(experiment, runs) if runs else None
    curves = png.with_suffix('.csv') if png and 'curves' in experiment else None
    made = {'picture': content_digest(png) if png else None, 'curves': content_digest(curves) if curves else None,
            'runs': runs_digest(experiment) if runs else None}
    return [row | made for row in rows_of(experiment, runs, machine)]


def announce(experiments, wanted, todo, n_jobs, machine):
    """Say what is about to be done, and how long it may take."""
    factor = slowness() if todo else 1.0
    minutes = factor * sum(map(size, todo)) / 60 / joblib.effective_n_jobs(n_jobs)
    print(f'{len(experiments)} experiments, {len(wanted)} runs, {len(todo)} to do, on {machine}')
    for why in dict.fromkeys(e['missing'] for e in experiments if e['missing']):
        print(f'not run, {sum(e["missing"] == why for e in experiments)} experiments: {why}', file=sys.stderr)
    cold = [folder for folder in dict.fromkeys(e['folder'] for e in experiments) if not is_compiled(folder)]
    if todo:
        print(f'about {max(1, round(minutes))} min if nothing else runs here (compiled arithmetic takes {factor:.1f} times as '
              'long as where the costs were measured); the bar corrects it from the first runs on'
              + (f'; compiled first, up to a minute each: {", ".join(cold)}' if cold else ''), flush=True)


def asked(level, only, wanted):
    """The experiments of these papers that draw one of the wanted figures (all, if none is named)."""
    found = [experiment for folder in folders(only) for experiment in listed(folder, level)]
    known = sorted({experiment['figure'] for experiment in found if experiment['figure']})
    for figure in wanted:
        nearest('figure', figure, known)
    return [prepared(e) for e in found if not wanted or e['figure'] in wanted]


def reproduce(level, only, wanted_figures, n_jobs, cluster):
    """Run, evaluate, draw and report. Returns the process exit code: 1 if a run failed."""
    start, machine, before = time.time(), hardware(), report.read_rows()
    experiments = asked(level, only, wanted_figures)
    wanted = {result_path(p): p for experiment in experiments if not experiment['missing'] for p in experiment['runs']}
    for folder in {path.parent for path in wanted} | {figures.FIGURES / e['folder'] for e in experiments}:
        demand_writable(folder)
    announce(experiments, wanted, [p for path, p in wanted.items() if not is_complete(path)], n_jobs, machine)
    errors = sweep(list(wanted.values()), n_jobs, cluster)
    replaced = {(e['folder'], e['figure']) for e in experiments}
    kept = [row for row in before if ((row['folder'], row['figure']) not in replaced if wanted_figures else
                                      row['folder'] not in folders(only))]
    with workers(max(1, min(joblib.effective_n_jobs(n_jobs), len(experiments)))):
        for rows in joblib.Parallel()(joblib.delayed(evaluated)(experiment, machine) for experiment in experiments):
            kept += rows
    kept.sort(key=lambda row: list(PAPERS).index(row['folder']))
    write_atomically(figures.FIGURES / 'results.json', lambda file: file.write(json.dumps(kept, indent=1).encode()))
    page = report.write(kept, PAPERS)
    counts = {word: sum(row['verdict'] == word for row in kept) for word in ('pass', 'miss', 'no band', 'not run')}
    print(', '.join(f'{n} {word}' for word, n in counts.items()), f'in {time.time() - start:.0f} s:', page)
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0
