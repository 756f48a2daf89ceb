"""Parameters: a frozen dataclass, modes, name=value words, and the limits that a folder's checks.py declares.

A folder's exp_params.py holds `mode`, `Params`, `MODES` and, where they exist, `SWEEPS`, `RELEASED`, `RELEASED_SWEEPS`,
`ALIASES`, `N_SEEDS`, `FORMER` ({an original's word: what to write instead}), `BRINGS` ({parameter: {value: what comes with
it unless the mode says otherwise}}). Its checks.py holds:

    check(p)        raise ValueError for the first mistake in p (with within, one_of, require); called by Params itself
    remarks(p)      list of texts: allowed, but perhaps not what was meant
    USED            [(names, words, when), ...]: parameters (one text, blanks between) that act only if when(p); words say when
    WEIGHTS         names of result arrays, beside final_*, that mean a divergence when they blow up
    memory(p)       bytes that a run needs at its peak, about
    inputs(p)       paths of the files that a run reads
    built_on(p)     [(other folder, names of its files, or None for its model code), ...] that decide a run's result too
"""
import dataclasses
import difflib
import importlib
import math
import warnings

from common.data import demand_place
from common.values import convert, fits, wanted

PATHS = ('_dir', '_file', 'recordings')            # endings of parameters that name a file or folder


class Remark(UserWarning):
    """Something allowed that does nothing, or perhaps not what was meant."""


def demand(true, message):
    """Raise ValueError(message) unless true."""
    if not true:
        raise ValueError(message)


def nearest(kind, word, known):
    """Raise ValueError naming the nearest known word, unless `word` is known."""
    if word not in known:
        near = difflib.get_close_matches(str(word), [str(k) for k in known], 1)
        hint = f'did you mean {near[0]}?' if near else 'allowed: ' + ', '.join(sorted(map(str, known)))
        raise ValueError(f'unknown {kind} {word!r}; {hint}')


def demand_types(p):
    """Raise ValueError unless every parameter has the type that its field declares (Params made or changed in Python)."""
    for f in dataclasses.fields(p):
        demand(fits(f.type, getattr(p, f.name)), wanted(f.name, f.type, getattr(p, f.name)))


def is_number(value, limit=math.inf):
    """True for a finite int or float (a bool is none) of at most this size."""
    return type(value) in (int, float) and abs(value) <= limit and abs(value) != math.inf


def within(p, names, low, high, why=''):
    """Each of the parameters `names` (one text, blanks between) lies in low .. high; None: no limit on that side."""
    for name in names.split():
        value = getattr(p, name)
        allowed = f'from {low:g} on' if high is None else f'up to {high:g}' if low is None else f'{low:g} .. {high:g}'
        good = is_number(value) and (low is None or value >= low) and (high is None or value <= high)
        demand(good, f'{name} = {value!r}: allowed is {allowed}' + (f' ({why})' if why else ''))


def require(p, names, true, why):
    """The parameters `names` (one text, blanks between) fit: `true`; else a ValueError with their values and `why`."""
    demand(true, ', '.join(f'{name} = {getattr(p, name)!r}' for name in names.split()) + f': {why}')


def one_of(p, name, choices, why=''):
    """The parameter is one of these values."""
    value = getattr(p, name)
    near = difflib.get_close_matches(str(value), [str(c) for c in choices], 1)
    hint = f'did you mean {near[0]}? ' if near and value not in choices else ''
    allowed = ', '.join(map(str, choices)) + (f' ({why})' if why else '')
    demand(value in choices, f'{name} = {value!r}: {hint}choose from {allowed}')


def checks_of(p_or_module):
    """The folder's checks module, of its Params or its exp_params module."""
    name = getattr(p_or_module, '__name__', None) or type(p_or_module).__module__
    return importlib.import_module(f'{name.split(".")[0]}.checks')


def unused(p):
    """{parameter: when it acts, in words} of those that do nothing in run p."""
    return {name: words for names, words, when in getattr(checks_of(p), 'USED', ()) if not when(p) for name in names.split()}


