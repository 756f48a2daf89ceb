"""What the five plot_generator.py share: a grid of axes in the project's style, the finished runs to draw, their words."""
from common import command, load_result, result_path, style
from running import stop


def grid(rows, columns, size=3.6, height=None):
    """(figure, axes (rows, columns)) in the project's style; size, height: inches of one panel (None: square)."""
    plt = style()
    return plt.subplots(rows, columns, figsize=(columns * size, rows * (height or size)), squeeze=False)


def of_mode(runs, *modes):
    """The runs [(meta, arrays), ...] of some modes."""
    return [run for run in runs if run[0]['mode'] in modes]


def apart(words, *names):
    """Take the words name=... out of a command line. -> (the other words, {name: text or None})"""
    found = {name: next((w[len(name) + 1:] for w in words if w.startswith(f'{name}=')), None) for name in names}
    return [w for w in words if w.split('=')[0] not in names], found


def whole_number(name, text):
    """A count from the command line, or None; ends with one line if it is none."""
    if text is not None and not (text.isdigit() and int(text) > 0):
        stop(f'{name} takes a whole number from 1 on, not {text!r}')
    return int(text) if text else None


def finished(members):
    """[(meta, arrays), ...] of finished runs; ends with one line if one is missing (its command) or damaged."""
    missing = [p for p in members if not result_path(p).exists()]
    if missing:
        every = '  (array_num=0: all of them)' if len(members) > 1 else ''
        stop(f'{len(missing)} of {len(members)} results are missing; the first is made by: {command(missing[0])}{every}', 1)
    try:
        return [load_result(p) for p in members]
    except (ValueError, OSError) as error:
        stop(str(error), 1)
