"""What the five folders share and nothing that knows a model: parameters, result files, checkpoints,
progress, sweeps, data files, figures.

A folder gives `exp_params.py` (Params, MODES, mode, RULES; SWEEPS, RELEASED where it has them) and
`simulation.py` (`run(params, checkpoint) -> dict of arrays`); its main block is `common.main('folder')`.
"""
import ast
import dataclasses
import difflib
import functools
import gzip
import hashlib
import importlib
import json
import math
import os
import platform
import signal
import struct
import subprocess
import sys
import time
import traceback
import types
import zipfile
from importlib import metadata
from pathlib import Path

import joblib
import numba
import numpy as np
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent
RESULTS = Path(os.environ.get('PLASTICITY_RESULTS', ROOT / 'results'))
FIGURES = Path(os.environ.get('PLASTICITY_FIGURES', ROOT / 'figures'))
ENGINE_WORDS = {'n_jobs': -1, 'cluster': None}     # where a sweep runs; not part of what is computed


# ---------------------------------------------------------------- parameters

def nearest(kind, word, known):
    """Raise ValueError naming the nearest known word, unless `word` is known."""
    if word not in known:
        near = difflib.get_close_matches(str(word), [str(k) for k in known], 1)
        hint = f'did you mean {near[0]}?' if near else 'allowed: ' + ', '.join(sorted(map(str, known)))
        raise ValueError(f'unknown {kind} {word!r}; {hint}')


def convert(name, kind, value):
    """`value` (text from the command line, or a Python value) as the annotated type `kind`; ValueError if it is none."""
    kinds = kind.__args__ if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, str) and kinds != (str,):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            pass                                   # a bare word: only a field that takes text accepts it
    if tuple in kinds and isinstance(value, (int, float, list)) and not isinstance(value, bool):
        value = tuple(value) if isinstance(value, list) else (value,)
    if isinstance(value, np.generic):
        value = value.item()
    whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
    if int in kinds and whole:
        value = int(value)                         # n_sample=1e3
    elif float in kinds and int not in kinds and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 1e300 else value
    if value is None and (None in kinds or type(None) in kinds):
        return None
    if type(value) not in kinds or (isinstance(value, float) and not math.isfinite(value)):
        wanted = ' or '.join(getattr(k, '__name__', str(k)) for k in kinds)
        raise ValueError(f'{name} takes {wanted}, not {value!r}')
    return value


def load_params(module, *words, **given):
    """Parameters of one run: load_params(exp_params, 'mode=SNR', 'n_sample=1000') or (exp_params, mode='SNR').

    Later wins: defaults, MODES[mode], RELEASED (if released_code), the member `array_num` of the sweep, given values.
    Raises ValueError with one clear line for an unknown name, a wrong type or an impossible value.
    """
    known = {f.name: f for f in dataclasses.fields(module.Params)}
    aliases = getattr(module, 'ALIASES', {})
    for word in words:
        if '=' not in word:
            raise ValueError(f'{word!r}: parameters are given as name=value, for example mode={module.mode}')
        name, value = word.split('=', 1)
        given = {aliases.get(name.strip(), name.strip()): value.strip()} | given
    mode = given.pop('mode', module.mode)
    nearest('mode', mode, module.MODES)
    for name in given:
        nearest('parameter', name, known)
    given = {name: convert(name, known[name].type, value) for name, value in given.items()}
    chosen = {'mode': mode} | module.MODES[mode]
    number = (chosen | given).get('array_num', known['array_num'].default)
    if (chosen | given).get('released_code', False):
        chosen |= getattr(module, 'RELEASED', {})
    members = sweep_of(module, mode, (chosen | given).get('released_code', False))
    if members and not 1 <= number <= len(members):
        raise ValueError(f'array_num must be 1..{len(members)} for {mode}, not {number}')
    p = module.Params(**(chosen | (members[number - 1] if members else {}) | given))
    for rule, why in module.RULES.items():
        if not eval(rule, {'__builtins__': {}, 'len': len, 'abs': abs}, vars(p)):
            names = [n for n in known if n in rule.replace('(', ' ').replace(')', ' ').split()]
            values = ', '.join(f'{n} = {getattr(p, n)!r}' for n in names)
            raise ValueError(f'{values}: {rule} must hold ({why})')
    return p


