"""What the papers claim (claims.toml), judged by the rows that decide it: holds, holds with a limit, not shown, not tested."""
import fnmatch
import math
import tomllib
from collections import namedtuple
from pathlib import Path

from scipy import stats

from reproduction.evidence import LEVEL

HERE = Path(__file__).parent
HOLDS, LIMITED, NOT_SHOWN, NOT_YET, NOT_TESTED = (
    'holds', 'holds with a limit', 'not shown', 'not tested here (yet)', 'not tested here')
VERDICTS = (HOLDS, LIMITED, NOT_SHOWN, NOT_YET, NOT_TESTED)

# limits: texts; shown: a list of rows for each entry that decides, limits or goes with the claim; rules: its condition in words
Judged = namedtuple('Judged', 'folder words source verdict limits shown rules')


def read(name):
    """The content of papers.toml, claims.toml or findings.toml: {folder: ...}."""
    return tomllib.loads((HERE / f'{name}.toml').read_text(encoding='utf-8'))


def find(rows, wanted):
    """The rows (of one folder) that {'quantity', 'figure', 'setting'} names: a * in the quantity stands for anything, figure is
    the name of a figure or a mode, or left out; setting is 'default' unless named."""
    def fits(row):
        quantity = wanted['quantity']
        same = fnmatch.fnmatchcase(row['quantity'], quantity) if '*' in quantity else row['quantity'] == quantity
        return (same and wanted.get('figure') in (None, row['figure'], row['mode'])
                and row['setting'] == wanted.get('setting', 'default'))
    return [row for row in rows if fits(row)]


def ends(row):
    """95 % interval of a finished row; of a mean without one from its standard error (Student's t); else (ours, ours)."""
    if row.get('interval'):
        return tuple(row['interval'])
    if row['sem'] is None or row['n'] < 2 or row.get('median'):
        return row['ours'], row['ours']
    half = stats.t.ppf((1 + LEVEL) / 2, row['n'] - 1) * row['sem']
    return row['ours'] - half, row['ours'] + half


def satisfies(row, condition):
    """True if a finished row is 'in its band', or its whole interval 'above X' or 'below X'; 'not above X': that it is not."""
    if row['ours'] is None:
        return False
    if condition == 'in its band':
        return row['verdict'] == 'pass'
    *negated, side, limit = condition.split()
    low, high = ends(row)
    if side not in ('above', 'below') or negated not in ([], ['not']) or not math.isfinite(float(limit)):
        raise ValueError(f'{condition!r}: choose "in its band", "above X", "below X", "not above X" or "not below X"')
    return bool(low > float(limit) if side == 'above' else high < float(limit)) != bool(negated)


def complete(found, wanted):
    """True if the rows that an entry of claims.toml names are all there: one, or as many as its `rows` says."""
    return len(found) == wanted.get('rows', 1)


def shown_rows(folder, claim, rows):
    """(lists of rows, their rules in words) of all entries of a claim; a row that two of them name is shown once, with both."""
    shown, rules = [], []
    for name, rule in (('decides', 'needs: {is}'), ('limits', 'a limit if {is}'), ('also', '')):
        for one in claim.get(name, ()):
            found, text = named(folder, one, rows), rule.format_map(one)
            for i, some in enumerate(shown):
                if text and all(row in found for row in some) and text not in rules[i]:
                    rules[i] = f'{rules[i]}; {text}'.removeprefix('; ')
            found = [row for row in found if not any(row in some for some in shown)]
            if found:
                shown.append(found)
                rules.append(text)
    return shown, rules


def named(folder, wanted, rows):
    """The rows that an entry of a claim names: those of its folder, unless it names another."""
    return find([row for row in rows if row['folder'] == wanted.get('folder', folder)], wanted)


def judge(folder, claim, rows):
    """One claim of claims.toml against the finished rows of all folders. -> Judged. A limit whose rows are missing, or have no
    number, is no reason to call the claim unlimited: it stands there as not measured."""
    def judged(verdict, limits=()):
        return Judged(folder, claim['words'], claim['source'], verdict, list(limits), *shown_rows(folder, claim, rows))
    if 'decides' not in claim:
        return judged(NOT_TESTED, [claim['why']])
    decided = [(named(folder, one, rows), one) for one in claim['decides']]
    if not all(complete(found, one) for found, one in decided):
        return judged(NOT_YET)
    if not all(satisfies(row, one['is']) for found, one in decided for row in found):
        return judged(NOT_SHOWN)
    limits = []
    for one in claim.get('limits', ()):
        found = named(folder, one, rows)
        if not complete(found, one) or any(row['ours'] is None for row in found):
            limits.append(f'not measured in these runs: {one["words"]}')
        elif all(satisfies(row, one['is']) for row in found):
            limits.append(one['words'])
    if any(row['n'] == 1 and 'legacy' not in row['setting'] for found, _ in decided for row in found):
        limits.append('one run')
    return judged(LIMITED if limits else HOLDS, limits)


def all_claims(rows):
    """Every claim of claims.toml, judged. rows: finished rows of all folders."""
    return [judge(folder, claim, rows) for folder, claims in read('claims').items() for claim in claims]
