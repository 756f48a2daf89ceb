"""Dendritic microcircuits: what the experiments have in common: seeds, claims, values of rows."""
import functools

from microcircuits import exp_params
from microcircuits.plot_arms import of_arm
from microcircuits.plot_panels import of_model, stacked
from reproduction import evidence
from reproduction.evidence import row

SEEDS = exp_params.SEEDS
FRESH = tuple(range(1001, 1011))
REPLAY = {'rng': 'legacy', 'released_code': True}
LEGACY = 'released+legacy'
QUICK = {'epochs': 10}

CLAIMS = {
    'fig_3abc': 'Noise alone teaches the backward weights: from random, B turns towards the transposed forward weights.',
    'fresh': 'With another random stream and other seeds: the angles of B and W^T end where the published ones do.',
    'fig_3def': 'Strongly driven, B turns towards W^T weighted by the slopes of the activation function, and stays 31 to 52 '
                'degrees away.',
    'fig_4ab': 'A student whose forward weights have the wrong sign learns with PAL; feedback alignment fails.',
    'fig_4ab_replay': 'The same, from the seeds and the random stream of the released program.',
    'fig_s_noise_time': 'Without prospective coding fast noise does not align B; the slower the noise, the better it does.',
    'fig_s_prospectivity': 'Partly prospective rates: how much of it PAL needs depends on how fast the noise is.',
    'fig_pal_ldrl': 'Same circuit and budget, tuned: PAL aligns better than LDRL, mostly as its noise does not scale with |u|.',
    'demos': 'The small demonstrations of both lines, from their notebooks.',
    'yin_yang': 'A real task: PAL beats plain feedback alignment; that this is because B is learned is not shown.',
    'mnist': 'MNIST in a dendritic microcircuit, in real time: 1 ms an image.',
    'mnist_all': 'The same circuit on all of MNIST, further than the paper went.',
}

members = functools.partial(evidence.members, exp_params)


def last(name, layer, mode=None):
    """A row's value: the last angle of one layer of each seed (of one mode)."""
    return lambda runs: [float(d[name][-1, layer]) for meta, d in runs if mode in (None, meta['mode'])]


# ---------------------------------------------------------------- Fig. 4a, b: teacher and student

TEACHER = [                             # rule, weight, released program's number, half of its last printed place
    ('PAL', 'WPP_1', 2.05, 0.005), ('PAL', 'WPP_2', 1.990, 0.0005), ('PAL', 'BPP_1', 0.299, 0.0005),
    ('BP', 'WPP_1', 2.141, 0.0005), ('FA', 'WPP_1', -25.7, 0.05)]
SAMPLES = 'all seeds share the input samples: the s.e.m. misses their spread'


def final_errors(runs, model_type):
    """Mean squared error of the last 100 records of each seed of one rule."""
    return stacked(of_model(runs, model_type), 'MSE')[:, -100:].mean(axis=1)


def final_weight(model_type, name):
    """A row's value: a weight at epoch 4990 of each seed of one rule."""
    return lambda runs: [float(d[name][d['first_record'] + 49_900, 0, 0]) for _, d in of_model(runs, model_type)]


def error_rows(legacy=False):
    """Who learns, and where the weights end; legacy: weights are judged at the precision of the released program's numbers."""
    setting, main = (LEGACY, False) if legacy else ('default', True)
    names = {'WPP_1': 'W_1 at the end (teacher 2)', 'WPP_2': 'W_2 at the end (teacher 2)', 'BPP_1': 'B at the end'}
    return [
        row('PAL: seeds of 10 with a final error below 1e-4', lambda runs: float((final_errors(runs, 'PAL') < 1e-4).sum()),
            None, 10, (9, 10), setting, main=main, n=10),
        row('BP: largest final error', lambda runs: float(final_errors(runs, 'BP').max()), None, 1.3e-5, (0, 5e-5), setting,
            n=10),
        row('FA: smallest final error', lambda runs: float(final_errors(runs, 'FA').min()), None, 0.35, (0.1, None), setting,
            main=main, n=10),
        *(row(f'{rule}: {names[name]}', final_weight(rule, name), None, value,
              (value - half, value + half) if legacy else None, setting, note=None if legacy else SAMPLES)
          for rule, name, value, half in TEACHER)]


# ---------------------------------------------------------------- samples with classes

def accuracies(arm, name):
    """A row's value: accuracy after the last epoch of each seed of one arm."""
    return lambda runs: [float(d[name][-1]) for _, d in of_arm(runs, arm)]


def differences(one, other, name):
    """A row's value: accuracy of one arm minus that of another, seed by seed."""
    def value(runs):
        a, b = ({meta['seed']: float(d[name][-1]) for meta, d in of_arm(runs, arm)} for arm in (one, other))
        return [a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]
    return value


def p_of(one, other, name):
    """A row's value: p of the paired t-test of two arms."""
    def value(runs):
        d = differences(one, other, name)(runs)
        return evidence.paired(d, [0.0] * len(d)).p
    return value
