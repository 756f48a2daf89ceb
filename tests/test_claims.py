"""Claims are judged by rows: conditions, intervals, limits, completeness; every list names rows that exist."""
import re

import pytest
from row_cases import finished

from reproduction import claims, front
from reproduction.experiments import PAPERS, listed


@pytest.mark.parametrize('condition, ours, sem, expected', [
    ('above 0.5', 1.0, 0.1, True), ('above 0.8', 1.0, 0.1, False), ('below 1.5', 1.0, 0.1, True),
    ('below 1.2', 1.0, 0.1, False), ('not above 0.8', 1.0, 0.1, True), ('not below 1.5', 1.0, 0.1, False),
    ('above 1', 1.0, None, False), ('in its band', 1.0, 0.1, False)])
def test_a_condition_looks_at_the_whole_interval(condition, ours, sem, expected):
    """n = 10: the interval reaches 2.262 standard errors to either side (Student's t, 9 degrees of freedom)."""
    assert claims.satisfies(finished(ours, sem), condition) is expected
    assert claims.satisfies(finished(ours, sem, verdict='pass'), 'in its band')
    assert not claims.satisfies(finished(None, None), condition)


def test_intervals():
    assert claims.ends(finished()) == pytest.approx((1 - 0.1 * 2.262157, 1 + 0.1 * 2.262157), abs=1e-6)
    assert claims.ends(finished(interval=[0.5, 3.0])) == (0.5, 3.0) and claims.ends(finished(sem=None)) == (1.0, 1.0)
    assert claims.ends(finished(median=True)) == (1.0, 1.0)              # the standard error of a mean says nothing of a median


@pytest.mark.parametrize('condition', ['under 3', 'above', 'nearly above 1', 'above nan', ''])
def test_a_condition_that_says_nothing_is_refused(condition):
    with pytest.raises(ValueError):
        claims.satisfies(finished(), condition)


CLAIM = {'words': 'w', 'source': 's', 'decides': [{'figure': 'fig', 'quantity': 'q *', 'is': 'above 0', 'rows': 2}],
         'limits': [{'quantity': 'limit', 'is': 'below 0', 'words': 'but'}], 'also': [{'quantity': 'more'}]}
BOTH, UNLIMITED = [finished(quantity='q 1'), finished(quantity='q 2')], finished(quantity='limit')


@pytest.mark.parametrize('rows, verdict, limits', [
    ([], claims.NOT_YET, []),
    ([*BOTH, UNLIMITED], claims.HOLDS, []),
    ([BOTH[0], UNLIMITED], claims.NOT_YET, []),                                      # one of two is not all
    ([BOTH[0], finished(-1.0, quantity='q 2'), UNLIMITED], claims.NOT_SHOWN, []),
    ([BOTH[0], finished(0.1, quantity='q 2'), UNLIMITED], claims.NOT_SHOWN, []),
    ([*BOTH, finished(-1.0, quantity='limit')], claims.LIMITED, ['but']),
    ([*BOTH, finished(0.0, quantity='limit')], claims.HOLDS, []),
    (BOTH, claims.LIMITED, ['not measured in these runs: but']),                     # a limit that is unknown is one
    ([*BOTH, finished(None, None, quantity='limit')], claims.LIMITED, ['not measured in these runs: but']),
    ([BOTH[0], finished(quantity='q 2', n=1, sem=None), UNLIMITED], claims.LIMITED, ['one run']),
    ([BOTH[0], finished(quantity='q 2', setting='released+legacy')], claims.NOT_YET, []),
    ([BOTH[0], finished(quantity='q 2', folder='g'), UNLIMITED], claims.NOT_YET, []),
    ([BOTH[0], finished(quantity='q 2', figure='other')], claims.NOT_YET, [])])
def test_verdicts(rows, verdict, limits):
    judged = claims.judge('f', CLAIM, rows)
    assert (judged.verdict, judged.limits) == (verdict, limits)


def test_a_row_is_shown_once_with_the_rule_that_it_must_satisfy():
    also = [{'figure': 'fig', 'quantity': 'q 1'}, {'quantity': 'more'}]
    judged = claims.judge('f', CLAIM | {'also': also}, [finished(quantity=name) for name in ('q 1', 'limit', 'more')])
    twice = CLAIM['decides'] + [{'quantity': 'q 1', 'is': 'below 5'}]
    assert claims.judge('f', CLAIM | {'decides': twice}, BOTH[:1]).rules == ['needs: above 0; needs: below 5']
    assert [[row['quantity'] for row in rows] for rows in judged.shown] == [['q 1'], ['limit'], ['more']]
    assert judged.rules == ['needs: above 0', 'a limit if below 0', '']
    assert [line.partition('n = 10')[2] for line in front.effect(judged).split('<br>')] == [
        ' (needs: above 0)', ' (a limit if below 0)', '']


def test_a_claim_without_rows_says_why():
    judged = claims.judge('f', {'words': 'w', 'source': 's', 'why': 'no program'}, [finished()])
    assert (judged.verdict, judged.limits, judged.shown) == (claims.NOT_TESTED, ['no program'], [])


def looked_up():
    """(where, folder, what is looked up) of every row that the lists of claims, papers and findings name."""
    for folder, some in claims.read('claims').items():
        for claim in some:
            for name in ('decides', 'limits', 'also'):
                yield from ((claim['words'], wanted.get('folder', folder), wanted) for wanted in claim.get(name, ()))
    for folder, paper in claims.read('papers').items():
        yield from ((paper['short'], folder, wanted) for wanted in paper['headline'])
    for one in claims.read('findings')['findings']:
        for quantity, figure in re.findall(r"\{\{ '([^{}]*)' \| \w+(?:\('(\w+)'\))? \}\}", one['words']):
            yield one['words'][:40], one['folder'], {'quantity': quantity, 'figure': figure or one['figure'],
                                                     'setting': one.get('setting', 'default')}


def test_every_row_that_a_list_names_is_one_of_the_experiments():
    """A renamed row must not turn a claim into "not tested here (yet)" or drop a finding without a word."""
    known = {folder: [{'quantity': row['quantity'], 'figure': e['figure'], 'mode': e['mode'], 'setting': row['setting']}
                      for e in listed(folder, 'paper') for row in e['rows']] for folder in PAPERS}
    asked = list(looked_up())
    lost = [(where, wanted) for where, folder, wanted in asked
            if not claims.complete(claims.find(known[folder], wanted), wanted)]
    assert len(asked) > 100 and not lost, lost


def test_every_claim_says_what_it_must():
    for folder, some in claims.read('claims').items():
        for claim in some:
            assert claim['words'] and claim['source'] and ('decides' in claim) != ('why' in claim), claim
            entries = [one for name in ('decides', 'limits', 'also') for one in claim.get(name, ())]
            assert all(set(one) <= {'folder', 'figure', 'quantity', 'is', 'setting', 'words', 'rows'} for one in entries), claim
            assert all('is' in one for one in [*claim.get('decides', ()), *claim.get('limits', ())]), claim
        assert folder in PAPERS
