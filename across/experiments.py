"""The five rules on one page: what reproduce.py runs, and the numbers it shows. Nothing here was published before: no paper, no
released value; the only bands are those of checks whose answer is known."""
import numpy as np

from across import exp_params
from across.checks import COST
from across.experiments_mnist import mnist
from across.measures import RIGHT_WAY, first_crossing
from common.params import load_params
from reproduction.evidence import each, members, row

STAGES = ('untrained', 'trained')
NAMES = {'backprop': 'back-propagation', 'hsic_exact': 'HSIC-Hebbian, exact signal', 'hsic': 'HSIC-Hebbian',
         'impression_learning': 'impression learning', 'reinforce': 'REINFORCE', 'three_factor': 'three-factor rule',
         'transport': 'circuit with weight transport', 'PAL': 'PAL', 'FA': 'feedback alignment', 'rstdp': 'R-STDP',
         'rstdp_margin': 'R-STDP, margin'}
TASKS = {                               # task: (its rules, the first one's network is the rival's)
    'XOR': ('hsic',), 'two hidden causes': ('impression_learning', 'reinforce'), 'estimation': ('three_factor',),
    'yin-yang': ('PAL', 'FA'), 'digits, layer 3': ('rstdp', 'rstdp_margin')}
CHECKS = {                              # mathematics: the mean of their updates is the gradient, up to a finite mean's noise
    ('backprop', 0): (0.99, 1), ('backprop', 1): (0.99, 1), ('transport', 0): (0.99, 1), ('hsic_exact', 0): (0.97, 1),
    ('hsic_exact', 1): (0.97, 1)}
WAY, KEPT = 0.9, 0.8                    # criterion: this share of the way that back-propagation goes; at the end no less than
SMOOTH = {'PAL': 1, 'FA': 1}            # points of a running mean over the scores; others: 5
SLOW, LONGER, SPIKING = ('PAL', 'FA', 'transport'), 10.0, ('rstdp', 'rstdp_margin')
NOTE = 'trained for 60 epochs of yin-yang (without --paper: 6), early: the paper trains for 400, and B takes long to align'
CLAIM = ('Five local rules by the same measures: how close the mean update is to the gradient, how noisy a single one is, how '
         'many samples learning takes, and what accuracy on MNIST costs. Tasks and networks differ, so only rules of the same '
         'network compare directly.')


def of(rule, name, stage):
    """A row's value: a measure of one rule, one number a seed."""
    return lambda runs: each(lambda d, p: d[name][stage])([
        run for run in runs if run[0]['mode'] != 'learning' and run[0]['params']['rule'] == rule])


def crossing(rule, stage):
    """A row's value: the n at which the median over seeds of the cosine of n updates' mean comes within 45 degrees."""
    def value(runs):
        curve = np.median(of_blocks(runs, rule, stage)[:, :, 1], axis=0)
        return first_crossing(of_blocks(runs, rule, stage)[0, :, 0], curve, RIGHT_WAY)
    return value


def of_blocks(runs, rule, stage):
    """(seeds, levels, 2) of measures.measured."""
    return np.array([d['blocks'][stage] for meta, d in runs if meta['mode'] != 'learning' and meta['params']['rule'] == rule])


# ---------------------------------------------------------------- samples to criterion

def curves(runs, rule, rival=False):
    """{factor of the rate: [(samples seen, smoothed score), ...]} of the seeds."""
    found, n = {}, SMOOTH.get(rule, 5)
    for rate, d in learned(runs, rule, rival):
        found.setdefault(rate, []).append((d['seen'][n - 1:], np.convolve(d['score'], np.ones(n) / n, 'valid')))
    return found


def learned(runs, rule, rival):
    """[(factor of the rate, arrays), ...] of a rule, or of back-propagation in its network."""
    return [(meta['params']['rate'], d) for meta, d in runs
            if meta['mode'] == 'learning' and (meta['params']['rule'], meta['params']['rival']) == (rule, rival)]


def criterion(runs, task, way=WAY):
    """The score after this share of the way that back-propagation goes at its best rate, from the start to the end."""
    rival = curves(runs, TASKS[task][0], True)
    start = np.mean([d['score'][0] for rate, d in learned(runs, TASKS[task][0], True) if rate == min(rival)])
    end = np.nanmax([np.mean([at_the_end(score) for _, score in some]) for some in rival.values()])
    return start + way * (end - start)


