"""Impression learning: what stands on every figure: panel letters, and which runs it shows."""
import string

from common.figures import mode_values
from impression_learning import exp_params


def changed(params):
    """{name: value} of the parameters of a run that are not those of its mode (but for the seed)."""
    plain = mode_values(exp_params, **{name: params[name] for name in ('mode', 'array_num', 'released_code')})
    return {name: value for name, value in params.items() if name != 'seed' and value != plain.get(name, value)}


def stamp(figure, runs):
    """Letters on the panels, and below which runs they show: modes, seeds, what makes them other than the paper's."""
    shown = [ax for ax in figure.axes if ax.get_label() != '<colorbar>' and (ax.axison or ax.images)]
    for letter, ax in zip(string.ascii_lowercase, shown if len(shown) > 1 else [], strict=False):
        ax.set_title(letter, loc='left', fontweight='bold')
    p = [meta['params'] for meta, _ in runs]
    seeds = sorted({q['seed'] + (q['array_num'] - 1 if q['mode'] in ('standard', 'SNR') else 0) for q in p})
    words = [f'mode={", ".join(sorted({q["mode"] for q in p}))}',
             f'seed {", ".join(map(str, seeds))}' if len(seeds) < 7 else f'seeds {seeds[0]} to {seeds[-1]} (n = {len(seeds)})']
    released = sorted({q['released_code'] for q in p})
    words += [f'released_code={", ".join(map(str, released))}'] * any(released)
    more = dict.fromkeys(f'{name}={value}' for q in p for name, value in changed(q).items())
    words += [('SCALED RUN: ' if any(q['scale'] != 1 for q in p) else 'changed: ') + ', '.join(more)] * bool(more)
    figure.supxlabel('; '.join(words)[:200], fontsize=8, color='0.4', x=0.99, ha='right')
    return figure
