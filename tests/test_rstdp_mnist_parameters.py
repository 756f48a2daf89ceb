"""R-STDP on MNIST: every parameter in every mode acts, is refused, or is named as unused; what is named does nothing."""
import dataclasses
import warnings

import numpy as np
import pytest

from common.params import load_params, unused
from rstdp_mnist import data, exp_params, features, nmnist, simulation

TINY = {'n_train': 40, 'n_test': 10, 'n_maps': (6, 8, 20), 'epochs_s1': 1, 'epochs_s2': 1, 'epochs_s3': 2, 'factor_window': 20,
        'doubling_interval': 20, 'threshold': (8.0, 5.0), 'n_winners': (2, 3), 'on_empty': 'silent'}
OTHER = {                               # another value, that of the second kind if the first is the mode's own
    'data': ('fashion_mnist', 'mnist'), 'seed': (7, 8), 's3_seed': (3, 4), 'n_train': (39, 38), 'n_test': (9, 8),
    'n_validation': (10, 12), 'shuffle': (True, False), 'shift': (20, 21), 's3_decay': (0.5, 0.25), 'n_time_bins': (12, 10),
    'dog_window': ((3, 3, 7, 7, 13, 11), None), 'dog_sigma_1': ((0.5, 6 / 9, 7 / 9, 14 / 9, 13 / 9, 26 / 9), None),
    'dog_sigma_2': ((0.5, 3 / 9, 14 / 9, 7 / 9, 26 / 9, 13 / 9), None), 'dog_threshold': ((300.0,), None),
    'norm_radius': (3, 4), 'on_empty': ('raise', 'silent'), 'n_maps': ((6, 8, 40), None),
    'kernel_size': ((5, 3, 3), None), 'padding': ((1, 1), (2, 1)), 'pool': ((2, 2), None),
    'threshold': ((9.0, 5.0), None), 'strict_threshold': (False, True), 'pooling': ('distinct', 'first'),
    'init_mean': (0.7, 0.9), 'init_sd': (0.06, 0.07), 'n_classes': (20, 10), 'class_map': ('flat_mod', 'by_map'),
    'epochs_s1': (2, 0), 'epochs_s2': (2, 0), 'ltp_rate': (0.003, 0.005), 'ltd_rate': (-0.002, -0.001),
    'max_ltp_rate': (0.005, 0.006), 'doubling_interval': (30, 25), 'weight_bounds': ((0.1, 0.9), None),
    'n_winners': ((1, 3), None), 'inhibition_radius': ((1, 1), None), 'competition': ('batch', 'event'),
    'epochs_s3': (1, 3), 'reward': ('margin', 'winner'), 'margin': (0.0005, 0.0006), 'reward_ltp': (0.01, 0.02),
    'reward_ltd': (-0.01, -0.02), 'punishment_ltd': (-0.01, -0.02), 'punishment_ltp': (0.01, 0.02),
    's3_bounds': ((0.3, 0.7), None), 'factor_window': (10, 15), 'first_factors': ((0.5, 0.2), None),
    'silent_is_miss': (True, False), 'slow_weights': (60, 0), 's3_dropout': (0.8, 0.4), 'dropout_epochs': (1, 2),
    's3_dtype': ('float64', 'float32'), 'batch_size': (20, 10), 'test_every': (1, 2), 'released_code': (True, False)}
APART = {'mode', 'array_num', 'data_dir', 'rng'}       # names, sweeps, files: test_rstdp_mnist_cli.py; one value only


@pytest.fixture(autouse=True)
def made_up_data(monkeypatch):
    """Files are replaced by scikit-learn's digits and by random events; one training image is blank."""
    digits = {part: data.digits(part) for part in ('train', 'test')}

    def images(name, part, data_dir=''):
        found, labels = digits[part]
        found = found.copy() if name == 'mnist' else found[:, ::-1].copy()
        found[3] = 0
        return found, labels

    def events(found, n_bins, label=None):
        rng = np.random.default_rng(0)
        latency = rng.integers(0, 6 * n_bins, (len(found), 2, 34, 34)).clip(max=n_bins).astype(np.uint8)
        latency[3] = n_bins
        return latency
    monkeypatch.setattr(data, 'idx_images', images)
    monkeypatch.setattr(nmnist, 'first', lambda part, n, data_dir='': [
        ('', digit, None, '') for digit in np.random.default_rng(2).integers(0, 10, n).tolist()])
    monkeypatch.setattr(nmnist, 'encoded', events)
    monkeypatch.setattr(nmnist, 'first_recording', lambda part, data_dir: np.zeros((1, 4), np.int64))


def tiny(mode, **given):
    """Params of a mode, so small that a run takes a moment."""
    own = exp_params.MODES[mode]
    small = TINY | {'batch_size': 10 if own.get('batch_size', 1) > 1 else 1}
    small |= {'n_validation': 5} if own.get('n_validation') else {}
    small |= {'data': 'mnist'} if own.get('data', 'mnist') in ('digits', 'fashion_mnist', 'cifar10') else {}
    small |= {'dropout_epochs': 4} if own.get('dropout_epochs') else {}
    with warnings.catch_warnings(action='ignore'):
        return load_params(exp_params, mode=mode, **(small | given))


def same(a, b):
    """True if two results hold the same arrays."""
    names = (set(a) | set(b)) - {'lower_cpu_seconds'}
    return all(name in a and name in b and np.array_equal(a[name], b[name]) for name in names)


def check_mode(mode):
    """Demand of every parameter that it acts or is named."""
    runs = {}

    def run(p):
        if p not in runs:
            runs[p] = simulation.run(p)
        return runs[p]
    for field in dataclasses.fields(exp_params.Params):
        if field.name in APART:
            continue
        # potentials that lie on the thresholds: weights of one value, not trained
        base = {'init_sd': 0.0, 'init_mean': 0.5, 'epochs_s1': 0, 'epochs_s2': 0} if field.name == 'strict_threshold' else {}
        p = tiny(mode, **base)
        value = next(v for v in OTHER[field.name] if v != getattr(p, field.name))
        try:
            changed = tiny(mode, **base | {field.name: value})
            differs = not same(run(p), run(changed))
            if field.name in features.UPPER - {'released_code'}:         # layers 1, 2 are shared by runs that differ in it
                for name in ('conv1_weight', 'conv2_weight', 'latency_histogram'):
                    np.testing.assert_array_equal(run(p)[name], run(changed)[name], err_msg=f'{field.name}, {name}')
        except ValueError as error:                # refused in words
            assert '\n' not in str(error)
            differs = True
        assert differs == (field.name not in unused(p)), f'{mode}, {field.name}={value!r}: {unused(p).get(field.name, "acts?")}'


@pytest.mark.parametrize('mode', ['paper_short', 'replication', 'margin', 'nmnist', 'annealed'])
def test_every_parameter_acts_or_is_named(mode):
    check_mode(mode)


@pytest.mark.slow
@pytest.mark.parametrize('mode', exp_params.MODES)
def test_every_parameter_acts_or_is_named_in_every_mode(mode):
    check_mode(mode)


def test_a_given_parameter_that_does_nothing_is_named():
    with pytest.warns(UserWarning, match=r'margin does nothing in this run \(mode=paper\): it acts only with reward=margin'):
        load_params(exp_params, mode='paper', margin=0.1)
