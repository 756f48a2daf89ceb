"""biohsic: short real runs learn what the paper says (quick forms of the bands)."""
import numpy as np
import pytest

from biohsic import exp_params, reservoir, simulation
from common import cifar10
from common.data import find_data
from common.params import load_params


def run(**given):
    return simulation.run(load_params(exp_params, **given))


def have(*names):
    try:
        return bool(find_data(*names))
    except FileNotFoundError:
        return False


needs_mnist = pytest.mark.skipif(not have('mnist'), reason='MNIST is not on disk: python data/fetch.py mnist')
needs_fashion = pytest.mark.skipif(not have('fashion_mnist'), reason='Fashion-MNIST is not on disk')


def test_third_factor_lowers_the_objective_of_the_xor_networks():
    """Five networks, five epochs: training HSIC objective of the hidden layers with the rule, and without third factor."""
    rule, none = (run(mode='lif_xor', nmodels=5, nepochs=5, modulator=m)['train_hsic'][:, :, :, 0].mean(axis=1)
                  for m in ('released', 'none'))
    assert rule[5, 0] <= -0.15 and rule[5, 1] <= -0.24
    assert none[5, 0] >= -0.10 and none[5, 1] >= -0.20
    assert (rule[5] < rule[0]).all()


def test_inputs_of_full_size_make_xor_easy():
    """input_scale=1 (D6): above 98 % from epoch 8 on."""
    accuracy = run(mode='lif_xor', nmodels=5, nepochs=9, input_scale=1.0)['test_accuracy'].mean(axis=1)
    assert (accuracy[8:] >= 0.98).all()


@pytest.mark.slow
@needs_mnist
def test_rule_exact_gradient_and_control_on_ten_thousand_digits():
    """10,000 images of MNIST, one epoch, N = 8: bands for the mean of two networks."""
    found = {m: 100 * run(mode='biohsic_mnist', nmodels=2, nepochs=1, train_size=10_000, modulator=m, dtype='float64',
                          train_metrics=False)['test_accuracy'][1].mean() for m in ('released', 'exact', 'none')}
    assert 72 <= found['released'] <= 81 and 77 <= found['exact'] <= 88 and 54 <= found['none'] <= 71
    assert found['released'] - found['none'] >= 4 and found['exact'] > found['released']


def test_back_propagation_and_the_rule_learn_the_stand_in():
    """scikit-learn's digits, no download: chance is 10 %; back-propagation is above the rule, the rule above the control."""
    more = dict(data='digits', nmodels=2, dtype='float64')
    bp = run(mode='bp_mnist', nepochs=2, **more)['test_accuracy'][-1].mean()
    rule, none = (run(mode='biohsic_mnist', nepochs=4, modulator=m, **more)['test_accuracy'][-1].mean()
                  for m in ('released', 'none'))
    assert bp > rule > none > 0.1


@needs_mnist
def test_reservoir_follows_the_signal_of_the_window_it_learned():
    """n = 2000, one epoch: correlation >= .99, normalised error <= .01; untrained output is exactly 0."""
    d = run(mode='reservoir', nepochs=1)
    assert d['nmse'][0, 0] == 1 and not d['eval_output'][0, 0].any()
    assert d['correlation'][0, 1] >= 0.99 and d['nmse'][0, 1] <= 0.01
    again = reservoir.agreement(d['eval_target'][0, 1], d['eval_output'][0, 1])
    assert again == pytest.approx((d['correlation'][0, 1], d['nmse'][0, 1]))


@pytest.mark.slow
@needs_mnist
def test_mnist_in_single_precision():
    """All 60,000 images, float32: the bands of one epoch."""
    rule, none = (100 * run(mode='biohsic_mnist', nmodels=1, nepochs=1, modulator=m)['test_accuracy'][1, 0]
                  for m in ('released', 'none'))
    assert 87 <= rule <= 91 and 64 <= none <= 80 and rule - none >= 9
    assert 93.5 <= 100 * run(mode='bp_mnist', nmodels=1, nepochs=1)['test_accuracy'][1, 0] <= 96


@pytest.mark.slow
def test_small_tasks_over_25_epochs():
    """Ten networks: accuracy over epochs 15-25, control, objective of every layer below its start."""
    linear, xor, none = (run(mode=mode, nmodels=10, modulator=m) for mode, m in
                         (('lif_linear', 'released'), ('lif_xor', 'released'), ('lif_xor', 'none')))
    late = [100 * d['test_accuracy'][15:].mean() for d in (linear, xor, none)]
    assert 85 <= late[0] <= 96 and 82 <= late[1] <= 100 and late[2] <= 80 and late[1] - late[2] >= 8
    for d, bands in ((linear, ((-1.15, -0.75), (-1.8, -1.1))), (xor, ((-0.38, -0.20), (-0.50, -0.30), (-1.7, -0.6)))):
        mean = d['train_hsic'][:, :, :, 0].mean(axis=1)
        assert (mean[25] < mean[0]).all()
        assert all(low <= value <= high for value, (low, high) in zip(mean[25], bands, strict=True))


needs_cifar = pytest.mark.skipif(not have('cifar-10-batches-py'), reason='CIFAR-10 is not on disk')


def reduced(mode, **given):
    """Test accuracy (%) of one network by the reduced protocol."""
    return 100 * run(mode=mode, train_metrics=False, **given)['test_accuracy'][-1, 0]


@pytest.mark.slow
@needs_cifar
def test_cifar_by_the_reduced_protocol():
    """Bands for one network, around the released program's numbers."""
    bp, rule, none = (reduced(mode, modulator=m) for mode, m in
                      (('bp_cifar10_reduced', 'released'), ('biohsic_cifar10_reduced', 'released'),
                       ('biohsic_cifar10_reduced', 'none')))
    assert 46.5 <= bp <= 53.5 and 38 <= rule <= 45 and 31 <= none <= 44 and bp > rule


@pytest.mark.slow
@needs_cifar
def test_cifar_on_undecoded_images(monkeypatch):
    """Where the lower numbers of an earlier measurement came from: 25.8 (rule), 38.2 (back-propagation)."""
    load = cifar10.read
    monkeypatch.setattr(cifar10, 'read', lambda path: (differences(load(path)[0]), load(path)[1]))
    assert 34 <= reduced('bp_cifar10_reduced') <= 42 and 22 <= reduced('biohsic_cifar10_reduced') <= 30


def differences(images):
    """Bytes packed as differences: red and blue to green, then each pixel to the one above, then to the one on the left."""
    packed = images.copy()
    packed[..., 0] -= packed[..., 1]
    packed[..., 2] -= packed[..., 1]
    packed[:, 1:] = packed[:, 1:] - packed[:, :-1]
    packed[:, :, 1:] = packed[:, :, 1:] - packed[:, :, :-1]
    return packed


@pytest.mark.slow
@needs_fashion
def test_fashion_mnist_learns():
    d = run(mode='biohsic_fashion', nmodels=1, nepochs=1, train_size=10_000)
    assert d['test_accuracy'][1, 0] > 0.5 > d['test_accuracy'][0, 0] and np.isfinite(d['train_loss']).all()
