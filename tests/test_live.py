"""Scripts in a live session, a real IPython kernel: files run, cells run, edited modes and models, another's command line."""
import shutil

import pytest

from common import ROOT

jupyter_client = pytest.importorskip('jupyter_client')


@pytest.fixture(scope='module')
def copy(tmp_path_factory):
    """A copy of what impression_learning needs, to be edited."""
    place = tmp_path_factory.mktemp('copy')
    for name in ('impression_learning', 'common', 'reproduction'):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns('__pycache__', '*.ipynb'))
    shutil.copy(ROOT / 'plasticity.mplstyle', place)
    return place


@pytest.fixture
def kernel(copy, monkeypatch):
    """execute(code) -> what it printed, in one kernel whose working folder is the model's."""
    for name in ('PYTHONPATH', 'PLASTICITY_RESULTS', 'PLASTICITY_FIGURES'):
        monkeypatch.delenv(name, raising=False)
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name='python3', cwd=str(copy / 'impression_learning'))

    def execute(code):
        printed = []

        def hook(message):
            content = message['content']
            printed.append(content.get('text') or content.get('traceback') and '\n'.join(content['traceback']) or '')
        client.execute_interactive(code, output_hook=hook, timeout=300)
        return ''.join(printed)
    yield execute
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_run_edit_run_again(kernel, copy):
    """%run of the files after editing the mode, then a model file: new mode, new key, new weights."""
    kernel('import os; os.environ["NUMBA_DISABLE_JIT"] = "1"')           # a copy has no compiled kernels
    params, model = copy / 'impression_learning' / 'exp_params.py', copy / 'impression_learning' / 'model.py'
    edit(params, "mode = 'standard' ", "mode = 'smoke' ")
    first = kernel('%run simulation.py')
    assert 'mode=smoke' in first and 'saved' in first and 'Error' not in first, first
    drawn = kernel('%run plot_generator.py')
    assert 'fig_1_smoke.png' in drawn and 'Error' not in drawn, drawn
    edit(params, "mode = 'smoke' ", "mode = 'time_constant' ")
    assert 'mode=time_constant' in kernel('%run simulation.py scale=0.001')
    edit(params, "mode = 'time_constant' ", "mode = 'smoke' ")
    edit(model, 'import ', 'EDITED = 1\nimport ')
    again = kernel('%run simulation.py')
    assert 'saved' in again and again != first, again                    # another key: the model's file has changed


@pytest.mark.slow
def test_cells_and_another_programs_command_line(kernel):
    """Cells of the scripts run one after the other; the kernel's own words (-f ...) are not ours."""
    code = open(ROOT / 'impression_learning' / 'simulation.py').read()
    ran = kernel(code.replace("main('impression_learning')", "main('impression_learning', ['mode=smoke'])"))
    assert 'saved' in ran, ran
    assert "['-f'" in kernel('import sys; print(sys.argv[1:])') and 'Error' not in kernel(
        'from common.words import command_words; assert command_words("impression_learning") == []')
    code = open(ROOT / 'impression_learning' / 'plot_generator.py').read()
    code = code.replace("    plots('impression_learning')", '    pass')
    for cell in code.split('# %%')[1:]:
        assert 'Error' not in kernel('# %%' + cell)
    assert 'fig_1_smoke.png' in kernel("main(['mode=smoke'])")


def test_autoreload_of_an_edited_file_of_kernels(kernel, copy):
    """Reloaded by autoreload: a kernel of another file that calls the edited one is made anew too, and the key changes."""
    folder = copy / 'toy'
    folder.mkdir()
    (folder / '__init__.py').write_text('')
    (folder / 'inner.py').write_text('from common.kernel import kernel\n\n\n'
                                     '@kernel(inline=True)\ndef f(x):\n    return x + 1\n')
    (folder / 'outer.py').write_text('from common.kernel import kernel\nfrom toy.inner import f\n\n\n'
                                     '@kernel\ndef g(x):\n    return 10 * f(x)\n\n\ndef run():\n    return g(1.0)\n')
    kernel('%load_ext autoreload\n%autoreload 2\nimport sys; sys.path.insert(0, "..")\n'
           'from common.kernel import source_digest\nfrom toy import outer\nfrom toy.outer import run')
    shown = 'print(run(), outer.run(), source_digest("toy"))'
    first = kernel(shown).split()
    edit(folder / 'inner.py', 'x + 1', 'x + 4.5')
    second = kernel(shown).split()
    edit(folder / 'inner.py', 'x + 4.5', 'x + 1')
    third = kernel(shown).split()
    assert first[:2] == third[:2] == ['20.0', '20.0'] and second[:2] == ['55.0', '55.0'], (first, second, third)
    assert first[2] == third[2] != second[2]
