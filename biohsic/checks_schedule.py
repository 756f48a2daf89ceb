"""What is allowed in biohsic: schedules of the learning rate."""
from common.params import demand, is_number

SCHEDULES = {'constant': (2, 2), 'expdecay': (2, 5), 'piecewiseconstant': (3, 3)}        # fewest and most entries


def check_schedule(p):
    """Lists of a learning-rate schedule."""
    for name in ('boundaries_and_scales', 'schedules', 'boundaries'):
        demand(finite(getattr(p, name)), f'{name} = {getattr(p, name)}: finite numbers are needed')
    if p.schedule == 'piecewiseconstant':
        demand(are_factors(p.boundaries_and_scales), f'boundaries_and_scales = {p.boundaries_and_scales}: '
               'pairs ((update, factor), ...), both from 0 on')
    if p.schedule == 'joinschedules':
        kinds = ', '.join(SCHEDULES)
        demand(p.schedules and all(isinstance(s, (tuple, list)) and len(s) >= 2 and s[0] in SCHEDULES for s in p.schedules),
               f'schedules = {p.schedules}: one or more (name, init_value, ...), name one of {kinds}')
        for given in p.schedules:
            demand(is_schedule(*given), f'schedules: {given} is none of ("constant", rate), ("expdecay", init, rate, begin, '
                   'steps), ("piecewiseconstant", init, ((update, factor), ...)) with positive rates and steps')
        demand(all(map(is_number, p.boundaries)) and len(p.boundaries) == len(p.schedules) - 1,
               f'boundaries = {p.boundaries}: {len(p.schedules)} schedules need {len(p.schedules) - 1}')
        demand(all(a < b for a, b in zip((0, *p.boundaries), p.boundaries, strict=False)),
               f'boundaries = {p.boundaries}: each must come after the one before it, the first after 0')
    if p.schedule == 'expdecay':
        demand(p.decay_rate > 0 and p.transition_steps >= 1, 'expdecay needs decay_rate > 0 and transition_steps >= 1')
        demand(p.transition_begin >= 0, f'transition_begin = {p.transition_begin}: updates are counted from 0')
        demand(p.end_value is None or p.end_value >= 0, f'end_value = {p.end_value}: learning rates are not negative')
        demand(p.end_value is None or p.decay_rate == 1 or (p.end_value < p.init_value) == (p.decay_rate < 1),
               f'end_value = {p.end_value} lies on the wrong side of init_value = {p.init_value} (decay_rate = '
               f'{p.decay_rate}): the rate would not change')


def finite(value):
    """True for names and numbers without NaN and infinities, nested at will."""
    if isinstance(value, (tuple, list)):
        return all(map(finite, value))
    return isinstance(value, str) or value is None or is_number(value, 1e300)


def are_factors(pairs):
    """True for ((update, factor), ...), at least one, updates and factors from 0 on."""
    return bool(pairs) and isinstance(pairs, (tuple, list)) and all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 and all(map(is_number, pair)) and min(pair) >= 0 for pair in pairs)


def is_schedule(name, init, *more):
    """True for one of the schedules of `optimise.joined`."""
    fewest, most = SCHEDULES[name]
    if not (fewest <= 2 + len(more) <= most and is_number(init) and init > 0):
        return False
    if name == 'piecewiseconstant':
        return are_factors(more[0])
    return all(map(is_number, more)) and all(value > 0 for value in (*more[:1], *more[2:])) and all(
        begin >= 0 for begin in more[1:2])
