"""biohsic: every parameter of every mode acts, is refused, or is named as unused; and what is named as unused does nothing."""
import gzip
import pickle
import struct
import warnings
from dataclasses import fields

import numpy as np
import pytest

from biohsic import exp_params, simulation
from common.params import Remark, load_params, unused

# Another value of each parameter; one that cannot be is refused, which is as good as being named. Not here: mode (it chooses
# among these), array_num (the member of a sweep), device (where, not what); data_dir has a test of its own.
OTHERS = {
    'seed': [9], 'order_seed': [7], 'nmodels': [1], 'independent_orders': [True], 'task': ['hsic', 'bp', 'biohsic'],
    'data': ['digits', 'xor', 'mnist'], 'model': ['linear', 'cnn', 'mlp'], 'synthetic': ['new'], 'synthetic_seed': [3],
    'input_scale': [0.7], 'train_size': [22], 'test_size': [8], 'augment': [True, False], 'features': [(4, 5), (3,)],
    'nclasses': [7], 'pooling_factor': [3], 'time_constant': [0.01], 'time_step': [0.002], 'sample_timesteps': [3],
    'reset_state': [True], 'batch_size': [4], 'modulator': ['exact', 'published', 'none'], 'gamma': [7.5], 'sigma_x': [0.9],
    'sigma_y': [0.7], 'sigma_z': [0.7], 'sigmas': [(0.6, 0.9, 0.7)], 'readout_batch': ['current'], 'optimizer': ['sgd', 'adam'],
    'learning_rate': [0.02], 'b1': [0.5], 'b2': [0.5], 'eps': [0.1], 'weight_decay': [0.5],
    'schedule': ['expdecay', 'constant'], 'init_value': [0.02], 'decay_rate': [0.9], 'transition_begin': [2],
    'transition_steps': [3], 'staircase': [True], 'end_value': [5e-4], 'boundaries_and_scales': [((1, 0.5),)],
    'schedules': [(('constant', 0.5), ('constant', 0.02))], 'boundaries': [(2,)], 'nepochs': [2], 'test_batchsize': [4],
    'train_metrics': [False], 'check_size': [9], 'nsamples': [14], 'zdim': [3], 'nhidden': [11], 'recurrent_strength': [0.4],
    'density': [0.3], 'hidden_noise': [0.2], 'output_noise': [0.2], 'readout_rule': ['rls', 'rmhebb'], 'average_time': [0.02],
    'target_scale': [3.0], 'rls_alpha': [0.1], 'dtype': ['float32', 'float64'], 'released_code': [True],
    'accuracy': ['batches', 'samples']}
TINY = dict(train_size=24, test_size=13, test_batchsize=5, batch_size=5, nmodels=2, nepochs=1)
EXPDECAY, SMALL = {'schedule': 'expdecay'}, {'features': (5, 4)}
SETTINGS = [                            # (mode, what is given); those after the first dozen, and convolutions: slow tests
    ('lif_xor', {}), ('lif_linear', {'synthetic': 'new', 'accuracy': 'batches'}), ('lif_xor', {'order_seed': 3} | EXPDECAY),
    ('biohsic_mnist', SMALL), ('biohsic_mnist', {'modulator': 'none', 'accuracy': 'batches'} | SMALL), ('hsic_xor', EXPDECAY),
    ('bp_mnist', {'schedule': 'joinschedules', 'schedules': (('constant', 0.1), ('constant', 0.02)), 'boundaries': (4,)} |
     SMALL),
    ('biohsic_cifar10_cnn', {'features': (3, 2), 'nmodels': 1}), ('bp_linear', {'model': 'linear', 'optimizer': 'sgd'}),
    ('reservoir', {}), ('reservoir', {'readout_rule': 'rls'}),
    ('reservoir', {'readout_rule': 'rmhebb', 'output_noise': 0.1, 'nmodels': 1} | EXPDECAY),
    ('biohsic_fashion', {'model': 'linear'}), ('biohsic_cifar10_mlp', SMALL), ('biohsic_xor', {'optimizer': 'adam'}),
    ('biohsic_linear', {'schedule': 'piecewiseconstant', 'boundaries_and_scales': ((3, 0.1),)}), ('lif_mnist', SMALL),
    ('lif_fashion', SMALL), ('hsic_mnist', SMALL), ('hsic_fashion', SMALL), ('hsic_cifar10_mlp', SMALL), ('hsic_linear', {}),
    ('hsic_cifar10_cnn', {'features': (3, 2), 'nmodels': 1}), ('bp_fashion', SMALL), ('bp_xor', {'released_code': True}),
    ('bp_cifar10_cnn', {'features': (3,), 'nmodels': 1}), ('bp_cifar10_mlp', SMALL),
    ('biohsic_cifar10_reduced', {'features': (3, 2)}), ('bp_cifar10_reduced', {'features': (3, 2)}),
    ('memory_sweep', {'features': (3, 2), 'nmodels': 1}), ('smoke', {}),
    ('biohsic_mnist', {'data': 'digits', 'model': 'cnn', 'features': (3,), 'nmodels': 1}), ('bp_linear', {'nmodels': 1})]


