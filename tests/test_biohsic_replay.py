"""biohsic: replay of recorded runs of the released program (tests/reference/biohsic)."""
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from biohsic import cnn, data, hsic, layers, mlp
from biohsic.networks import LifModels, MlpModels
from biohsic.reservoir import Reservoir

REFERENCE = Path(os.environ.get('PLASTICITY_REFERENCE', Path(__file__).parent / 'reference')) / 'biohsic'
CASES = sorted(REFERENCE.glob('*.npz'))
DEFAULTS = {'schedule': 'constant', 'readout_batch': 'window', 'reset_state': False, 'train_metrics': True, 'device': 'cpu',
            'augment': False, 'readout_rule': 'delta', 'rls_alpha': 1.0, 'optimizer': 'adamw', 'b1': 0.9, 'b2': 0.99,
            'eps': 1e-8, 'weight_decay': 1e-4, 'modulator': 'released', 'gamma': 2.0, 'pooling_factor': 2}


def close(ours, theirs, what, rtol=1e-9, atol=1e-12):
    assert np.shape(ours) == np.shape(theirs), f'{what}: {np.shape(ours)} and {np.shape(theirs)}'
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=what)


def setting(params, **more):
    """A case's parameters under our names. No Params: cases may have sizes that no data set has."""
    sigmas = params.get('sigmas') or [params.get('sigma', 1.0)] * 3
    widths = dict(zip(('sigma_x', 'sigma_y', 'sigma_z'), map(float, sigmas), strict=True))
    p = SimpleNamespace(**(DEFAULTS | params | widths | more))
    p.gamma, p.batch_size, p.sliding = float(p.gamma), params['batchsize'], params['task'] in ('biohsic', 'lif-biohsic')
    p.sample_timesteps = params.get('sample_timesteps', params.get('ntimesteps'))
    p.learning_rate = float(p.learning_rate)
    return p


def one_hot(case, params):
    return data.one_hot(case['labels'], params['nclasses'])


# ---------------------------------------------------------------- kernels, HSIC, modulating signal

def check_kernels(case, params):
    given = {f'c{g["case"]}': g for g in params['cases']}
    names = sorted({name.split('_')[0] for name in case if name.startswith('c') and name.endswith('_kx')})
    assert names
    for name in names:
        g = given[name]
        sx, sy, sz = g['sigma_x'], g['sigma_y'], g['sigma_z']
        x, y, z = (case[f'{name}_{part}'].reshape(len(case[f'{name}_{part}']), -1).astype(float) for part in 'xyz')
        kernels = [hsic.kernel_matrix(a, float(s)) for a, s in ((x, sx), (y, sy), (z, sz))]
        for k, part in zip(kernels, ('kx', 'ky', 'kz'), strict=True):
            close(k, case[f'{name}_{part}'], f'{name} {part}')
        gamma = float(g['gamma'])
        close(np.array(hsic.objective(*kernels, gamma)), case[f'{name}_hsic'], f'{name} HSIC')
        gradient = hsic.objective_gradient(kernels[0], kernels[1], z, gamma, sz)
        close(gradient.reshape(case[f'{name}_grad_z'].shape), case[f'{name}_grad_z'], f'{name} gradient')
        variants = [key.split('_xi_')[1] for key in case if key.startswith(f'{name}_xi_')]
        assert {'released', 'published', 'exact'} <= set(variants)
        for variant in variants:
            xi = hsic.modulating_signal(variant, x, y, z, gamma, sx, sy, sz)
            close(xi.reshape(case[f'{name}_xi_{variant}'].shape), case[f'{name}_xi_{variant}'], f'{name} {variant}')


# ---------------------------------------------------------------- MLP, CNN

def layer_names(case, prefix):
    """Names below prefix in order: hidden layers, then the read-out."""
    found = sorted({key.split('/')[1] for key in case if key.startswith(prefix)})
    return sorted(found, key=lambda name: (name.startswith('Dense'), int(name.split('_')[1])))