def sweep_of(module, mode, released):
    """The members (dicts of what differs) of a mode's sweep, [] if it has none."""
    sweeps = getattr(module, 'SWEEPS', {}) | (getattr(module, 'RELEASED_SWEEPS', {}) if released else {})
    return sweeps.get(mode, [])


def load_members(module, *words, **given):
    """The runs that these words ask for: all members of the sweep for array_num=0, else one. -> list of Params"""
    asked = dict(w.split('=', 1) for w in words if '=' in w) | {k: str(v) for k, v in given.items()}
    if asked.get('array_num') != '0':
        return [load_params(module, *words, **given)]
    rest = [w for w in words if not w.startswith('array_num=')]
    given = {k: v for k, v in given.items() if k != 'array_num'}
    first = load_params(module, *rest, **given)
    n = len(sweep_of(module, first.mode, first.released_code)) or getattr(module, 'N_SEEDS', 1)
    return [load_params(module, *rest, **given, array_num=i + 1) for i in range(n)]


# ---------------------------------------------------------------- code and result files

def kernel(function=None, inline=False):
    """numba.njit with a cache on disk that notices an edit in any file of the folder (numba's own looks at one file).

    inline=True for the pieces of a kernel: compiled into their caller, and without numba's reference counting, which costs
    more than a small network's arithmetic. They must not allocate arrays or take rows (x[l, i], not x[l][i]).
    """
    if function is None:
        return functools.partial(kernel, inline=inline)
    package = Path(function.__code__.co_filename).parent.name
    numba.config.CACHE_DIR = str(ROOT / 'data' / 'cache' / 'numba' / f'{package}-{source_digest(package)[:10]}')
    return numba.njit(cache=True, forceinline=inline, _nrt=not inline)(function)


@functools.lru_cache
def source_digest(package, *more):
    """SHA-256 over the code that decides a result (comments do not count): a folder's model, data and simulation files."""
    apart = {'__init__.py', 'exp_params.py', 'plot_generator.py', 'experiments.py'}
    files = [f for f in sorted((ROOT / package).glob('*.py')) if f.name not in apart] + list(more)
    text = ''.join(ast.dump(ast.parse(f.read_text(encoding='utf-8'))) for f in files)
    return hashlib.sha256(text.encode()).hexdigest()


def result_path(p):
    """results/<folder>/<mode>/<member>-<key>.npz; the key covers every parameter, the seed and the source."""
    package = type(p).__module__.split('.')[0]
    text = json.dumps(dataclasses.asdict(p), sort_keys=True) + source_digest(package, Path(__file__))
    key = hashlib.sha256(text.encode()).hexdigest()[:10]
    return RESULTS / package / p.mode / f'{getattr(p, "member", f"{p.mode}_{p.array_num}")}-{key}.npz'


def write_atomically(path, write):
    """Call write(file) on a temporary file beside `path`, then put it in place: a kill or a full disk leaves the old file."""
    path = Path(path)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, 'wb') as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(f'cannot write {path}: {error.strerror or error}; nothing that existed was changed') from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def provenance(p):
    """Parameters, mode, seed, git commit and versions, for the `meta` of a result file."""
    git = subprocess.run(['git', '-C', str(ROOT), 'describe', '--always', '--dirty'], capture_output=True, text=True)
    versions = {name: metadata.version(name) for name in ('numpy', 'numba', 'scipy', 'torch')}
    return {'params': dataclasses.asdict(p), 'mode': p.mode, 'seed': p.seed, 'commit': git.stdout.strip() or None,
            'python': platform.python_version(), 'versions': versions, 'date': time.strftime('%Y-%m-%d')}


def save_result(path, p, arrays, **more):
    """One .npz of `arrays` with a JSON string `meta` (provenance and `more`), written atomically. Returns the path."""
    meta = json.dumps(provenance(p) | more)
    return write_atomically(path, lambda file: np.savez(file, meta=np.array(meta), **arrays))


