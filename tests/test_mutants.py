"""The list of the mutation check (mutants.txt) fits the code and the tests that it names."""
import re

import mutants

from common import ROOT


def test_every_defect_of_the_mutation_check_can_be_put_in():
    """tests/mutants.txt names text that stands in its file exactly once: code that was rewritten takes its defects with it."""
    listed = mutants.mutants(mutants.DEFECTS.read_text())
    cases = ' '.join(path.name for path in (ROOT / 'tests' / 'reference').rglob('*.npz'))      # replay tests bear these names
    assert len(listed) > 150
    for mutant in listed:
        assert (ROOT / mutant.file).read_text().count(mutant.old) == 1, (mutant.number, mutant.file, mutant.old)
        files, _, words = mutant.tests.partition(' -k ')
        texts = cases + files + ''.join((ROOT / file).read_text() for file in files.split() if file.endswith('.py'))
        missing = [word for word in re.findall(r'\w+', words) if word not in ('or', 'and', 'not') and word not in texts]
        assert not missing, f'defect {mutant.number}: no test of {files} is called {missing}'
