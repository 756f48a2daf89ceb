"""biohsic: the examples of the README run as they stand there."""
import re
import subprocess
import sys

import pytest

from common import ROOT

BLOCKS = re.findall(r'```python\n(.*?)```', (ROOT / 'biohsic' / 'README.md').read_text(encoding='utf-8'), re.S)


@pytest.mark.parametrize('number', range(len(BLOCKS)))
def test_example(number):
    done = subprocess.run([sys.executable, '-c', BLOCKS[number]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


def test_there_are_examples():
    assert len(BLOCKS) >= 4
