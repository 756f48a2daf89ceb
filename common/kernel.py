"""Compiled kernels: numba.njit with a cache that notices an edit in any file that a kernel needs."""
import ast
import functools
import hashlib
import sys
import time
from pathlib import Path

import numba

from common import ROOT

NO_RESULT = ('__init__', 'exp_params', 'checks', 'plot_', 'experiments', 'equations', 'walkthrough',
             'classify', 'evaluate', 'runner', 'params_file', 'train_', 'entry')    # decide no result
CACHE = ROOT / 'data' / 'cache' / 'numba'
_TEXTS = {}                             # path: (time and size of the file, its code as text)
_KERNELS = {}                           # package: {(module, name): (function, inline, dispatcher)}


def parsed(code):
    """ast.parse(code), tried again: Python 3.11 raises SystemError if another thread parses something at the same time."""
    for _ in range(20):
        try:
            return ast.parse(code)
        except SystemError:
            time.sleep(0.01)
    return ast.parse(code)


def plain_code(path):
    """The code of a Python file without comments, docstrings and layout; read again when the file has changed."""
    stat = path.stat()
    stamp = stat.st_mtime_ns, stat.st_size
    if _TEXTS.get(path, (None,))[0] != stamp:
        tree = parsed(path.read_text(encoding='utf-8'))
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        _TEXTS[path] = stamp, ast.unparse(tree)
    return _TEXTS[path][1]


def source_digest(package, names=None):
    """SHA-256 over the code that decides a result: a folder's model, data and simulation files, or those called `names`."""
    files = sorted((ROOT / package).glob('*.py'))
    chosen = [f for f in files if (not f.name.startswith(NO_RESULT) if names is None else f.stem in names)]
    return hashlib.sha256('\n'.join(f'{f.name}\n{plain_code(f)}' for f in chosen).encode()).hexdigest()


def kernel(function=None, inline=False):
    """numba.njit with a cache on disk that notices an edit in any file that the kernel needs (numba's own looks at one file).

    inline=True for the pieces of a kernel: compiled into their caller, and without numba's reference counting, which costs
    more than a small network's arithmetic. They must not allocate arrays or take rows (x[l, i], not x[l][i]).
    """
    if function is None:
        return functools.partial(kernel, inline=inline)
    package = Path(function.__code__.co_filename).parent.name
    made = compiled(package, function, inline)
    if '<locals>' not in function.__qualname__:
        others, place = _KERNELS.setdefault(package, {}), (function.__module__, function.__qualname__)
        known = others.get(place)
        others[place] = function, inline, made
        if known:
            reload_all(package, known[2], made)
    return made


@functools.cache
def imported(code, package):
    """Names of the modules of a folder that this code of one of them imports."""
    found = set()
    for node in ast.walk(parsed(code)):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            found |= {alias.name for alias in node.names}
        elif isinstance(node, (ast.ImportFrom, ast.Import)):
            names = [node.module or ''] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found |= {name.split('.')[1] for name in names if name.startswith(f'{package}.')}
    return found


def needed(package, name):
    """Names of the modules of a folder on whose code a kernel of one of them can depend: itself, what it imports, and so on."""
    found, todo = set(), {name}
    while todo:
        found |= todo
        paths = [ROOT / package / f'{one}.py' for one in todo]
        todo = {one for path in paths for one in imported(plain_code(path), package)} - found
        todo = {one for one in todo if (ROOT / package / f'{one}.py').exists() and not one.startswith(NO_RESULT)}
    return found


def cache_of(package, name):
    """Where the compiled kernels of one module of a folder lie: another place when its code changes, or that of a module which
    it needs."""
    names = needed(package, name) if (ROOT / package / f'{name}.py').exists() else None
    return CACHE / package / f'{name}-{source_digest(package, names)[:10]}'


def is_compiled(package):
    """True if kernels of a folder's present code were compiled before (a place in the cache is made when they are defined)."""
    return any(place == cache_of(package, place.name.rpartition('-')[0]) and any(place.rglob('*.nbc'))
               for place in (CACHE / package).glob('*'))


def compiled(package, function, inline):
    """The dispatcher of one function, cached under the present code that it can depend on."""
    place = cache_of(package, Path(function.__code__.co_filename).stem)
    numba.config.CACHE_DIR = str(place)                      # numba looks once, when the function is decorated
    try:
        return numba.njit(cache=True, forceinline=inline, _nrt=not inline, no_cfunc_wrapper=True)(function)
    finally:
        numba.config.CACHE_DIR = str(CACHE / 'libraries')    # kernels of others (librosa's) outlive an edit of a folder


def reload_all(package, old, new):
    """A kernel was defined again (a live session reloaded one edited file): kernels of the folder's other files that call it
    are made anew too, and every module of the folder gets the new ones; else they would go on with the old code."""
    swaps = {id(old): new}
    for place, (function, inline, made) in _KERNELS[package].items():
        if made is not new and id(made) not in swaps:
            again = compiled(package, function, inline)
            swaps[id(made)] = again
            _KERNELS[package][place] = function, inline, again
    for name, module in list(sys.modules.items()):
        if name.split('.')[0] == package:
            for word, value in list(vars(module).items()):
                if id(value) in swaps:
                    setattr(module, word, swaps[id(value)])
