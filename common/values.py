"""Values of parameters: text of the command line, or Python values, as the type that a field declares."""
import ast
import math
import types

import numpy as np


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
    if value is None and type(None) in kinds:
        return None
    if type(value) not in kinds or (isinstance(value, float) and not math.isfinite(value)):
        wanted = ' or '.join(getattr(k, '__name__', str(k)) for k in kinds)
        raise ValueError(f'{name} takes {wanted}, not {value!r}')
    return value
