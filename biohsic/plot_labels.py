"""Which runs a figure shows: names and looks that tell them apart, whether published values belong to a run, a line below."""
import functools
import json
import textwrap
from itertools import product

from biohsic import exp_params
from biohsic.plot_panels import COLOURS, LABELS, NAMES, kind
from common.figures import mode_values

COUNTED = ('mode', 'array_num', 'nmodels')          # told in other words wherever a run is named
TOLD = (*COUNTED, 'seed', 'nepochs', 'batch_size', 'gamma')                         # ... in the line below a figure
FREE = (*COUNTED, 'seed', 'order_seed', 'independent_orders', 'nepochs', 'data_dir', 'check_size', 'train_metrics',
        'test_batchsize', 'accuracy', 'released_code', 'dtype', 'device')           # a published setting stays one with others
SPARE = ('#000000', '#882255', '#44AA99', '#999933', '#332288', '#AA4499')
STYLES = ('-', ':', '-.', (0, (6, 2, 1, 2, 1, 2)))  # dashed: published


# ---------------------------------------------------------------- parameters

@functools.cache
def plain(mode, array_num=1, released_code=False):
    """{name: value} of all parameters of a mode as exp_params.py has it, as a file holds them."""
    more = {'array_num': array_num} if exp_params.SWEEPS.get(mode) else {}
    return mode_values(exp_params, mode=mode, released_code=released_code, **more)


def params_of(run):
    """{name: value} of a run's parameters, as a file holds them (lists for tuples)."""
    return json.loads(json.dumps(run[0]['params']))


def text(value):
    """A parameter's value in few characters."""
    return f'{value:.4g}' if isinstance(value, float) else str(tuple(value) if isinstance(value, list) else value)


def all_of(runs, name):
    """The values of a parameter in these runs, in words, each once."""
    return ', '.join(dict.fromkeys(text(params_of(run)[name]) for run in runs))


def changed(run):
    """{name: value} of what a run changes in its mode and the line below a figure does not tell otherwise."""
    p = params_of(run)
    mode = plain(p['mode'], p['array_num'], p.get('released_code', False))
    return {name: value for name, value in p.items() if name not in TOLD and value != mode[name]}


def belongs(run, *modes):
    """True if the values published for one of these modes belong to the run: but for FREE it has the mode's parameters. The
    published figures were made with modulator=published, the one that the released program has now hardly differs (D4)."""
    p = params_of(run)
    p['modulator'] = 'released' if p['modulator'] == 'published' else p['modulator']
    return any(all(p[name] == value for name, value in plain(mode, p['array_num'] if mode == p['mode'] else 1).items()
                   if name not in FREE) for mode in modes)


# ---------------------------------------------------------------- names and looks

def name_of(run):
    """What a run is, in a legend."""
    p, what = run[0]['params'], kind(run)
    name = LABELS.get(what, f'modulator={what}')
    if not p['features']:
        name = f'{name}, no hidden layer' if p['task'] in ('bp', 'hsic') else 'read-out alone, no hidden layer'
    return name + (', inputs not / 255' if undivided(run) else '')


def undivided(run):
    """The points of linear and XOR are not divided by 255 as the released program does (D6)."""
    return run[0]['params']['data'] in ('linear', 'xor') and run[0]['params']['input_scale'] == 1


def differences(run, others):
    """Words that tell a run from others of the same name: its mode; what differs among those of its mode."""
    p, them = params_of(run), [params_of(other) for other in others]
    same = [other for other in them if other['mode'] == p['mode']]
    words = [p['mode']] if len(same) < len(them) else []
    names = [name for name in p if name not in COUNTED and any(other[name] != p[name] for other in same)]
    return words + [f'{name}={text(p[name])}' for name in names]


def looks(runs):
    """[(label, colour, line style), ...] of the runs of one panel; no two are alike."""
    own = [run[0]['params']['independent_orders'] for run in runs]
    own = own if len(set(own)) > 1 else [False] * len(runs)         # said where some have orders of their own, and some not
    names = [name_of(run) + ', own orders' * of_its_own for run, of_its_own in zip(runs, own, strict=True)]
    found, taken = [], set()
    spare = [(colour, style) for style, colour in product(STYLES, SPARE)]
    for run, name, of_its_own in zip(runs, names, own, strict=True):
        words = differences(run, [other for other, its in zip(runs, names, strict=True) if its == name])
        label = f'{name} ({", ".join([*words, "n = " + str(run[0]["params"]["nmodels"])])})'
        look = ('#009E73' if undivided(run) else COLOURS.get(kind(run), SPARE[0]),
                ':' if of_its_own else '-')
        if look in taken:
            look = next((other for other in spare if other not in taken), look)
        taken.add(look)
        found.append((label, *look))
    return found


def task_of(runs):
    """A title: the data set, and how many of its samples where all runs have the same number."""
    p = runs[0][0]['params']
    sizes = {run[0]['params']['train_size'] for run in runs}
    size = f', first {p["train_size"]} training samples' if len(sizes) == 1 and p['train_size'] else ''
    return NAMES.get(p['data'], p['data']) + size


# ---------------------------------------------------------------- the line below

def told(runs):
    """In words: a mode's runs, with everything in which they are not as the mode."""
    p = [params_of(run) for run in runs]
    words = [f'seed {all_of(runs, "seed")}', f'n = {all_of(runs, "nmodels")}', f'epochs: {all_of(runs, "nepochs")}',
             f'N = {all_of(runs, "batch_size")}']
    if any(q['task'] == 'reservoir' or (q['task'] != 'bp' and q['features']) for q in p):
        words.append(f'γ = {all_of(runs, "gamma")}')
    for name in dict.fromkeys(name for run in runs for name in changed(run)):
        in_all = all(name in changed(run) for run in runs)
        some = dict.fromkeys(f'{name}={text(changed(run)[name])}' for run in runs if name in changed(run))
        words.append(f'{"" if in_all else "some: "}{" or ".join(some)}')
    return f'mode={p[0]["mode"]}: {", ".join(words)}'


def stamp(figure, runs, spread=''):
    """Write below a figure which runs it shows; spread: what its bands or bars are, if there is more than one network."""
    modes = dict.fromkeys(run[0]['params']['mode'] for run in runs)
    words = [told([run for run in runs if run[0]['params']['mode'] == mode]) for mode in modes]
    if spread and any(run[0]['params']['nmodels'] > 1 for run in runs):
        words.append(spread)
    lines = textwrap.fill('; '.join(words), int(18 * figure.get_figwidth()))
    figure.supxlabel(lines, fontsize=8, color='0.35', x=0.01, ha='left')
    return figure
