"""What all tests share: subprocesses import this clone, a results folder of a test's own, the same random cases in every CI run
(elsewhere hypothesis looks for new ones)."""
import os

import hypothesis
import pytest

from common import ROOT

os.environ['PYTHONPATH'] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])

hypothesis.settings.register_profile('ci', derandomize=True, deadline=None)
if os.environ.get('CI'):
    hypothesis.settings.load_profile('ci')


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A results folder of this test's own, here and in subprocesses."""
    monkeypatch.setattr('common.results.RESULTS', tmp_path)
    monkeypatch.setenv('PLASTICITY_RESULTS', str(tmp_path))
    return tmp_path
