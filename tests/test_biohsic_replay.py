"""biohsic: replay of recorded runs of the released program (tests/reference/biohsic, or PLASTICITY_REFERENCE/biohsic).

A case may have any sizes and options, and need not have every array that is compared here: what it has is compared.
"""
import json
import os
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

from biohsic import cnn, data, equations, hsic, layers, mlp
from biohsic.networks import LifModels, MlpModels
from biohsic.reservoir import Reservoir

GIVEN = Path(__file__).parent / 'reference'
REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', GIVEN)) / 'biohsic'
CASES = sorted(REFERENCE.glob('*.npz'))
DEFAULTS = {'schedule': 'constant', 'readout_batch': 'window', 'reset_state': False, 'train_metrics': True, 'device': 'cpu',
            'augment': False, 'readout_rule': 'delta', 'rls_alpha': 1.0, 'optimizer': 'adamw', 'b1': 0.9, 'b2': 0.99,
            'eps': 1e-8, 'weight_decay': 1e-4, 'modulator': 'released', 'gamma': 2.0, 'pooling_factor': 2, 'dtype': 'float64'}
INPUTS = ('params_json', 'x', 'labels', 'z', 'window_index', 'init/', 'noise_')


class Case(dict):
    """Arrays of a file, {name: array}, whole or floating numbers in double precision, and which of them were compared."""

    def __init__(self, arrays):
        wide = {'f': np.float64, 'i': np.int64, 'u': np.int64}
        super().__init__({name: a.astype(wide.get(a.dtype.kind, a.dtype)) for name, a in arrays.items()})
        self.compared = set()

    def check(self, name, ours, rtol=1e-9, atol=1e-12):
        """Compare with the array of that name, if the case has it."""
        if name in self:
            self.compared.add(name)
            assert np.shape(ours) == self[name].shape, f'{name}: {np.shape(ours)} and {self[name].shape}'
            np.testing.assert_allclose(ours, self[name], rtol=rtol, atol=atol, err_msg=name)

    def left(self):
        """Results in the file that nothing was compared with."""
        return sorted(name for name in self if name not in self.compared and not name.startswith(INPUTS))

    def numbers(self, letter):
        """The n of the names that begin with, for example, w<n>_ (letter 'w')."""
        return sorted({int(name[len(letter):].split('_')[0]) for name in self
                       if name.startswith(letter) and name[len(letter)].isdigit()})


def setting(params, **more):
    """A case's parameters under our names. No Params: cases may have sizes that no data set has."""
    sigmas = params.get('sigmas') or [params.get('sigma', 1.0)] * 3
    widths = dict(zip(('sigma_x', 'sigma_y', 'sigma_z'), map(float, sigmas), strict=True))
    p = SimpleNamespace(**(DEFAULTS | params | widths | more))
    assert p.optimizer in ('adamw', 'adam', 'sgd') and p.modulator in hsic.MODULATORS, f'{p.optimizer}, {p.modulator}'
    p.gamma, p.batch_size, p.sliding = float(p.gamma), params['batchsize'], params['task'] in ('biohsic', 'lif-biohsic')
    p.sample_timesteps = params.get('sample_timesteps', params.get('ntimesteps'))
    p.learning_rate = float(p.learning_rate)
    return p


def one_hot(case, params):
    return data.one_hot(case['labels'], params['nclasses'] if 'nclasses' in params else params['ny'])


# ---------------------------------------------------------------- kernels, HSIC, modulating signal

