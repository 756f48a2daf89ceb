"""Task-dependent representations: what stands on every figure: panel letters, and which runs it shows."""
import functools
import string

from common.figures import mode_values
from task_plasticity import exp_params

LONGEST = 220                           # characters below a figure
FIGURES = {}                            # name: function of finished runs [(meta, arrays), ...]


def changed(params):
    """{name: value} of the parameters of a run (but for the seed) that neither its mode nor its objective brings."""
    plain = mode_values(exp_params, **{name: params[name] for name in ('mode', 'array_num', 'objective', 'network_file')})
    task = exp_params.MODES[params['mode']].get('objective', exp_params.Params.objective)
    plain = params | plain | {'seed': params['seed'], 'objective': task, 'network_file': ''}
    return {name: value for name, value in params.items() if value != plain[name]}


def shown(runs):
    """In words: modes, seeds, and what makes the runs other than their mode's."""
    p = [meta['params'] for meta, _ in runs]
    seeds = sorted({q['seed'] for q in p})
    words = [f'mode={", ".join(dict.fromkeys(q["mode"] for q in p))}',
             f'seeds {seeds[0]} to {seeds[-1]} (n = {len(seeds)} networks)' if len(seeds) > 1 else f'seed {seeds[0]}']
    more = dict.fromkeys(f'{name}={value}' for q in p for name, value in changed(q).items())
    words += [f'changed: {", ".join(more)}'] * bool(more) + ['bands and bars: s.e.m.'] * (len(seeds) > 1)
    text = '; '.join(words)
    return text if len(text) <= LONGEST else f'{text[:LONGEST - 4]} ...'


def one_network(panel):
    """Decorator of a panel(ax, runs, ...) that shows the first network only: where there are more, its title says so."""
    @functools.wraps(panel)
    def drawn(ax, runs, *args, **more):
        panel(ax, runs, *args, **more)
        if len(runs) > 1:
            ax.set_title(f'{ax.get_title()} (one network)')
    return drawn


def figure(function):
    """Decorator of a figure: enters it in FIGURES, puts letters on its panels and below which runs it shows."""
    @functools.wraps(function)
    def drawn(runs):
        made = function(runs)
        panels = [ax for ax in made.axes if ax.get_label() not in ('<colorbar>', '<second axis>')]
        for letter, ax in zip(string.ascii_lowercase, panels if len(panels) > 1 else [], strict=False):
            ax.set_title(letter, loc='left', fontweight='bold')
            widest = max(map(len, ax.get_title().split('\n')))
            ax.title.set_fontsize(ax.title.get_fontsize() * min(1, 30 / max(1, widest)))        # clear of the letter
        made.supxlabel(shown(runs), fontsize=8, color='0.4', x=0.99, ha='right')
        return made
    FIGURES[function.__name__] = drawn
    return drawn
