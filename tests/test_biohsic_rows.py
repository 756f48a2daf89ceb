"""biohsic: rows from runs, with made-up results of the shapes that runs have."""
import dataclasses

import numpy as np
import pytest

from biohsic.experiments import experiments
from biohsic.experiments_paper import cifar10_sweep, sweep
from biohsic.experiments_values import at_epoch, difference, first, only, params
from biohsic.plot_pool import pooled


def made_up(p, value=None):
    """A finished run of parameters p: accuracies value(p, network), or drawn ones."""
    rng, shape = np.random.default_rng(p.seed), (p.nepochs + 1, p.nmodels)
    hidden, names = len(p.features), ('train', 'test', 'check')
    arrays = {f'{name}_accuracy': rng.uniform(size=shape) if value is None else np.broadcast_to(
        [value(p, k) for k in range(p.nmodels)], shape) for name in names}
    arrays |= {f'{name}_hsic': rng.uniform(size=(*shape, hidden + 1, 3)) for name in names}
    arrays |= {'third_factor_cosine': rng.uniform(size=(*shape, hidden)),
               'third_factor_hsic': rng.uniform(size=(*shape, hidden, 2))}
    scores = {name: rng.uniform(size=shape[::-1]) for name in ('correlation', 'nmse')}
    arrays |= scores | {f'frozen_{name}': rng.uniform(size=p.nmodels) for name in scores} if p.task == 'reservoir' else {}
    return {'params': dataclasses.asdict(p), 'mode': p.mode, 'seed': p.seed}, arrays


@pytest.mark.parametrize('e', experiments('paper') + experiments('quick'), ids=lambda e: f'{e["figure"]}-{len(e["runs"])}')
def test_every_row_takes_its_number_from_the_runs(e):
    """One finite number a row, or one a network."""
    runs = [made_up(p) for p in e['runs']]
    for row in e['rows']:
        values = row['value'](runs)
        assert np.isfinite(values).all() and 1 <= np.size(values) <= 30, row['quantity']


def test_runs_that_differ_by_their_seed_are_one_run_of_several_networks():
    runs = [made_up(params('biohsic_cifar10_reduced', seed=s, modulator=m), lambda p, k: p.seed / 100 + (p.modulator == 'none'))
            for s in (44, 42, 43) for m in ('released', 'none')]
    assert at_epoch(only(what='none'), 1)(runs) == [142.0, 143.0, 144.0]
    assert difference(at_epoch(only(what='none'), 1), at_epoch(only(what='released'), 1))(runs) == [100.0] * 3
    assert first(2, at_epoch(only(what='released'), 1))(runs) == [42.0, 43.0]
    assert [meta['params']['nmodels'] for meta, _ in pooled(runs)] == [3, 3] and len(pooled(runs[:2])) == 2


def rows_of(e, value):
    runs = [made_up(p, value) for p in e['runs']]
    return {row['quantity']: row['value'](runs) for row in e['rows']}


def test_rows_of_the_memory_sweep():
    """Accuracy N / 100 (and best between 4 and 8 where told): the rises and the middle follow by hand."""
    rows = rows_of(sweep(), lambda p, k: p.batch_size / 100 + (p.readout_batch == 'current') * (p.batch_size in (4, 8)))
    assert rows['mnist, N = 8: accuracy on fixed training images after 5 epochs, %'] == [8.0] * 3
    np.testing.assert_allclose(rows['mnist: training accuracy, N = 32 above N = 2, points'], [30] * 3)
    np.testing.assert_allclose(rows['mnist: test accuracy, worse of N = 4 and 8 above the best of N = 2, 16 and 32, points'],
                               [-28] * 3)
    np.testing.assert_allclose(rows['mnist, read-out from one sample: test accuracy, worse of N = 4 and 8 above the best of '
                                    'N = 2, 16 and 32, points'], [72] * 3)
    rows = rows_of(cifar10_sweep(), lambda p, k: p.seed / 100)
    assert rows['cifar10, N = 2: test accuracy after 5 epochs, %'] == [42.0, 43.0, 44.0]