def check_kernels(case, params, path):
    names = [f'c{n}' for n in case.numbers('c')]
    given = {f'c{g.get("case", i)}': g for i, g in enumerate(params['cases'])}
    for name in names:
        sigmas, gamma = [float(given[name][f'sigma_{part}']) for part in 'xyz'], float(given[name]['gamma'])
        samples = [case[f'{name}_{part}'].reshape(len(case[f'{name}_{part}']), -1) for part in 'xyz']
        kernels = [hsic.kernel_matrix(a, sigma) for a, sigma in zip(samples, sigmas, strict=True)]
        for part, k in zip('xyz', kernels, strict=True):
            case.compared.add(f'{name}_{part}')
            case.check(f'{name}_k{part}', k)
        case.check(f'{name}_hsic', np.array(hsic.objective(*kernels, gamma)))
        shape = case[f'{name}_z'].shape
        case.check(f'{name}_grad_z', equations.objective_gradient(*kernels[:2], samples[2], gamma, sigmas[2]).reshape(shape))
        for variant in hsic.MODULATORS:
            xi = hsic.modulating_signal(variant, *samples, gamma, *sigmas)
            case.check(f'{name}_xi_{variant}', xi.reshape(shape[1:]))


# ---------------------------------------------------------------- MLP, CNN

def layer_names(case, prefix):
    """Names below prefix in order: hidden layers, then the read-out."""
    found = sorted({key.split('/')[1] for key in case if key.startswith(prefix)})
    return sorted(found, key=lambda name: (name.startswith('Dense'), int(name.split('_')[1])))


def check_signal(case, params, name, z):
    """xi of one layer in the first window."""
    p, first = setting(params), case['window_index'][0]
    if f'step0_xi/{name}' in case:
        x, y = case['x'][first], one_hot(case, params)[first]
        xi = hsic.modulating_signal(p.modulator, x, y, z, p.gamma, p.sigma_x, p.sigma_y, p.sigma_z)
        case.check(f'step0_xi/{name}', xi.reshape(z.shape[1:]))


def check_mlp(case, params, path):
    p, names = setting(params), layer_names(case, 'init/')
    x, labels = case['x'].reshape(len(case['x']), -1), case['labels']
    w = np.concatenate([np.concatenate([case[f'init/{n}/kernel'].ravel(), case[f'init/{n}/bias']]) for n in names])
    net = layers.dense((x.shape[1], *params['features'], params['nclasses']))
    first = case['window_index'][0]
    found = mlp.outputs(net, x[first], w)
    for l in range(net.depth):
        z = mlp.layer(net, found, l, len(first))
        case.check(f'step0_act/dense_{l}', z)
        check_signal(case, params, f'dense_{l}', z)
    descent = MlpModels(setting(params, optimizer='sgd', learning_rate=1.0), net, w[None].copy())
    step(descent, x, labels, first)
    compare_parameters(case, 'step0_grad', names, layers.split(net, w - descent.w[0]), atol=1e-14)
    models, losses = MlpModels(p, net, w[None].copy()), []
    for s, rows in enumerate(case['window_index']):
        losses.append(step(models, x, labels, rows))
        compare_parameters(case, f'step{s + 1}_params', names, layers.split(net, models.w[0]))
    case.check('loss', np.array(losses))


def step(models, x, labels, rows):
    """One step on the samples `rows`; the loss before it."""
    return models.train([np.ascontiguousarray(x[rows])], [labels[rows]], 1, 1)[0, 0, 0]


def compare_parameters(case, prefix, names, parts, **tolerance):
    for (kernel, bias), name in zip(parts, names, strict=True):
        case.check(f'{prefix}/{name}/kernel', kernel, **tolerance)
        case.check(f'{prefix}/{name}/bias', bias, **tolerance)


def check_cnn(case, params, path):
    p, names = setting(params), layer_names(case, 'init/')
    weights = []
    for name in names:
        kernel = case[f'init/{name}/kernel']
        weights += [np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)) if kernel.ndim == 4 else kernel.copy(),
                    case[f'init/{name}/bias'].copy()]
    models = cnn.CnnModels(p, [weights])
    x, labels, first = case['x'], case['labels'], case['window_index'][0]
    network = models.networks[0]
    images, targets = models.put(x[first], dtype=models.dtype), models.put(labels[first])
    passed = found, _, logits = cnn.forward(network.weights, images, p.pooling_factor)
    outputs = {f'conv_{l}': layer.z.numpy() for l, layer in enumerate(found)}
    for name, z in (outputs | {f'dense_{len(found)}': logits.numpy()}).items():
        case.check(f'step0_act/{name}', z)
        check_signal(case, params, name, z)
    if p.task == 'bp':
        gradients, _ = models.back_propagation(network, images, targets)
    else:
        gradients = models.gradients(passed, models.third_factor(images, labels[first]), targets)
    compare_parameters(case, 'step0_grad', names, pairs(gradients), atol=1e-14)
    losses = []
    for s, rows in enumerate(case['window_index']):
        losses.append(step(models, x, labels, rows))
        compare_parameters(case, f'step{s + 1}_params', names, pairs(network.weights))
    case.check('loss', np.array(losses))