def load_npz(path, what):
    """(meta, dict of arrays) of a file written by this module; ValueError for a damaged or foreign file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return json.loads(str(arrays.pop('meta'))), arrays
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise ValueError(f'{path} is not a readable {what} ({type(error).__name__}); delete it and run again') from error


def load_result(p):
    """(meta, arrays) of the finished run with parameters p; FileNotFoundError says which command makes it."""
    path = result_path(p)
    if not path.exists():
        raise FileNotFoundError(f'{path} is missing; make it with: {command(p)}')
    return load_npz(path, 'result')


def command(p):
    """The command line that repeats run p."""
    package = type(p).__module__.split('.')[0]
    module = importlib.import_module(f'{package}.exp_params')
    words = [f'mode={p.mode}'] + ([f'array_num={p.array_num}'] if p.array_num != 1 else [])
    words += ['released_code=True'] if p.released_code else []
    plain = load_params(module, *words)
    words += [f'{f.name}={getattr(p, f.name)}'.replace(' ', '') for f in dataclasses.fields(p)
              if getattr(p, f.name) != getattr(plain, f.name)]
    return f'python -m {package}.simulation {" ".join(words)}'


class Checkpoint:
    """State of an unfinished run, written at most every `every` seconds. Without a path it does nothing."""

    def __init__(self, path=None, every=30.0):
        self.path, self.every, self.last = path, float(os.environ.get('PLASTICITY_CHECKPOINT_SECONDS', every)), time.time()

    def resume(self):
        """(meta, arrays) of the last checkpoint, or None to start from the beginning."""
        return load_npz(self.path, 'checkpoint') if self.path and Path(self.path).exists() else None

    def offer(self, state):
        """Save `state() -> (meta dict, arrays dict)` if it is time."""
        if self.path and time.time() - self.last >= self.every:
            meta, arrays = state()
            write_atomically(self.path, lambda file: np.savez(file, meta=np.array(json.dumps(meta)), **arrays))
            self.last = time.time()

    def done(self):
        """The run is complete and saved: forget the checkpoint."""
        if self.path:
            Path(self.path).unlink(missing_ok=True)


def rng_state(rng):
    """State of a Generator or a legacy RandomState as something JSON can hold."""
    state = rng.bit_generator.state if isinstance(rng, np.random.Generator) else rng.get_state(legacy=False)
    return json.loads(json.dumps(state, default=lambda a: np.asarray(a).tolist()))


def restore_rng(rng, state):
    """Set a generator to a state of rng_state."""
    if isinstance(rng, np.random.Generator):
        rng.bit_generator.state = state
    else:
        rng.set_state(state)


# ---------------------------------------------------------------- running

def progress(total, label, **more):
    """A tqdm bar (rate, time left); silent in worker processes and when the output is not a terminal."""
    quiet = True if os.environ.get('PLASTICITY_QUIET') else None
    return tqdm(total=total, desc=label, disable=quiet, mininterval=0.5, smoothing=0.1, **more)


def finish(p, again=False):
    """Run p to its end (going on from its checkpoint), save, return the path. Skips a complete run unless `again`."""
    path = result_path(p)
    if path.exists() and not again:
        return path
    package = type(p).__module__.split('.')[0]
    checkpoint = Checkpoint(path.with_suffix('.checkpoint.npz'))
    start, cpu = time.time(), time.process_time()
    arrays = importlib.import_module(f'{package}.simulation').run(p, checkpoint)
    more = {'wall_seconds': round(time.time() - start, 3), 'cpu_seconds': round(time.process_time() - cpu, 3)}
    save_result(path, p, arrays, diverged_at=int(arrays.get('diverged_at', -1)), **more)
    checkpoint.done()
    return path


def _member(p):
    os.environ['PLASTICITY_QUIET'] = '1'
    try:
        return finish(p), None
    except Exception as error:                     # the sweep goes on; the caller reports and exits with 1
        return None, f'{command(p)}\n  {type(error).__name__}: {error}\n{traceback.format_exc(limit=-2)}'


def sweep(members, n_jobs=-1, cluster=None):
    """Run all members (Params) over processes, or on the Dask scheduler `cluster`, longest first, skipping complete ones.

    Returns the list of error texts (empty when all went well). Bits do not depend on where a member runs.
    """
    todo = sorted((p for p in members if not result_path(p).exists()), key=lambda p: -getattr(p, 'cost', 0))
    errors = []
    if not todo:
        return errors
    engine = {'backend': 'loky', 'n_jobs': n_jobs, 'inner_max_num_threads': 1}
    client = None
    if cluster:
        from dask.distributed import Client
        client, engine = Client(cluster), {'backend': 'dask'}
    try:
        with joblib.parallel_config(**engine), progress(len(todo), 'sweep', unit='run') as bar:
            lazily = {} if cluster else {'return_as': 'generator_unordered'}
            for path, error in joblib.Parallel(batch_size=1, **lazily)(joblib.delayed(_member)(p) for p in todo):
                bar.update()
                errors += [error] if error else []
    finally:
        if client:
            client.close()
    return errors


def stop(message, code=2):
    """End the program with one line on stderr."""
    print(message, file=sys.stderr)
    raise SystemExit(code)


def load_or_exit(module, words, load=load_params):
    """Parameters from the words of a command line; one line and exit code 2 on a mistake."""
    try:
        return load(module, *words)
    except ValueError as error:
        stop(f'{module.__name__}: {error}')


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
    try:
        if len(members) == 1:
            print(command(members[0]))
            finish(members[0], again=True)
        errors = sweep(members, int(engine['n_jobs']), engine['cluster'])
    except KeyboardInterrupt:
        stop('interrupted; the same command goes on from the last checkpoint', 130)
    except (FileNotFoundError, ValueError, OSError) as error:
        stop(f'{package}: {error}', 1)
    for path in [result_path(p) for p in members if result_path(p).exists()]:
        at = load_npz(path, 'result')[0]['diverged_at']
        print('saved', path, f'(diverged at step {at})' if at >= 0 else '')
        if at >= 0 and len(members) == 1:
            stop(f'non-finite loss at step {at} with learning_rate={members[0].learning_rate}: '
                 'choose a smaller one; what came before is saved', 1)
    if errors:
        stop('\n'.join([f'{len(errors)} of {len(members)} runs failed:', *errors]), 1)


# ---------------------------------------------------------------- data

def find_data(*names, how='', data_dir=''):
    """First existing data_dir/name, $PLASTICITY_DATA/name or data/name of the alternatives `names`; else FileNotFoundError."""
    places = [Path(d) for d in (data_dir, os.environ.get('PLASTICITY_DATA')) if d] + [ROOT / 'data']
    for place in places:
        for name in names:
            if (place / name).exists():
                return place / name
    raise FileNotFoundError(f'{" or ".join(names)} not found below {", ".join(map(str, places))}; {how}')


def read_idx(path):
    """A gzipped idx file of unsigned bytes (MNIST's format) as a uint8 array; ValueError if it is none."""
    try:
        raw = gzip.decompress(Path(path).read_bytes())
        zero, kind, ndim = struct.unpack('>HBB', raw[:4])
        shape = struct.unpack(f'>{ndim}I', raw[4:4 + 4 * ndim])
        if (zero, kind) != (0, 8):
            raise ValueError('not unsigned bytes')
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * ndim).reshape(shape)
    except (OSError, EOFError, struct.error, ValueError) as error:
        raise ValueError(f'{path} is not a complete gzipped idx file ({error})') from error


# ---------------------------------------------------------------- figures

def style():
    """Use the project's matplotlib style."""
    import matplotlib.pyplot as plt
    plt.style.use(ROOT / 'plasticity.mplstyle')
    return plt


def save_figure(figure, package, name):
    """figures/<package>/<name>.png and .pdf, written atomically; prints and returns the PNG's path."""
    path = FIGURES / package / name
    for kind in ('.png', '.pdf'):
        write_atomically(path.with_suffix(kind), lambda file, kind=kind: figure.savefig(file, format=kind[1:]))
    print(path.with_suffix('.png'))
    return path.with_suffix('.png')
