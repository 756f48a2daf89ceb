"""Dendritic microcircuits: the walk-throughs run through, and what they say is true (their asserts)."""
import os
import subprocess
import sys

import pytest

from common import ROOT


@pytest.mark.parametrize('name', ['walkthrough', pytest.param('walkthrough_phased', marks=pytest.mark.slow)])
def test_walkthrough(name, tmp_path):
    """As a file, from elsewhere."""
    environment = os.environ | {'MPLBACKEND': 'Agg', 'PLASTICITY_RESULTS': str(tmp_path)}
    result = subprocess.run([sys.executable, ROOT / 'microcircuits' / f'{name}.py'], env=environment, cwd=tmp_path,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert 'cosine' in result.stdout and (ROOT / 'microcircuits' / f'{name}.ipynb').stat().st_size < 1_000_000
