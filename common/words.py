"""The command line of every script: its words, the members of a sweep, the command that repeats a run, help."""
import ast
import dataclasses
import importlib
import io
import shlex
import sys
import tokenize
import warnings
from pathlib import Path

from common.params import checks_of, demand, load_params, sweep_of


def live():
    """True in an interactive session (IPython, Jupyter, Spyder, python -i)."""
    shell = sys.modules.get('IPython')
    return hasattr(sys, 'ps1') or (shell is not None and shell.get_ipython() is not None)


def command_words(package):
    """The words behind the name of the running script; in a live session only if it runs a file of the folder (%run), for the
    session's own words are not ours."""
    script = Path(sys.argv[0]).resolve()
    ours = script.suffix == '.py' and script.parent.name in (package, 'convert_network')
    return list(sys.argv[1:]) if ours or not live() else []


def split_words(words):
    """[(name, value), ...] of the words name=value; ValueError for a name that stands twice."""
    pairs = [tuple(part.strip() for part in w.split('=', 1)) for w in words if '=' in w]
    names = [name for name, _ in pairs]
    for name in names:
        demand(names.count(name) == 1, f'{name} is given twice')
    return pairs


def apart(words, *names):
    """Take the words name=... out of a command line. -> (the other words, {name: text or None}); no text may be empty."""
    found = dict(split_words([w for w in words if w.split('=')[0].strip() in names]))
    for name, value in found.items():
        demand(value, f'{name}= is empty: give it a value or leave it out')
    rest = [w for w in words if w.split('=')[0].strip() not in names]
    return rest, {name: found.get(name) for name in names}


def load_members(module, *words, **given):
    """The runs that these words ask for: all members of the sweep for array_num=0, else one. -> list of Params

    A member that the original listed but that cannot run is left out and named on stderr.
    """
    asked = dict(split_words(words)) | {k: str(v) for k, v in given.items()}
    if asked.get('array_num', '1') not in ('0', '0.0'):
        p = load_params(module, *words, **given)
        if getattr(p, 'array_num', 1) > 1 and number_of_members(module, p) == 1:
            raise ValueError(f'mode={p.mode} has no sweep: array_num must be 1, not {p.array_num} (another seed: seed=...)')
        return [p]
    rest = [w for w in words if w.split('=')[0].strip() != 'array_num']
    given = {k: v for k, v in given.items() if k != 'array_num'}
    first = load_params(module, *rest, **given)
    sweep = sweep_of(module, first.mode, getattr(first, 'released_code', False))
    fixed = sorted({name for member in sweep for name in member} & asked.keys())
    refusal = f'{", ".join(fixed)}: the sweep of mode={first.mode} varies it; its members would be equal'
    demand(not any(member and member.keys() <= asked.keys() for member in sweep), refusal)
    members = []
    for number in range(1, number_of_members(module, first) + 1):
        try:
            members.append(load_params(module, *rest, **given, array_num=number))
        except ValueError as error:
            print(f'member {number} is left out: {error}', file=sys.stderr)
    alike = len({dataclasses.replace(p, array_num=1) for p in members}) < len(members)
    demand(not (alike and fixed), refusal)
    return members


def number_of_members(module, p):
    """Members of the sweep, or numbered seeds, of p's mode; 1 if it has none."""
    return len(sweep_of(module, p.mode, getattr(p, 'released_code', False))) or getattr(module, 'N_SEEDS', {}).get(p.mode, 1)


def command(p):
    """The command line that repeats run p, as a shell takes it."""
    package = type(p).__module__.split('.')[0]
    module = importlib.import_module(f'{package}.exp_params')
    words = {'mode': p.mode} | ({'array_num': p.array_num} if p.array_num != 1 else {})
    words |= {'released_code': True} if getattr(p, 'released_code', False) else {}
    with warnings.catch_warnings(action='ignore'):
        plain = load_params(module, **words)
    words |= {f.name: getattr(p, f.name) for f in dataclasses.fields(p) if getattr(p, f.name) != getattr(plain, f.name)}
    texts = {k: v if isinstance(v, str) else str(v).replace(' ', '') for k, v in words.items()}
    return shlex.join(['python', '-m', f'{package}.simulation', *(f'{k}={v}' for k, v in texts.items())])


# ---------------------------------------------------------------- help

def comments(source):
    """{line number: text of the comment that ends the line} of a Python file's source."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = [t for t in tokens if t.type == tokenize.COMMENT and not t.line.lstrip().startswith('#')]
    return {t.start[0]: t.string.lstrip('# ') for t in found}


def described(module):
    """({mode: comment}, {parameter: comment}) as they stand in exp_params.py."""
    source = Path(module.__file__).read_text(encoding='utf-8')
    notes, modes, parameters = comments(source), {}, {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in module.MODES:
                    modes.setdefault(key.value, notes.get(value.end_lineno, ''))
        if isinstance(node, ast.ClassDef) and node.name == 'Params':
            fields = [f for f in node.body if isinstance(f, ast.AnnAssign)]
            parameters = {f.target.id: notes.get(f.end_lineno, '') for f in fields}
    return {name: modes.get(name, '') for name in module.MODES}, parameters


def help_text(module, script, more=''):
    """What -h prints: modes and parameters with their comments, from exp_params.py and checks.py."""
    modes, parameters = described(module)
    acts = {name: words for names, words, _ in getattr(checks_of(module), 'USED', ()) for name in names.split()}
    defaults = {f.name: f.default for f in dataclasses.fields(module.Params)}
    with warnings.catch_warnings(action='ignore'):
        first = load_params(module, mode=next(iter(module.MODES)))         # None: what the mode fills in
    defaults |= {name: getattr(first, name) for name, value in defaults.items() if value is None}
    lines = [f'python -m {script} [mode=...] [name=value ...]    or edit exp_params.py and run the file', more, '',
             f'modes (now: {module.mode}):', *(f'  {name:24} {text}'.rstrip() for name, text in modes.items()), '',
             'parameters (value of the first mode; where nothing is said it acts in every run):']
    for name, text in parameters.items():
        when = f' [only {acts[name]}]' if name in acts else ''
        lines.append(f'  {f"{name}={defaults[name]}":32} {" ".join(text.split())}{when}'.rstrip())
    return '\n'.join(lines)
