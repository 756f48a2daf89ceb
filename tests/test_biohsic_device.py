"""biohsic: convolutions on a device whose tensors refuse what those of CUDA refuse (no GPU needed), and on a real GPU;
reuse of forward passes."""
import numpy as np
import pytest
import torch

from biohsic import cnn, data, exp_params, simulation
from common.checkpoint import Checkpoint
from common.params import load_params


class DeviceTensor(torch.Tensor):
    """A tensor that cannot be read by numpy, nor be mixed with tensors of the CPU, before .cpu(), as on a GPU."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        given = [*args, *(kwargs or {}).values()]
        parts = [t for part in given for t in (part if isinstance(part, (list, tuple)) else [part])]
        with torch._C.DisableTorchFunctionSubclass():
            if function is torch.Tensor.cpu:
                return args[0].as_subclass(torch.Tensor).clone()
            if any(type(t) is torch.Tensor and t.ndim for t in parts):
                raise RuntimeError('expected all tensors to be on the same device')
        return super().__torch_function__(function, types, args, kwargs or {})

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy; use Tensor.cpu() first")

    numpy = __array__


def elsewhere(array, device, dtype=None):
    """cnn.to_device for this device."""
    return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype).as_subclass(DeviceTensor)


def test_the_device_refuses():
    t = elsewhere(np.ones(3), None)
    for wrong in (lambda: np.asarray(t), lambda: t + torch.ones(3), t.numpy):
        with pytest.raises((TypeError, RuntimeError), match='cuda|same device'):
            wrong()
    row = np.zeros(2)
    with pytest.raises(TypeError, match='cuda'):
        row[:] = t[:2]
    assert np.array_equal((2 * t).cpu().numpy(), [2, 2, 2])


@pytest.mark.parametrize('task', ['biohsic', 'hsic', 'bp'])
@pytest.mark.parametrize('given', [{}, {'train_metrics': False, 'optimizer': 'sgd'},
                                   {'modulator': 'none', 'readout_batch': 'current'}])
def test_a_run_on_the_device_is_that_on_the_cpu(task, given, monkeypatch):
    p = load_params(exp_params, mode='smoke', task=task, model='cnn', features=(3, 2), train_size=23, nepochs=1, batch_size=5,
                    **given)
    here = simulation.run(p)
    monkeypatch.setattr(cnn, 'to_device', elsewhere)
    for name, value in simulation.run(p).items():
        np.testing.assert_allclose(value, here[name], rtol=1e-12, err_msg=name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device here')
@pytest.mark.parametrize('given', [{}, {'task': 'hsic'}, {'task': 'bp'}, {'modulator': 'none'}, {'train_metrics': False}])
def test_a_gpu_computes_what_the_cpu_does(given):
    here, there = (simulation.run(load_params(exp_params, mode='smoke', model='cnn', features=(6, 4), train_size=40, nepochs=2,
                                              dtype='float64', device=device, **given)) for device in ('cpu', 'cuda'))
    for name, value in here.items():
        np.testing.assert_allclose(there[name], value, rtol=1e-7, atol=1e-11, err_msg=name)


def test_passes_that_are_used_again_change_nothing():
    """Metrics on: N + 1 images a step, the pass after an update is that of the next window. Off: N images, always anew."""
    found = [simulation.run(load_params(exp_params, mode='smoke', model='cnn', features=(4, 3), train_size=40, nepochs=2,
                                        train_metrics=flag)) for flag in (True, False)]
    for name in ('final_W1', 'final_W3', 'test_loss'):
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=1e-9, atol=1e-12)
    assert np.isfinite(found[0]['train_accuracy']).all() and np.isnan(found[1]['train_accuracy']).all()


def test_metrics_of_a_step_are_those_of_the_updated_network():
    p = load_params(exp_params, mode='smoke', model='cnn', features=(4, 3), nmodels=1, nepochs=1)
    sets = data.load(p)
    models = cnn.CnnModels.begin(p, sets)
    for first in range(3):
        rows = slice(first, first + p.batch_size)
        before = models.evaluate(sets.train_x[rows], sets.train_y[rows])[0].mean(axis=0)
        out = models.train([sets.train_x[rows]], [sets.train_y[rows]], 1, 1)[0, 0]
        after = models.evaluate(sets.train_x[rows], sets.train_y[rows])[0].mean(axis=0)
        np.testing.assert_allclose(out, [before[0], *after], rtol=1e-9)


@pytest.mark.parametrize('task', ['biohsic', 'bp'])
def test_an_interrupted_run_ends_with_the_same_bits(task, tmp_path, monkeypatch):
    """Stopped in the second epoch; moments, metrics and measures of the third factor go on from the checkpoint."""
    p = load_params(exp_params, mode='smoke', task=task, model='cnn', features=(3, 2), train_size=60, nepochs=2)
    whole, train, calls = simulation.run(p), cnn.CnnModels.train, []

    def fail(*arguments, **more):
        calls.append(1)
        if len(calls) == (8 if task == 'biohsic' else 4):
            raise KeyboardInterrupt
        return train(*arguments, **more)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(cnn.CnnModels, 'train', fail)
        simulation.run(p, Checkpoint(tmp_path / 'a.npz', every=0))
    assert (tmp_path / 'a.npz').exists()
    again = simulation.run(p, Checkpoint(tmp_path / 'a.npz', every=0))
    assert whole.keys() == again.keys() and all(np.array_equal(whole[k], again[k], equal_nan=True) for k in whole)
