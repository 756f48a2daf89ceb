"""Compiled kernels: numba.njit with a cache that notices an edit in any file of a folder."""
import ast
import functools
import hashlib
import sys
from pathlib import Path

import numba

from common import ROOT

NO_RESULT = ('__init__', 'exp_params', 'checks', 'plot_', 'experiments', 'equations', 'walkthrough',
             'classify', 'evaluate', 'runner', 'params_file', 'train_', 'entry')    # decide no result
CACHE = ROOT / 'data' / 'cache' / 'numba'
_TEXTS = {}                             # path: (time and size of the file, its code as text)
_KERNELS = {}                           # package: {(module, name): (function, inline, dispatcher)}


def plain_code(path):
    """The code of a Python file without comments, docstrings and layout; read again when the file has changed."""
    stat = path.stat()
    stamp = stat.st_mtime_ns, stat.st_size
    if _TEXTS.get(path, (None,))[0] != stamp:
        tree = ast.parse(path.read_text(encoding='utf-8'))
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
    """numba.njit with a cache on disk that notices an edit in any file of the folder (numba's own looks at one file).

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


def cache_of(package):
    """Where the compiled kernels of a folder's present code lie."""
    return CACHE / f'{package}-{source_digest(package)[:10]}'


def is_compiled(package):
    """True if kernels of a folder's present code were compiled before (a folder of the cache is made when they are defined)."""
    return any(cache_of(package).rglob('*.nbc'))


def compiled(package, function, inline):
    """The dispatcher of one function, cached under the folder's present code."""
    numba.config.CACHE_DIR = str(cache_of(package))          # numba looks once, when the function is decorated
    try:
        return numba.njit(cache=True, forceinline=inline, _nrt=not inline)(function)
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