def at_the_end(score):
    """Mean of the last tenth of a curve."""
    return score[-max(1, len(score) // 10):].mean()


def at_rates(runs, task, rule, rival=False):
    """{factor of the rate: samples to criterion of every seed; inf: never, or much of it is lost again by the end}"""
    level, kept = criterion(runs, task), criterion(runs, task, KEPT)
    return {rate: [float(seen[np.argmax(score >= level)]) if (score >= level).any() and at_the_end(score) >= kept else np.inf
                   for seen, score in some]
            for rate, some in curves(runs, rule, rival).items()}


def best(found):
    """The rate at which most networks get to the criterion; of equals the one with the smallest median of samples."""
    return min(found, key=lambda rate: (np.mean(np.isinf(found[rate])), np.median(found[rate])))


def best_rate(runs, task, rule, rival=False):
    """The best rate of all networks."""
    return best(at_rates(runs, task, rule, rival))


def reached(runs, task, rule, rival=False):
    """Samples to criterion of every network, each at the rate that is best for the others."""
    found = at_rates(runs, task, rule, rival)
    n = len(next(iter(found.values())))
    return [found[best({rate: np.delete(some, i) for rate, some in found.items()})][i] for i in range(n)]


def samples(task, rule, rival=False):
    """A row's value: samples to criterion, one a seed; their median (None if inf) where some seeds never get there."""
    def value(runs):
        found = reached(runs, task, rule, rival)
        return found if np.isfinite(found).all() else float(np.median(found))
    return value


def on_the_edge(runs):
    """A row's value: how many rules (rivals included) that get there are best at the lowest or highest rate tried, in %."""
    edges = []
    for task, rules in TASKS.items():
        for rule, rival in [*((rule, False) for rule in rules), (rules[0], True)]:
            found = at_rates(runs, task, rule, rival)
            rate = best(found)
            edges += [rate in (min(found), max(found))] if np.isfinite(np.median(found[rate])) else []
    return 100 * float(np.mean(edges))


def learning_rows(n):
    """Rows of samples to criterion."""
    note = (f'{WAY:.0%} of the way of back-propagation in this network, {KEPT:.0%} at the end; each network at the rate that '
            'is best for the others; empty: most networks never')
    found = []
    for task, rules in TASKS.items():
        pairs = [(rule, False) for rule in rules] + [(rules[0], True)]
        found += [row(f'{task}, {NAMES["backprop" if rival else rule]}: samples to criterion', samples(task, rule, rival),
                      median=True, note=note, n=n) for rule, rival in pairs]
    found.append(row('rules and rivals whose best rate is the lowest or highest tried, %', on_the_edge, n=n,
                     note='of those that get there: their samples to criterion may still fall'))
    return found


# ---------------------------------------------------------------- the experiments

def learning_runs(seeds, rates):
    """Params of the learning curves: all rules and rivals."""
    return [load_params(exp_params, mode='learning', rule=rule, rival=rival, rate=rate, seed=seed)
            for seed in seeds for rule, rival in exp_params.LEARNERS for rate in rates]


def with_standin(experiment):
    """The experiment, which needs MNIST for the spiking network, and its form with scikit-learn's digits instead."""
    digits = [load_params(exp_params, **vars(p) | {'data': 'digits'} if p.rule.startswith('rstdp') else vars(p))
              for p in experiment['runs']]
    return experiment | {'needs': 'mnist', 'instead': {'runs': digits, 'standin': 'digits'}}


def update_runs(level, rules):
    """Params of the measurements of these rules."""
    seeds, more = (range(1, 3), {'length': 0.04}) if level == 'quick' else (exp_params.SEEDS, {})
    longer = {'length': LONGER} if level == 'paper' else {}
    return [p for rule in rules
            for p in members(exp_params, 'updates', seeds, rule=rule, **(more | (longer if rule in SLOW else {})))]


def update_rows(rules, n):
    """Rows of alignment and noise of these rules, n networks each."""
    rows, empty = [], 'empty: not in means of an eighth of the updates measured'
    for rule in rules:
        for stage, when in enumerate(STAGES):
            name = f'{NAMES[rule]}, {when}'
            rows += [row(f'{name}: cosine of the mean update with the gradient', of(rule, 'cosine', stage),
                         band=CHECKS.get((rule, stage)), note=NOTE if stage and rule in SLOW else None),
                     row(f'{name}: signal to noise ratio of one update', of(rule, 'snr', stage), median=True),
                     row(f'{name}: samples until within 45 degrees of the gradient', crossing(rule, stage), note=empty, n=n)]
    return rows


def updates(level):
    """Alignment and noise; the figure shows beside them what finished runs of the other experiments there are."""
    rules = [rule for rule in COST if rule not in SPIKING]
    runs = update_runs(level, rules)
    return {'mode': 'updates', 'figure': 'fig_rules', 'claim': CLAIM, 'runs': runs,
            'rows': update_rows(rules, len(runs) // len(rules))}


def spiking(level):
    """The same of the spiking network, which needs images."""
    runs = update_runs(level, SPIKING)
    return with_standin({'mode': 'updates', 'figure': None, 'claim': CLAIM, 'runs': runs,
                         'rows': update_rows(SPIKING, len(runs) // len(SPIKING))})


def samples_needed(level):
    """Samples to criterion."""
    few = range(1, 4), exp_params.FEW
    runs = learning_runs(*(few if level == 'headline' else (exp_params.SEEDS, exp_params.RATES)))
    claim = 'How many samples a rule needs until it has gone 90 % of the way of back-propagation in the same network.'
    return with_standin({'mode': 'learning', 'figure': 'fig_samples', 'claim': claim, 'runs': runs,
                         'rows': learning_rows(len({p.seed for p in runs}))})


def experiments(level):
    """All experiments of a level: 'quick', 'headline' or 'paper'."""
    more = {'quick': (), 'headline': (samples_needed,), 'paper': (samples_needed, lambda level: mnist())}[level]
    return [updates(level), spiking(level), *(one(level) for one in more)]