def check_mlp(case, params):
    p, names = setting(params, columns=2), layer_names(case, 'init/')
    x, labels = case['x'].reshape(len(case['x']), -1), case['labels'].astype(np.int64)
    w = np.concatenate([np.concatenate([case[f'init/{n}/kernel'].ravel(), case[f'init/{n}/bias']]) for n in names])
    net = layers.dense((x.shape[1], *params['features'], params['nclasses']))
    first = case['window_index'][0]
    found = mlp.outputs(net, x[first], w)
    for l in range(net.depth):
        z = mlp.layer(net, found, l, len(first))
        close(z, case[f'step0_act/dense_{l}'], f'activity of layer {l}')
        if f'step0_xi/dense_{l}' in case:
            xi = hsic.modulating_signal(p.modulator, x[first], one_hot(case, params)[first], z, p.gamma, p.sigma_x, p.sigma_y,
                                        p.sigma_z)
            close(xi, case[f'step0_xi/dense_{l}'], f'xi of layer {l}')
    descent = MlpModels(setting(params, optimizer='sgd', learning_rate=1.0), net, w[None].copy())
    step_mlp(descent, x, labels, first)
    for l, name in enumerate(names):
        for i, part in enumerate(('kernel', 'bias')):
            gradient = layers.split(net, w - descent.w[0])[l][i]
            close(gradient, case[f'step0_grad/{name}/{part}'], f'gradient of {name}/{part}', atol=1e-14)
    models, losses = MlpModels(p, net, w[None].copy()), []
    for s, rows in enumerate(case['window_index']):
        losses.append(step_mlp(models, x, labels, rows))
        compare_parameters(case, f'step{s + 1}_params', names, layers.split(net, models.w[0]))
    close(np.array(losses), case['loss'], 'loss')


def step_mlp(models, x, labels, rows):
    """One step on the samples `rows`; the loss before it."""
    return models.train([np.ascontiguousarray(x[rows])], [labels[rows]], 1, 1)[0, 0, 0]


def compare_parameters(case, prefix, names, parts):
    for (kernel, bias), name in zip(parts, names, strict=True):
        close(kernel, case[f'{prefix}/{name}/kernel'], f'{prefix}/{name}/kernel')
        close(bias, case[f'{prefix}/{name}/bias'], f'{prefix}/{name}/bias')


def check_cnn(case, params):
    p, names = setting(params), layer_names(case, 'init/')
    weights = []
    for name in names:
        kernel = case[f'init/{name}/kernel']
        weights += [np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)) if kernel.ndim == 4 else kernel.copy(),
                    case[f'init/{name}/bias'].copy()]
    models = cnn.CnnModels(p, [weights])
    x, labels, first = case['x'], case['labels'].astype(np.int64), case['window_index'][0]
    images = cnn.to_images(x[first], models.device, models.dtype)
    found, _, logits = cnn.forward(models.weights_list[0], images, p.pooling_factor)
    outputs = {f'conv_{l}': layer.z.permute(0, 2, 3, 1).numpy() for l, layer in enumerate(found)}
    outputs[f'dense_{len(found)}'] = logits
    for name, z in outputs.items():
        close(np.asarray(z), case[f'step0_act/{name}'], f'activity {name}')
        if f'step0_xi/{name}' in case:
            xi = hsic.modulating_signal(p.modulator, x[first], one_hot(case, params)[first], z, p.gamma, p.sigma_x, p.sigma_y,
                                        p.sigma_z)
            close(xi.reshape(case[f'step0_xi/{name}'].shape), case[f'step0_xi/{name}'], f'xi {name}')
    with torch.enable_grad():
        gradients, _ = models.gradients(models.weights_list[0], images, torch.as_tensor(labels[first]), labels[first])
    for g, (name, part) in zip(gradients, [(n, part) for n in names for part in ('kernel', 'bias')], strict=True):
        close(as_reference(g), case[f'step0_grad/{name}/{part}'], f'gradient of {name}/{part}', atol=1e-14)
    losses = []
    for s, rows in enumerate(case['window_index']):
        losses.append(models.step(x[rows], labels[rows], p.learning_rate)[0, 0])
        parts = [as_reference(w) for w in models.weights_list[0]]
        compare_parameters(case, f'step{s + 1}_params', names, list(zip(parts[::2], parts[1::2], strict=True)))
    close(np.array(losses), case['loss'], 'loss')


def as_reference(w):
    """A tensor in the references' layout: convolutions (kh, kw, in, out)."""
    w = w.detach().numpy()
    return w.transpose(2, 3, 1, 0) if w.ndim == 4 else w


# ---------------------------------------------------------------- leaky integrators

def lif_models(case, params, **more):
    depth = len(params['features']) + 1
    w = np.concatenate([np.concatenate([case[f'init/LIFDenseCell_{l}/i/kernel'].ravel(), case[f'init/LIFDenseCell_{l}/i/bias']])
                        for l in range(depth)]).astype(float)
    net = layers.dense((case['x'].shape[1], *params['features'], params['nclasses']))
    return LifModels(setting(params, **more), net, w[None].copy())


def compare_lif(case, prefix, models, N):
    for l, (kernel, bias) in enumerate(layers.split(models.net, models.w[0])):
        if f'{prefix}_params/LIFDenseCell_{l}/i/kernel' in case:
            close(kernel, case[f'{prefix}_params/LIFDenseCell_{l}/i/kernel'], f'{prefix} W {l}')
            close(bias, case[f'{prefix}_params/LIFDenseCell_{l}/i/bias'], f'{prefix} b {l}')
        if f'{prefix}_u/{l}' in case:
            u = models.u[0, models.net.units[l]:models.net.units[l + 1], :N].T
            close(u, case[f'{prefix}_u/{l}'], f'{prefix} u {l}')


