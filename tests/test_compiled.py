"""Compiled kernels: what is compiled again after an edit, and in which order workers compile."""
from common import kernel, running


def test_folders_that_are_not_compiled_yet_go_ahead_in_turn(monkeypatch):
    """Two workers then compile different folders side by side, and every mode of a folder before its second run."""
    monkeypatch.setattr(running, 'is_compiled', lambda folder: folder == 'biohsic')
    sizes = {'a': 1.0, 'b': 9.0, 'c': 5.0, 'd': 2.0, 'e': 7.0, 'f': 3.0}
    monkeypatch.setattr(running, 'size', lambda p: sizes[p.name])

    def member(name, folder, mode):
        return type('Params', (), {'__module__': f'{folder}.exp_params', 'name': name, 'mode': mode})()
    members = [member('a', 'impression_learning', 'standard'), member('b', 'biohsic', 'lif_xor'),
               member('c', 'impression_learning', 'SNR'), member('d', 'microcircuits', 'fig3_weak'),
               member('e', 'microcircuits', 'fig3_weak'), member('f', 'impression_learning', 'SNR')]
    assert ''.join(p.name for p in running.in_order(members)) == 'ceabfd'
    monkeypatch.setattr(running, 'is_compiled', lambda folder: True)
    assert ''.join(p.name for p in running.in_order(members)) == 'becfda'


def test_an_edit_touches_the_compiled_code_of_what_needs_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(kernel, 'ROOT', tmp_path)
    (tmp_path / 'toy').mkdir()
    for name, text in {'leaf': 'a = 1', 'rule': 'from toy.leaf import (\n    a,\n)', 'loop': 'from toy import rule, exp_params',
                       'other': 'import toy.leaf', 'exp_params': 'from toy import loop'}.items():
        (tmp_path / 'toy' / f'{name}.py').write_text(text)
    assert kernel.needed('toy', 'loop') == {'loop', 'rule', 'leaf'}            # parameters decide no compiled code
    for edited, moved in (('rule', ['rule', 'loop']), ('leaf', ['leaf', 'rule', 'loop', 'other']), ('exp_params', [])):
        before = {name: kernel.cache_of('toy', name) for name in ('leaf', 'rule', 'loop', 'other')}
        path = tmp_path / 'toy' / f'{edited}.py'
        path.write_text(path.read_text() + '\nb = 2')
        assert [name for name in before if kernel.cache_of('toy', name) != before[name]] == moved
        after = kernel.cache_of('toy', 'loop')
        path.write_text(path.read_text() + '    # a comment\n')
        assert kernel.cache_of('toy', 'loop') == after


def test_compiled_code_of_a_library_outlives_an_edit_of_a_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(kernel.numba.config, 'CACHE_DIR', '')           # put back afterwards
    monkeypatch.setattr(kernel, 'CACHE', tmp_path)

    def added(x):
        return x + 1
    monkeypatch.setattr(kernel, 'ROOT', tmp_path)
    (tmp_path / 'impression_learning').mkdir()
    (tmp_path / 'impression_learning' / f'{__name__.rpartition(".")[2]}.py').write_text('x = 1')
    kernel.compiled('impression_learning', added, False)(1)
    assert kernel.is_compiled('impression_learning') and not kernel.is_compiled('biohsic')
    assert kernel.numba.config.CACHE_DIR == str(tmp_path / 'libraries')


def test_code_is_parsed_again_if_another_thread_came_between(monkeypatch):
    answers = [SystemError('AST constructor recursion depth mismatch'), 'tree']

    def parse(code):
        answer = answers.pop(0)
        if isinstance(answer, SystemError):
            raise answer
        return answer, code
    monkeypatch.setattr(kernel.ast, 'parse', parse)
    assert kernel.parsed('x = 1') == ('tree', 'x = 1') and answers == []