def sweep_of(module, mode, released):
    """The members (dicts of what differs) of a mode's sweep, [] if it has none."""
    sweeps = getattr(module, 'SWEEPS', {}) | (getattr(module, 'RELEASED_SWEEPS', {}) if released else {})
    return sweeps.get(mode, [])


def written(module, mode, values):
    """Values of parameters as exp_params.py holds them, its defaults included, each as the type of its field; ValueError in one
    line for what somebody who edited the file got wrong."""
    place, found = f'{module.__name__}, mode {mode}', {}
    known = {f.name: f for f in dataclasses.fields(module.Params)}
    demand(values.get('mode') == mode, f'{place}: mode = {values.get("mode")!r} cannot be set there; copy the values')
    for name in values:
        nearest(f'parameter in {place}:', name, known)
    for name, field in known.items():
        value = values[name] if name in values else field.default
        demand(value is not dataclasses.MISSING, f'{place}: {name} has no value; give it a default in Params')
        if not fits(field.type, value):
            try:
                value = convert(name, field.type, value)           # '5', 4e2, [1, 2]
            except ValueError as error:
                raise ValueError(f'{place}: {error}') from error
        found[name] = value
    return found


def load_params(module, *words, **given):
    """Parameters of one run: load_params(exp_params, 'mode=SNR', 'n_sample=1000') or (exp_params, mode='SNR').

    Later wins: defaults, MODES[mode], RELEASED (if released_code), the member `array_num` of the sweep, given values.
    Raises ValueError with one clear line for an unknown name, a wrong type or an impossible value; warns (Remark) of a given
    parameter that this run does not use.
    """
    known, aliases = {f.name: f for f in dataclasses.fields(module.Params)}, getattr(module, 'ALIASES', {})
    for word in words:
        if '=' not in str(word):
            raise ValueError(f'{word!r}: parameters are given as name=value, for example mode={module.mode}')
        name, value = word.split('=', 1)
        name = aliases.get(name.strip(), name.strip())
        demand(name not in given, f'{name} is given twice')
        given[name] = value.strip()
    mode = str(given.pop('mode', module.mode))
    nearest('mode', mode, module.MODES)
    demand(isinstance(module.MODES[mode], dict), f'{module.__name__}, mode {mode}: dict(parameter=value, ...), not '
           f'{module.MODES[mode]!r}')
    for name in given:
        former = getattr(module, 'FORMER', {}).get(name)
        demand(not former, f'{name} was a word of the original program: {former}')
        nearest('parameter', name, known)
    given = {name: convert(name, known[name].type, value) for name, value in given.items()}
    for name, value in given.items():
        if name.endswith(PATHS) and value:
            demand_place(name, value)
    chosen = {'mode': mode} | module.MODES[mode]
    for name, brings in getattr(module, 'BRINGS', {}).items():
        chosen = brings.get((chosen | given).get(name), {}) | chosen
    number = (chosen | given).get('array_num', known['array_num'].default)
    if (chosen | given).get('released_code', False):
        chosen |= getattr(module, 'RELEASED', {})
    members = sweep_of(module, mode, (chosen | given).get('released_code', False))
    if members and not 1 <= number <= len(members):
        raise ValueError(f'array_num must be 1..{len(members)} for {mode}, not {number}')
    try:
        p = module.Params(**(written(module, mode, chosen | (members[number - 1] if members else {})) | given))
    except ArithmeticError as error:
        raise ValueError(f'{", ".join(f"{k} = {v!r}" for k, v in given.items())}: beyond what can be computed with ({error})') \
            from error
    for name, when in unused(p).items():
        if name in given:
            warnings.warn(Remark(f'{name} does nothing in this run (mode={p.mode}): it acts only {when}'), stacklevel=2)
    if members and number > 1 and members[number - 1].keys() <= given.keys():
        chosen = ', '.join(members[number - 1])
        warnings.warn(Remark(f'array_num={number} does nothing in this run: {chosen}, which it chooses, is given too'),
                      stacklevel=2)
    for text in checks_of(p).remarks(p):
        warnings.warn(Remark(text), stacklevel=2)
    return p
