"""Mutation check: small plausible defects, put into a copy of the repository one at a time, must make the fast tests fail.

    python tests/mutants.py                       all of them (make mutants); exit code 1 if one survives
    python tests/mutants.py biohsic 12 --jobs 1   those whose file's name contains the word, or with the number
    python tests/mutants.py --write               all of them, and the list with its results into tests/README.md

The defects stand in mutants.txt: a line "file: words for pytest", then for each defect the right lines with "- " and the wrong
ones with "+ " before them; the right text must stand in the file exactly once. A defect is caught if a test fails; a file that
no longer compiles or cannot be collected, or tests without an answer in LIMIT seconds, do not count. Tests run with
NUMBA_DISABLE_JIT=1 (kernels as plain Python on tiny sizes, so that nothing is compiled anew) unless the words begin with
"compiled".
"""
import argparse
import os
import queue
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
README, DEFECTS = ROOT / 'tests' / 'README.md', ROOT / 'tests' / 'mutants.txt'
LIMIT = 300                             # seconds for one set of tests
CONFTEST = """from hypothesis import Phase, settings
settings.register_profile('mutants', phases=[Phase.explicit, Phase.generate], derandomize=True, database=None)
settings.load_profile('mutants')
"""                                     # of the copies: one failing example is enough, a simpler one is not looked for


class Mutant(NamedTuple):
    """A defect: `old` becomes `new` in `file`, which `tests` (words for pytest) must notice."""
    number: int
    file: str
    tests: str
    old: str
    new: str


def mutants(text):
    """All Mutants of the text of mutants.txt."""
    found, lines = [], {'-': [], '+': []}

    def finish():
        if lines['-']:
            found.append(Mutant(len(found) + 1, file, tests, '\n'.join(lines['-']), '\n'.join(lines['+'])))
        lines.update({'-': [], '+': []})

    for line in text.splitlines():
        if line.startswith('+ ') or line == '+':
            lines['+'].append(line[2:])
        elif line.startswith('- '):
            if lines['+']:
                finish()
            lines['-'].append(line[2:])
        else:
            finish()
            if line.strip() and not line.startswith('#'):
                file, tests = line.split(': ', 1)
    finish()
    return found


# ---------------------------------------------------------------- running

def copy_to(folder):
    """A copy of the repository's tracked files, as they are now, in a new folder."""
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        sys.exit('the mutation check copies what git knows: run it in a clone')
    for name in listed.stdout.split('\0'):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / 'conftest.py').write_text(CONFTEST, encoding='utf-8')
    return folder


