"""What the five folders share and nothing that knows a model: parameters, kernels, result files, checkpoints, data files,
figures. Beside it: running.py, the main block of a simulation and sweeps.
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
import struct
import subprocess
import time
import types
import zipfile
from importlib import metadata
from pathlib import Path

import numba
import numpy as np
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent
RESULTS = Path(os.environ.get('PLASTICITY_RESULTS', ROOT / 'results'))
FIGURES = Path(os.environ.get('PLASTICITY_FIGURES', ROOT / 'figures'))


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
            value = str(value)                     # a bare word: only a field that takes text accepts it
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
    mode = str(given.pop('mode', module.mode))
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
        if not holds(rule, p):
            names = [n for n in known if n in rule.replace('(', ' ').replace(')', ' ').split()]
            values = ', '.join(f'{n} = {getattr(p, n)!r}' for n in names)
            raise ValueError(f'{values}: {rule} must hold ({why})')
    return p


def holds(rule, p):
    """True if a rule of exp_params (an expression of the parameters' names) holds for p."""
    return bool(eval(rule, {'__builtins__': {}, 'len': len, 'abs': abs}, vars(p)))


def sweep_of(module, mode, released):
    """The members (dicts of what differs) of a mode's sweep, [] if it has none."""
    sweeps = getattr(module, 'SWEEPS', {}) | (getattr(module, 'RELEASED_SWEEPS', {}) if released else {})
    return sweeps.get(mode, [])


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
    apart = ('__init__', 'exp_params', 'plot_', 'experiments')
    files = [f for f in sorted((ROOT / package).glob('*.py')) if not f.name.startswith(apart)] + list(more)
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
        if os.path.exists(temporary):
            temporary.unlink()
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
        self.path, self.last = Path(path) if path else None, time.time()
        self.every = float(os.environ.get('PLASTICITY_CHECKPOINT_SECONDS', every))
        self.begin = time.process_time()           # earlier by what an interrupted run had used

    def part(self, name):
        """The checkpoint of another stage of the same run."""
        return Checkpoint(self.path.with_suffix(f'.{name}.npz') if self.path else None, self.every)

    def resume(self):
        """(meta, arrays) of the last checkpoint, or None to start from the beginning."""
        if not self.path or not self.path.exists():
            return None
        meta, arrays = load_npz(self.path, 'checkpoint')
        self.begin -= meta['cpu_seconds']
        return meta, arrays

    def offer(self, state, *args):
        """Save `state(*args) -> (meta dict, arrays dict)` if it is time."""
        if self.path and time.time() - self.last >= self.every:
            meta, arrays = state(*args)
            text = np.array(json.dumps(meta | {'cpu_seconds': time.process_time() - self.begin}))
            write_atomically(self.path, lambda file: np.savez(file, meta=text, **arrays))
            self.last = time.time()

    def done(self):
        """The run is complete and saved: forget its checkpoints."""
        for path in self.path.parent.glob(f'{self.path.stem}*.npz') if self.path else ():
            path.unlink(missing_ok=True)


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


def progress(total, label, **more):
    """A tqdm bar (rate, time left); silent in worker processes and when the output is not a terminal."""
    quiet = bool(os.environ.get('PLASTICITY_QUIET')) or None
    return tqdm(total=total, desc=label, disable=quiet, mininterval=0.5, smoothing=0.1, **more)


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
