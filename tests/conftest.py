"""What all tests share: subprocesses import this clone, and a results folder of a test's own."""
import os

import pytest

from common import ROOT

os.environ['PYTHONPATH'] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A results folder of this test's own, here and in subprocesses."""
    monkeypatch.setattr('common.results.RESULTS', tmp_path)
    monkeypatch.setenv('PLASTICITY_RESULTS', str(tmp_path))
    return tmp_path