def pairs(tensors):
    """[(kernel, bias), ...] of [W, b, ...] in the references' layout."""
    parts = [as_reference(w) for w in tensors]
    return list(zip(parts[::2], parts[1::2], strict=True))


def as_reference(w):
    """A tensor in the references' layout: convolutions (kh, kw, in, out)."""
    w = w.detach().numpy()
    return w.transpose(2, 3, 1, 0) if w.ndim == 4 else w


# ---------------------------------------------------------------- leaky integrators

def lif_models(case, params):
    depth = len(params['features']) + 1
    w = np.concatenate([np.concatenate([case[f'init/LIFDenseCell_{l}/i/kernel'].ravel(), case[f'init/LIFDenseCell_{l}/i/bias']])
                        for l in range(depth)])
    net = layers.dense((case['x'][0].size, *params['features'], params['nclasses']))
    return LifModels(setting(params), net, w[None].copy())


def compare_lif(case, prefix, models, N):
    names = [f'LIFDenseCell_{l}/i' for l in range(models.net.depth)]
    compare_parameters(case, f'{prefix}_params', names, layers.split(models.net, models.w[0]))
    for l in range(models.net.depth):
        case.check(f'{prefix}_u/{l}', models.u[0, models.net.units[l]:models.net.units[l + 1], :N].T)


def check_lif(case, params, path):
    x, labels, N = case['x'].reshape(len(case['x']), -1), case['labels'], params['batchsize']
    models = lif_models(case, params)
    models.rule = models.rule._replace(steps=1)
    models.p.sample_timesteps = 1
    for t in range(1, 1 + max(case.numbers('t'), default=0)):
        case.check(f't{t}_loss', models.train([x[:N]], [labels[:N]], 1, 1)[0, 0, 0])
        compare_lif(case, f't{t}', models, N)
    models, outputs, at = lif_models(case, params), [], 0
    for w in sorted({*case.numbers('w'), params['windows']} - {0}):
        outputs.append(models.train([x[at:]], [labels[at:]], w - at, 1)[0])
        compare_lif(case, f'w{w}', models, N)
        at = w
    out = np.concatenate(outputs)
    case.check('train_loss', out[:, 0])
    case.check('metric_loss', out[:, 1])
    case.check('metric_acc', out[:, 2], atol=1e-7)
    case.check('metric_hsic', out[:, 3:].reshape(len(out), -1, 3))


# ---------------------------------------------------------------- reservoir, data sets

