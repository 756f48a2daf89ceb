"""What is allowed, and which code of the five folders a run is built on."""
from common.params import demand_types, one_of, within
from rstdp_mnist import exp_params
from rstdp_mnist.data import input_files

COST = {'backprop': 1.0, 'hsic': 2.0, 'hsic_exact': 2.0, 'impression_learning': 3.0, 'reinforce': 4.0, 'three_factor': 4.0,
        'PAL': 3.0, 'FA': 3.0, 'transport': 3.0, 'rstdp': 5.0, 'rstdp_margin': 5.0}         # {rule: CPU seconds of a run}
LEARNING = ('hsic', 'impression_learning', 'reinforce', 'three_factor', 'PAL', 'FA', 'rstdp', 'rstdp_margin')
MODEL, EQUATIONS = None, ('equations',)             # files of a folder: its model code, its equations.py
FOLDERS = {                             # {rule: (folder, what of it)}
    'backprop': ('biohsic', EQUATIONS), 'hsic': ('biohsic', EQUATIONS), 'hsic_exact': ('biohsic', EQUATIONS),
    'impression_learning': ('impression_learning', MODEL, EQUATIONS), 'reinforce': ('impression_learning', MODEL, EQUATIONS),
    'three_factor': ('task_plasticity', MODEL), 'PAL': ('microcircuits', MODEL), 'FA': ('microcircuits', MODEL),
    'transport': ('microcircuits', MODEL), 'rstdp': ('rstdp_mnist', MODEL, EQUATIONS),
    'rstdp_margin': ('rstdp_mnist', MODEL, EQUATIONS)}
USED = [('data', 'with rule=rstdp or rule=rstdp_margin', lambda p: p.rule.startswith('rstdp')),
        ('rival', 'in mode=learning', lambda p: p.mode == 'learning'),
        ('rate', 'in mode=learning, and for R-STDP', lambda p: p.mode == 'learning' or p.rule.startswith('rstdp'))]


def built_on(p):
    """[(folder, names of its files, or None for its model, data and simulation code), ...]: part of a result's key."""
    folder, *parts = FOLDERS[p.rule]
    return [(folder, names) for names in parts]


def inputs(p):
    """The files of MNIST, where a run reads them; FileNotFoundError says how to get them."""
    return input_files(exp_params.Params()) if p.rule.startswith('rstdp') and p.data == 'mnist' else []


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    demand_types(p)
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    within(p, 'seed', 0, 2 ** 32 - 1, 'a seed of 32 bits')
    one_of(p, 'rule', LEARNING if p.mode == 'learning' else COST, 'the rules of this mode')
    one_of(p, 'data', ('mnist', 'digits'), 'the images')
    within(p, 'length', 0.001, 100, 'a factor')
    within(p, 'rate', 1e-6, 1e6, 'a factor')


def remarks(p):
    """Nothing is remarkable."""
    return []
