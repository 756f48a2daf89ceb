"""What is allowed, and which code of the five folders a run is built on."""
from common.params import one_of, within

COST = {'backprop': 1.0, 'hsic': 3.0, 'hsic_exact': 3.0, 'impression_learning': 8.0, 'reinforce': 8.0,
        'three_factor': 5.0, 'PAL': 5.0, 'FA': 5.0, 'transport': 5.0,
        'rstdp': 8.0, 'rstdp_margin': 8.0}            # {rule: CPU seconds of a run}
FOLDERS = {'backprop': 'biohsic', 'hsic': 'biohsic', 'hsic_exact': 'biohsic', 'impression_learning': 'impression_learning',
           'reinforce': 'impression_learning', 'three_factor': 'task_plasticity',
           'PAL': 'microcircuits', 'FA': 'microcircuits', 'transport': 'microcircuits',
           'rstdp': 'rstdp_mnist', 'rstdp_margin': 'rstdp_mnist'}
EQUATIONS = {'biohsic': ('equations',)}             # files of a folder, if not all that decide its own results
USED = [('data', 'with rule=rstdp or rule=rstdp_margin', lambda p: p.rule.startswith('rstdp'))]


def built_on(p):
    """{folder: names of its files, or None for all its model, data and simulation code}: part of a result's key."""
    folder = FOLDERS[p.rule]
    return {folder: EQUATIONS.get(folder)}


def check(p):
    """Raise ValueError for the first mistake in parameters p."""
    within(p, 'array_num', 1, None, 'members are numbered from 1')
    within(p, 'seed', 0, 2 ** 32 - 1, 'a seed of 32 bits')
    one_of(p, 'rule', COST, 'the rules')
    one_of(p, 'data', ('mnist', 'digits'), 'the images')
    within(p, 'length', 0.001, 100, 'a factor')


def remarks(p):
    """Nothing is remarkable."""
    return []