def write_idx(path, array):
    head = struct.pack(f'>HBB{array.ndim}I', 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


@pytest.fixture(scope='session')
def folder(tmp_path_factory):
    """A data folder with 40 random images in place of each set."""
    place, rng = tmp_path_factory.mktemp('data'), np.random.default_rng(0)
    for name in ('mnist', 'fashion_mnist'):
        (place / name).mkdir()
        for part in ('train', 't10k'):
            write_idx(place / name / f'{part}-images-idx3-ubyte.gz', rng.integers(0, 256, (40, 28, 28), dtype=np.uint8))
            write_idx(place / name / f'{part}-labels-idx1-ubyte.gz', rng.integers(0, 10, 40, dtype=np.uint8))
    (place / 'cifar-10-batches-py').mkdir()
    for name in [f'data_batch_{i}' for i in range(1, 6)] + ['test_batch']:
        batch = {b'data': rng.integers(0, 256, (40, 3072), dtype=np.uint8), b'labels': rng.integers(0, 10, 40).tolist()}
        (place / 'cifar-10-batches-py' / name).write_bytes(pickle.dumps(batch))
    return place


def tiny(mode, **given):
    """Params of a mode made small."""
    kind = mode.split('_')[0]
    sizes = {'nhidden': 12, 'nsamples': 15} | {k: TINY[k] for k in ('batch_size', 'nmodels', 'nepochs')}
    sizes = sizes if kind == 'reservoir' else TINY
    more = {'sample_timesteps': 4} if kind in ('lif', 'reservoir') else {}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', Remark)
        return load_params(exp_params, mode=mode, **sizes | more | given)


def result(p):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return simulation.run(p)


def same(a, b):
    """All arrays equal but for rounding."""
    return a.keys() == b.keys() and all(
        np.shape(a[k]) == np.shape(b[k]) and np.allclose(a[k], b[k], rtol=1e-9, atol=1e-12, equal_nan=True) for k in a)


def silent(mode, given):
    """[(parameter, what is wrong)] for one setting."""
    p, wrong = tiny(mode, **given), []
    base, named = result(p), unused(p)
    for name, values in OTHERS.items():
        changed, tried = False, 0
        for value in values:
            if value == getattr(p, name):
                continue
            try:
                other = tiny(mode, **given | {name: value})
            except ValueError:                               # refused in one line
                continue
            tried += 1
            changed = changed or not same(base, result(other))
        if tried and changed == (name in named):
            wrong.append((name, 'named as unused, but acts' if changed else 'does nothing and is not named'))
    return wrong


@pytest.mark.parametrize('mode, given', [pytest.param(*s, marks=[pytest.mark.slow] if i >= 12 or 'cnn' in s[0] else [])
                                         for i, s in enumerate(SETTINGS)], ids=[f'{m}-{"-".join(g)}' for m, g in SETTINGS])
def test_every_parameter_acts_or_is_named(mode, given, folder, monkeypatch):
    monkeypatch.setenv('PLASTICITY_DATA', str(folder))
    assert silent(mode, given) == []


def test_all_parameters_and_modes_are_here():
    assert {f.name for f in fields(exp_params.Params)} - {'mode', 'array_num', 'device', 'data_dir'} == OTHERS.keys()
    assert {mode for mode, _ in SETTINGS} == exp_params.MODES.keys()


@pytest.mark.parametrize('mode, given', SETTINGS[:12])
def test_a_data_folder_is_the_only_place_or_named(mode, given, folder, monkeypatch, tmp_path):
    monkeypatch.setenv('PLASTICITY_DATA', str(folder))
    p = tiny(mode, **given | {'data_dir': str(tmp_path)})
    if 'data_dir' in unused(p):
        result(p)
    else:
        with pytest.raises(FileNotFoundError, match=f'not found below {tmp_path};'):
            result(p)