def check_lif(case, params):
    x, labels, N = case['x'].astype(float), case['labels'].astype(np.int64), params['batchsize']
    models = lif_models(case, params)
    models.rule = models.rule._replace(steps=1)
    models.p.sample_timesteps = 1
    for t in sorted({int(key[1:].split('_')[0]) for key in case if key.startswith('t') and key[1].isdigit()}):
        loss = models.train([x[:N]], [labels[:N]], 1, 1)[0, 0, 0]
        close(loss, case[f't{t}_loss'], f'loss of time step {t}')
        compare_lif(case, f't{t}', models, N)
    models, outputs, at = lif_models(case, params), [], 0
    ends = {int(key[1:].split('_')[0]) for key in case if key.startswith('w') and key[1].isdigit()}
    for w in sorted(ends | {params['windows']}):
        outputs.append(models.train([x[at:]], [labels[at:]], w - at, 1)[0])
        compare_lif(case, f'w{w}', models, N)
        at = w
    out = np.concatenate(outputs)
    close(out[:, 0], case['train_loss'], 'training loss')
    close(out[:, 1], case['metric_loss'], 'loss')
    close(out[:, 2], case['metric_acc'], 'accuracy', atol=1e-7)
    close(out[:, 3:].reshape(len(out), -1, 3), case['metric_hsic'], 'HSIC')


# ---------------------------------------------------------------- reservoir, data sets

def check_reservoir(case, params):
    p = setting(params, dtype='float64')
    net = Reservoir(p, case['init/r/kernel'], case['init/i/kernel'], case['init/f/kernel'])
    net.W_o = case['init/o/kernel'].copy()
    x, z, N = case['x'].reshape(len(case['x']), -1), case['z'], params['batchsize']
    y = data.one_hot(case['labels'], params['ny'])
    for w in range(params['windows']):
        rows, now = slice(w, w + N), w + N - 1
        xi = hsic.modulating_signal('released', x[rows], y[rows], z[rows], p.gamma, p.sigma_x, p.sigma_y, p.sigma_z)
        close(xi, case['target'][w], f'target {w}')
        drive = np.concatenate([x[now], y[now], z[now]]) @ net.W_i
        for t in range(params['ntimesteps']):
            net.u, r, o = net.step(net.u, drive, case['noise_hidden'][w, t], case['noise_output'][w, t])
            for name, value in (('u', net.u), ('r', r), ('output', o)):
                close(value, case[name][w, t], f'{name} of window {w}, step {t}', atol=1e-12)
            close(np.mean((o - xi) ** 2), case['loss'][w, t], f'loss {w}, {t}')
            net.learn(r, o, xi)
        close(net.W_o, case['W_out'][w], f'W_out after window {w}')
        if 'eval_output' in case:
            p.hidden_noise = p.output_noise = 0.0
            u, outputs = net.evaluate(net.u, drive, None)
            close(outputs, case['eval_output'][w], f'evaluation {w}')
            close(u, case['eval_u_last'][w], f'u after evaluation {w}')


def check_synthetic(case, params):
    """The stored points are what the loader gives, and have the properties that their description says."""
    assert {len(case[f'{name}_train_input']) for name in ('linear', 'xor')} == {900}
    for name in ('linear', 'xor'):
        p = SimpleNamespace(data=name, synthetic='published', input_scale=1.0)
        sets = data.points(p)
        close(sets.train_x, case[f'{name}_train_input'].astype(float), name, rtol=0, atol=0)
        close(sets.test_y, case[f'{name}_test_label'], name, rtol=0, atol=0)
        for l, (W, b) in enumerate(data.published_weights(name, 30)):
            close(W, case[f'{name}_init30_W{l}'], name, rtol=0, atol=0)
            close(b, case[f'{name}_init30_b{l}'], name, rtol=0, atol=0)
    close(data.LINEAR_W, case['linear_w'].astype(float), 'w', atol=1e-5)
    assert ((case['linear_train_input'] @ data.LINEAR_W > 0) == case['linear_train_label']).all()


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
        if path.name.startswith(prefix):
            return check
    raise AssertionError(f'{path.name}: a case of unknown kind, {params}')


@pytest.mark.parametrize('path', CASES, ids=[path.stem for path in CASES])
def test_replay(path):
    with np.load(path, allow_pickle=False) as file:
        case = {name: file[name] for name in file.files}
    params = json.loads(str(case['params_json']))
    checker(path, params)(case, params)


def test_there_are_cases_and_unknown_kinds_fail():
    assert CASES, f'no reference cases in {REFERENCE}'
    with pytest.raises(AssertionError, match='unknown kind'):
        checker(Path('dreams.npz'), {'task': 'dreams'})
