"""Runs that differ by their seed only, put together as one run of several networks."""
import json

import numpy as np

from common.figures import digits


def pooled(runs):
    """Runs [(meta, arrays), ...]; those whose parameters differ by the seed only become one, networks side by side, in order of
    the seeds: arrays of epochs (epochs + 1, M, ...) and final weights (M, ...); what else a result holds is the first's."""
    groups = {}
    for meta, arrays in runs:
        same = {name: value for name, value in meta['params'].items() if name not in ('seed', 'array_num', 'nmodels')}
        groups.setdefault(digits(json.dumps(same, sort_keys=True)), []).append((meta, arrays))
    return [together(sorted(group, key=lambda run: run[0]['params']['seed'])) for group in groups.values()]


def together(group):
    """One run of a group."""
    if len(group) == 1:
        return group[0]
    meta, first = group[0]
    networks = sum(meta['params']['nmodels'] for meta, _ in group)
    arrays = dict(first)
    for name, array in first.items():
        axis = 0 if name.startswith('final_') else 1
        if array.ndim > axis:
            arrays[name] = np.concatenate([more[name] for _, more in group], axis=axis)
    seeds = [meta['params']['seed'] for meta, _ in group]
    return meta | {'params': meta['params'] | {'nmodels': networks, 'seed': seeds}}, arrays
