"""Values of parameters: text of the command line, or Python values, as the type that a field declares."""
import ast
import math
import types

import numpy as np


def kinds_of(kind):
    """The types that an annotation allows: (int, NoneType) for int | None."""
    return kind.__args__ if isinstance(kind, types.UnionType) else (kind,)


def fits(kind, value):
    """True if `value` is of the annotated type as it stands; a whole number is a float too, a bool is no number."""
    return type(value) in kinds_of(kind) or (type(value) is int and float in kinds_of(kind))


def wanted(name, kind, value):
    """What is wrong with a value of another type."""
    return f'{name} takes {" or ".join(getattr(k, "__name__", str(k)) for k in kinds_of(kind))}, not {value!r}'


def convert(name, kind, value):
    """`value` (text from the command line, or a Python value) as the annotated type `kind`; ValueError if it is none."""
    kinds = kinds_of(kind)
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
    if value is None and type(None) in kinds:
        return None
    if type(value) not in kinds or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(wanted(name, kind, value))
    return 0.0 if isinstance(value, float) and value == 0 else value          # -0.0 has a sign that some functions mind