def check_reservoir(case, params, path):
    p, N = setting(params), params['batchsize']
    net = Reservoir(p, case['init/r/kernel'], case['init/i/kernel'], case['init/f/kernel'])
    net.W_o = case['init/o/kernel'].copy()
    x, y, z = case['x'].reshape(len(case['x']), -1), one_hot(case, params), case['z']
    found = {name: [] for name in ('target', 'u', 'r', 'output', 'loss', 'W_out', 'eval_output', 'eval_u_last')}
    for w in range(params['windows']):
        rows, now, steps = slice(w, w + N), w + N - 1, []
        xi = hsic.modulating_signal('released', x[rows], y[rows], z[rows], p.gamma, p.sigma_x, p.sigma_y, p.sigma_z)
        drive = np.concatenate([x[now], y[now], z[now]]) @ net.W_i
        for t in range(p.sample_timesteps):
            noise = [case[name][w, t] if name in case else 0.0 for name in ('noise_hidden', 'noise_output')]
            net.u, r, o = net.step(net.u, drive, *noise)
            net.learn(r, o, xi)
            steps.append((net.u, r, o, np.mean((o - xi) ** 2)))
        quiet = Reservoir(SimpleNamespace(**vars(p) | {'hidden_noise': 0.0, 'output_noise': 0.0}), net.W_r, net.W_i, net.W_f)
        quiet.W_o = net.W_o
        u, outputs = quiet.evaluate(net.u, drive, None)
        values = (xi, *map(np.array, zip(*steps, strict=True)), net.W_o.copy(), outputs, u)
        for name, value in zip(found, values, strict=True):
            found[name].append(value)
    for name, values in found.items():
        if not name.startswith('eval') or not (p.hidden_noise or p.output_noise):      # else with noise that is not recorded
            case.check(name, np.array(values))


def check_synthetic(case, params, path):
    """The loader gives the stored points and weights, and they have the properties that their description says."""
    with mock.patch.object(data, 'PUBLISHED', path):
        for name in ('linear', 'xor'):
            sets = data.points(SimpleNamespace(data=name, synthetic='published', input_scale=1.0))
            for part, values in zip(('train_input', 'train_label', 'test_input', 'test_label'), sets, strict=True):
                case.check(f'{name}_{part}', values, rtol=0, atol=0)
            for l, (W, b) in enumerate(data.published_weights(name, 30)):
                case.check(f'{name}_init30_W{l}', W, rtol=0, atol=0)
                case.check(f'{name}_init30_b{l}', b, rtol=0, atol=0)
                assert not b.any() and np.abs(W).max() <= 2 * W.shape[1] ** -0.5 / layers.TRUNCATED_STD * 1.000001
    for part in ('train', 'test'):
        x, corners = case[f'linear_{part}_input'], np.rint(case[f'xor_{part}_input']).astype(int)
        assert np.abs(x).max() <= 1 and ((x @ case['linear_w'] > 0) == case[f'linear_{part}_label']).all()
        assert ((corners[:, 0] ^ corners[:, 1]) == case[f'xor_{part}_label']).mean() > 0.999
        case.compared.add('linear_w')


def checker(path, params):
    """The check of a case: by its task, else by its name; an unknown kind is a failure."""
    task, model = params.get('task'), params.get('model')
    if task in ('biohsic', 'hsic', 'bp') and model in ('mlp', 'linear', 'cnn'):
        return check_cnn if model == 'cnn' else check_mlp
    if task == 'lif-biohsic':
        return check_lif
    if task == 'reservoir':
        return check_reservoir
    for prefix, check in (('kernels', check_kernels), ('synthetic', check_synthetic)):
        if task is None and path.name.startswith(prefix):
            return check
    raise AssertionError(f'{path.name}: a case of unknown kind, {params}')


@pytest.mark.parametrize('path', CASES, ids=[path.stem for path in CASES])
def test_replay(path):
    with np.load(path, allow_pickle=False) as file:
        case = Case({name: file[name] for name in file.files})
    params = json.loads(str(case['params_json']))
    checker(path, params)(case, params, path)
    assert case.compared, f'{path.name}: nothing was compared'
    if REFERENCE.parent == GIVEN:
        assert not case.left(), f'{path.name}: not compared: {case.left()}'


def test_there_are_cases_and_unknown_kinds_fail():
    assert CASES, f'no reference cases in {REFERENCE}'
    with pytest.raises(AssertionError, match='unknown kind'):
        checker(Path('dreams.npz'), {'task': 'dreams'})


def test_the_shipped_points_are_the_given_ones():
    assert data.PUBLISHED.read_bytes() == (GIVEN / 'biohsic' / 'synthetic_datasets.npz').read_bytes()
    with np.load(data.PUBLISHED, allow_pickle=False) as file:
        np.testing.assert_allclose(data.LINEAR_W, file['linear_w'], atol=1e-5)
