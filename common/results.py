"""Result files: results/<folder>/<mode>/<member>-<key>.npz, arrays and a JSON text `meta`, written atomically."""
import dataclasses
import hashlib
import importlib
import json
import os
import platform
import subprocess
import tempfile
import time
import zipfile
from importlib import metadata
from pathlib import Path

import numba
import numpy as np

from common import ROOT
from common.data import UNREADABLE, content_digest
from common.kernel import source_digest
from common.params import checks_of
from common.words import command

RESULTS = Path(os.environ.get('PLASTICITY_RESULTS') or ROOT / 'results')
HUGE = 1e8                              # weights beyond it have blown up, finite or not
NEEDED = {'result': ('params', 'mode', 'seed'), 'checkpoint': ('cpu_seconds', 'names')}      # in meta


def result_path(p):
    """results/<folder>/<mode>/<member>-<key>.npz; the key covers every parameter, the seed, the content of the input files and
    the folder's model, data and simulation code (and that of other folders that it is built on: checks.built_on, [(folder,
    names of files or None), ...]). Kernels that run as plain Python (NUMBA_DISABLE_JIT=1), where numpy keeps single precision
    that the compiler widens, have results of their own. Raises FileNotFoundError if an input file is missing."""
    package = type(p).__module__.split('.')[0]
    others = getattr(checks_of(p), 'built_on', lambda p: [])(p)
    code = ''.join([source_digest(package), *(source_digest(folder, names) for folder, names in others)])
    inputs = [content_digest(path) for path in getattr(checks_of(p), 'inputs', lambda p: [])(p)]
    uncompiled = ['plain Python'] if numba.config.DISABLE_JIT else []
    text = json.dumps([dataclasses.asdict(p), inputs, code, *uncompiled], sort_keys=True)
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


def commit():
    """The commit of this clone, with '-dirty' if files were edited; None without git or outside a repository."""
    try:
        git = subprocess.run(['git', '-C', str(ROOT), 'describe', '--always', '--dirty'], capture_output=True, text=True)
    except OSError:
        return None
    return git.stdout.strip() or None


def installed(*names):
    """{name: version} of those of these packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def provenance(p):
    """Parameters, mode, seed, input files, git commit and versions, for the `meta` of a result file."""
    inputs = {str(path): content_digest(path) for path in getattr(checks_of(p), 'inputs', lambda p: [])(p)}
    return {'params': dataclasses.asdict(p), 'mode': p.mode, 'seed': p.seed, 'inputs': inputs, 'commit': commit(),
            'python': platform.python_version(), 'versions': installed('numpy', 'numba', 'scipy', 'torch'),
            'date': time.strftime('%Y-%m-%d')}


def save_result(path, p, arrays, **more):
    """One .npz of `arrays` with a JSON string `meta` (provenance and `more`), written atomically. Returns the path."""
    meta = json.dumps(provenance(p) | more)
    return write_atomically(path, lambda file: np.savez(file, meta=np.array(meta), **arrays))


def load_npz(path, what):
    """(meta, dict of arrays) of a file written by this project; ValueError for a damaged or foreign file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays.pop('meta')))
        if not set(NEEDED.get(what, ())) <= set(dict(meta)) or not set(meta.get('names', ())) <= set(arrays):
            raise KeyError('it was not written by this project')
        return meta, arrays
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        own = Path(path).is_file() and Path(path).resolve().is_relative_to(RESULTS.resolve())
        advice = '; delete it and run again' if own else ''
        raise ValueError(f'{path} is not a readable {what} ({type(error).__name__}){advice}') from error


def is_complete(path, what='result'):
    """True if a whole file of this kind lies at `path`; a damaged or foreign one counts as missing (it is computed again)."""
    try:
        with zipfile.ZipFile(path) as file, np.load(path, allow_pickle=False) as arrays:
            meta = dict(json.loads(str(arrays['meta'])))
            return file.testzip() is None and set(NEEDED.get(what, ())) <= set(meta)
    except UNREADABLE:
        return False


def demand_writable(folder):
    """Raise OSError, before anything is computed, if nothing can be written into this folder (which is made)."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f'cannot write into {folder}: {error.strerror or error}') from error


def load_result(p):
    """(meta, arrays) of the finished run with parameters p; FileNotFoundError says which command makes it."""
    path = result_path(p)
    if not path.exists():
        raise FileNotFoundError(f'{path} is missing; make it with: {command(p)}')
    meta, arrays = load_npz(path, 'result')
    theirs, ours = (json.loads(json.dumps(params)) for params in (meta['params'], dataclasses.asdict(p)))   # tuples as lists
    other = [name for name in ours if theirs.get(name) != ours[name]]
    if other:
        raise ValueError(f'{path} holds another run ({", ".join(f"{name}={theirs.get(name)!r}" for name in other)}); make this '
                         f'one with: {command(p)}')
    return meta, arrays


def blown_up(arrays, weights=()):
    """Name of the first of the arrays final_* (and of those called `weights`) that is not finite or beyond HUGE, or None."""
    for name, value in arrays.items():
        value = np.asarray(value)
        if (name.startswith('final_') or name in weights) and value.dtype.kind == 'f' and not (np.abs(value) < HUGE).all():
            return name.removeprefix('final_')
    return None


def code_of(package):
    """The folder's simulation module."""
    return importlib.import_module(f'{package}.simulation')