def run(tests, folder):
    """Run tests in a copy. -> (name of the test that failed, or 'passed'; None) or (None, why there is no answer)"""
    words = shlex.split(tests)
    compiled = words[0] == 'compiled'
    changed = {'NUMBA_DISABLE_JIT': str(int(not compiled)), 'NUMBA_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1',
               'PLASTICITY_DATA': os.environ.get('PLASTICITY_DATA', str(ROOT / 'data'))}
    kept = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH' and not k.startswith('PLASTICITY_')}
    command = [sys.executable, '-m', 'pytest', *words[compiled:], '-x', '-q', '-m', 'not slow', '-p', 'no:cacheprovider']
    try:
        done = subprocess.run(command, cwd=folder, env=kept | changed, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return None, f'no answer in {LIMIT} s'
    if done.returncode == 0:
        return 'passed', None
    failed = re.search(r'^FAILED tests/(\S+)', done.stdout, re.M)
    uncompiled = re.search(r'\b(SyntaxError|IndentationError|TypingError|LoweringError)\b', done.stdout)
    if done.returncode != 1 or not failed or uncompiled:
        last = (done.stdout + done.stderr).strip().splitlines() or ['']
        return None, f'{last[-1][:150]} (exit code {done.returncode})'
    return failed[1].partition('[')[0], None


def check(mutant, folder):
    """Put a mutant into a copy, run its tests, take it out. -> (True if it is caught, what happened)"""
    path = folder / mutant.file
    text = path.read_text(encoding='utf-8') if path.is_file() else ''
    if text.count(mutant.old) != 1:
        return False, f'stands {text.count(mutant.old)} times in the file'
    times = path.stat().st_atime, path.stat().st_mtime
    path.write_text(text.replace(mutant.old, mutant.new), encoding='utf-8')
    os.utime(path, (times[0], times[1] + mutant.number))               # bytecode goes by the time: one for each text
    try:
        result, why = run(mutant.tests, folder)
    finally:
        path.write_text(text, encoding='utf-8')
        os.utime(path, times)
    if result in (None, 'passed'):
        return False, f'no verdict: {why}' if result is None else 'SURVIVED'
    return True, result


def check_all(wanted, jobs):
    """[(True if caught, what happened), ...] of the mutants; ends the program if tests fail without any."""
    copies = queue.Queue()

    def in_a_copy(function, word):
        folder = copies.get()
        try:
            return function(word, folder)
        finally:
            copies.put(folder)

    with tempfile.TemporaryDirectory() as base, ThreadPoolExecutor(jobs) as pool:
        for i in range(jobs):
            copies.put(copy_to(Path(base) / str(i)))
        sets = list(dict.fromkeys(m.tests for m in wanted))
        before = list(pool.map(lambda tests: in_a_copy(run, tests), sets))
        wrong = [f'{tests}: {result or why}' for tests, (result, why) in zip(sets, before, strict=True) if result != 'passed']
        if wrong:
            sys.exit('without any defect these tests do not pass:\n' + '\n'.join(wrong))
        print(f'{len(wanted)} defects; their {len(sets)} sets of tests pass without them', flush=True)
        found = []
        for m, (caught, what) in zip(wanted, pool.map(lambda m: in_a_copy(check, m), wanted), strict=True):
            found.append((caught, what))
            verdict = 'caught' if caught else 'MISSED'
            print(f'{m.number:3} {verdict} {m.file:32} {short(m.old)} -> {short(m.new)}: {what}', flush=True)
    return found


def short(text, width=50):
    """Text on one line."""
    text = ' '.join(text.split())
    return text if len(text) <= width else f'{text[:width - 1]}…'


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('words', nargs='*', help='parts of file names, or numbers')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='mutants at a time (default: one a core)')
    parser.add_argument('--write', action='store_true', help='write the list with its results to tests/README.md')
    given, start = parser.parse_args(), time.time()
    every = mutants(DEFECTS.read_text(encoding='utf-8'))
    wanted = [m for m in every if not given.words or any(w == str(m.number) or (not w.isdecimal() and w in m.file)
                                                         for w in given.words)]
    if given.write and given.words:
        parser.error('--write goes with all mutants')
    if not wanted:
        parser.error(f'no mutant is called {" or ".join(given.words)}')
    found = check_all(wanted, max(1, given.jobs))
    caught = sum(good for good, _ in found)
    print(f'{caught} of {len(wanted)} defects are caught ({time.time() - start:.0f} s)')
    if given.write:
        write(wanted, found)
    return int(caught < len(wanted))


# ---------------------------------------------------------------- the list in README.md

def code(text):
    """Text as code in a cell of a Markdown table."""
    return '`' + ' '.join(text.split()).replace('|', '\\|') + '`'


def write(wanted, found):
    """The list of mutants with what caught them, between the marks of tests/README.md."""
    rows = [f'| {m.number} | {m.file} | {code(m.old)} | {code(m.new)} | {what if caught else f"**{what}**"} |'
            for m, (caught, what) in zip(wanted, found, strict=True)]
    table = '\n'.join([f'{sum(good for good, _ in found)} of {len(rows)} are caught.', '',
                       '| | file | right | wrong | the test that fails |', '|---|---|---|---|---|', *rows])
    before, rest = README.read_text(encoding='utf-8').split('<!-- mutants -->\n')
    after = rest.split('<!-- /mutants -->')[1]
    README.write_text(f'{before}<!-- mutants -->\n{table}\n<!-- /mutants -->{after}', encoding='utf-8')


if __name__ == '__main__':
    sys.exit(main())
