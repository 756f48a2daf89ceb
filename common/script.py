"""The main block of every script: words, one line for a mistake, running, what became of it."""
import contextlib
import errno
import importlib
import os
import signal
import sys
import threading
import warnings

from common import figures
from common.machine import demand_memory
from common.params import Remark, load_params
from common.results import demand_writable, load_npz, result_path
from common.running import finish, sweep
from common.words import apart, command, command_words, help_text, live, load_members


def stop(message, code=2):
    """End the program with one line on stderr."""
    print(message, file=sys.stderr)
    raise SystemExit(code)


@contextlib.contextmanager
def one_line(package):
    """Around the main block of a script: whatever goes wrong for a reason that the user can mend ends in one line, remarks are
    one line each, and a terminated program (SIGTERM) ends as an interrupted one does."""
    main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda *_: os._exit(143)) if main_thread else None    # compilers swallow SystemExit
    shown = set()

    def show(message, category, *place, **more):
        if not issubclass(category, Remark):
            return plain(message, category, *place, **more)
        if str(message) not in shown:
            shown.add(str(message))
            print(f'warning: {message}', file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter('always', Remark)
        plain, warnings.showwarning = warnings.showwarning, show
        try:
            yield
        except KeyboardInterrupt:
            stop('interrupted; the same command goes on from the last checkpoint', 130)
        except BrokenPipeError:                        # the reader of our output has gone
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except (ValueError, OSError) as error:
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            stop(f'{package}: {error}' + '; make room on the disk and repeat the command, finished runs are kept' * full, 1)
        except MemoryError as error:
            stop(f'{package}: these sizes need more memory than there is ({error or "no more could be had"})', 1)
        except ImportError as error:
            stop(f'{package}: {error} (pip install -r requirements.txt brings everything)', 1)
        finally:
            if main_thread:
                signal.signal(signal.SIGTERM, before)


def help_asked(words, text):
    """If -h or --help is among the words: print the text and end the program."""
    if any(w in ('-h', '--help') for w in words):
        print(text, flush=True)
        raise SystemExit(0)


def load_or_exit(module, words, load=load_params):
    """load(module, *words); one line and exit code 2 on a mistake in the words."""
    try:
        return load(module, *words)
    except ValueError as error:
        stop(f'{module.__name__}: {error}')


def demand_scheduler(address):
    """Raise ValueError unless this is None or looks like the address of a Dask scheduler."""
    if address is not None and '://' not in address:
        raise ValueError(f'cluster takes the address of a Dask scheduler (tcp://scheduler:8786), not {address!r}')


def engine_words(words):
    """Where a sweep runs. -> (the other words, n_jobs, cluster, the words that were given)"""
    words, given = apart(words, 'n_jobs', 'cluster')
    text = given['n_jobs'] or '-1'
    if not text.removeprefix('-').isdecimal() or int(text) == 0 or int(text) < -1:
        raise ValueError(f'n_jobs takes a number of processes from 1 on, or -1 for one a core, not {text!r}')
    demand_scheduler(given['cluster'])
    return words, int(text), given['cluster'], [name for name, value in given.items() if value is not None]


def forget(package):
    """In a live session: forget the folder's modules, so that edited files are read again."""
    for name in [name for name in sys.modules if name.startswith(f'{package}.')]:
        del sys.modules[name]


def plots(package):
    """Main block of a plot_generator.py: its main(words), with one line for a mistake."""
    words = command_words(package)
    if live():
        forget(package)
    module = importlib.import_module(f'{package}.plot_generator')
    with one_line(package):
        help_asked(words, help_text(module.exp_params, f'{package}.plot_generator', module.__doc__))
        demand_writable(figures.FIGURES / package)
        try:
            module.main(words)
        except KeyError as missing:                # a diverged or shortened run lacks what a panel shows
            raise ValueError(f'these runs do not hold {missing}, which the figure needs') from missing


def main(package, words=None):
    """Main block of a simulation.py: load the parameters, run one member or all (array_num=0), save, print the paths."""
    words = command_words(package) if words is None else list(words)
    if live():
        forget(package)
    module = importlib.import_module(f'{package}.exp_params')
    with one_line(package):
        help_asked(words, help_text(module, f'{package}.simulation', 'array_num=0: all members, with n_jobs=..., cluster=...'))
        words, n_jobs, cluster, engine = load_or_exit(module, words, lambda module, *words: engine_words(words))
        if 'SLURM_ARRAY_TASK_ID' in os.environ and not any(w.startswith('array_num=') for w in words):
            if os.environ['SLURM_ARRAY_TASK_ID'] == '0':
                stop(f'{package}: SLURM_ARRAY_TASK_ID = 0: members are numbered from 1, use --array=1-N')
            words.append(f'array_num={os.environ["SLURM_ARRAY_TASK_ID"]}')
        members = load_or_exit(module, words, load_members)
        for p in members:
            demand_memory(p)
            demand_writable(result_path(p).parent)
        errors = []
        if len(members) == 1:
            if engine:
                stop(f'{" and ".join(engine)}: for sweeps only (array_num=0); this is a single run')
            print(command(members[0]), flush=True)
            finish(members[0], again=True)
        else:
            errors = sweep(members, n_jobs, cluster)
        report([p for p in members if result_path(p).exists()], alone=len(members) == 1)
        if errors:
            stop('\n'.join([f'{len(errors)} of {len(members)} runs failed:', *errors]), 1)


def report(members, alone):
    """Print where the results are, and which of them diverged (alone: with the place and advice, exit code 1)."""
    for p in members:
        path = result_path(p)
        meta, _ = load_npz(path, 'result')
        at, lost = meta['diverged_at'], meta['blown_up']
        print('saved', path, f'(diverged at step {at})' if at >= 0 else f'(diverged: {lost})' if lost else '')
        if alone and (at >= 0 or lost):
            where = f', first in {lost}' if lost else ''
            rates = {name: value for name, value in meta['params'].items() if name.startswith(('learning_rate', 'lr_', 'eta_'))}
            begin = f'non-finite loss or weights at step {at}' if at >= 0 else 'weights beyond all bounds at the end'
            stop(f'{begin} with seed {p.seed}{where}; {", ".join(f"{k}={v}" for k, v in rates.items())}: choose smaller ones; '
                 'what came before is saved', 1)
