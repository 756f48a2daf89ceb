"""Convolutional network under the same three rules, in torch.

Convolution 3 x 3 -> nonlinearity -> layer normalisation over the channels of each pixel -> z -> average pooling; then a dense
read-out. Images and outputs are (N, height, width, channels), in that order in memory too: the normalisation then works on
neighbouring numbers, and a convolution's gradient is one matrix product. Tensors stay on their device until a call ends.
"""
import functools
import math
import os
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from biohsic import data, layers
from biohsic.diagnostics import View
from biohsic.hsic import MODULATORS, NONE, third_factor
from biohsic.optimise import learning_rates
from common.machine import without_denormals

TYPES = {'float32': torch.float32, 'float64': torch.float64}
BLOCK = 128                             # images evaluated together


class Layer(NamedTuple):
    """What one convolution leaves behind."""

    input: torch.Tensor     # (N, H, W, C_in)
    a: torch.Tensor         # (N, H, W, C) before the nonlinearity
    z: torch.Tensor         # (N, H, W, C) output before pooling
    scale: torch.Tensor     # (N, H, W, 1): 1 / sqrt(v + eps)


def device_of(p):
    """torch device: 'auto' is CUDA if there is one; ValueError if 'cuda' is asked for and there is none."""
    if p.device == 'cuda' and not torch.cuda.is_available():
        raise ValueError("device = 'cuda': torch finds no CUDA device here; use device=auto or device=cpu")
    return torch.device('cuda' if p.device == 'auto' and torch.cuda.is_available() else p.device.replace('auto', 'cpu'))


def to_device(array, device, dtype=None):
    """An array as a tensor on the device, in C order. Everything that is computed with enters here."""
    return torch.as_tensor(np.ascontiguousarray(array), dtype=dtype, device=device)


# ---------------------------------------------------------------- forward

def channels_first(x):
    """(N, H, W, C) as torch's convolutions want it, (N, C, H, W); nothing is copied."""
    return x.permute(0, 3, 1, 2)


def forward(weights, x, pooling):
    """([Layer, ...], features before the read-out (N, H W C), logits) of x (N, H, W, C). weights: [W, b, ...]"""
    found = []
    for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        a = F.conv2d(channels_first(x), W, b, padding=1).permute(0, 2, 3, 1)
        z, _, scale = torch.native_layer_norm(layers.activate_tensor(a), a.shape[3:], None, None, layers.EPSILON)
        found.append(Layer(x, a, z, scale))
        x = F.avg_pool2d(channels_first(z), pooling).permute(0, 2, 3, 1)
    flat = x.reshape(len(x), -1)
    return found, flat, torch.addmm(weights[-1], flat, weights[-2])


# ---------------------------------------------------------------- gradients

def distances(flat):
    """Squared distances (N, N) of all pairs of rows, from one product."""
    squares = torch.linalg.vecdot(flat, flat)
    return (squares[:, None] + squares - 2 * (flat @ flat.T)).clamp(min=0).fill_diagonal_(0)


def kernel_matrix(x, sigma):
    """K (N, N) of samples x (N, ...)."""
    flat = x.reshape(len(x), -1)
    return torch.exp(-distances(flat) / (2 * sigma ** 2 * flat.shape[1]))


def label_matrix(labels, n_classes, sigma):
    """K^y of one-hot labels."""
    return np.where(labels[:, None] == labels[None, :], 1.0, math.exp(-1 / (sigma ** 2 * n_classes)))


def modulating_signal(z, c, sigma):
    """xi = sum_p c_p (2 / S^2) K^z[N-1, p] (z_{N-1} - z_p), shaped like one sample of z (N, ...); two products."""
    flat, D = z.reshape(len(z), -1), z[0].numel()
    squares = torch.linalg.vecdot(flat, flat)
    kz = torch.exp(-(squares[-1] + squares[:-1] - 2 * (flat[:-1] @ flat[-1])).clamp(min=0) / (2 * sigma ** 2 * D))
    push = c[:-1] * (2 / (sigma ** 2 * D)) * kz
    return (push.sum() * flat[-1] - push @ flat[:-1]).reshape(z.shape[1:])


def objective_error(z, A, sigma):
    """d (HSIC objective) / dz of all samples: -(2 / (S^2 (N-1)^2)) sum_q A[p, q] K^z[p, q] (z_p - z_q)."""
    flat, N = z.reshape(len(z), -1), len(z)
    G = A * kernel_matrix(z, sigma) * (-2 / (sigma ** 2 * flat.shape[1] * (N - 1) ** 2))
    G.fill_diagonal_(0)                                      # z_p - z_p, which would cancel with rounding errors only
    return (G.sum(1, keepdim=True) * flat - G @ flat).reshape(z.shape)


def patches(x):
    """The 3 x 3 neighbourhoods of all pixels of x (N, H, W, C), one a row: (N H W, 9 C)."""
    N, H, W, C = x.shape
    padded = F.pad(x, (0, 0, 1, 1, 1, 1))
    n, h, w, c = padded.stride()
    return padded.as_strided((N, H, W, 3, 3, C), (n, h, w, h, w, c)).reshape(N * H * W, 9 * C)


def local_gradient(layer, error):
    """(dW, db) of a convolution from errors of its output, for the last len(error) samples; nothing flows to other layers.

    delta = h'(a) LN^T(error), LN^T(g) = (g - mean(g) - z mean(g z)) / sqrt(v + eps) over the channels of each pixel.
    """
    x, a, z, scale = (part[len(part) - len(error):] for part in layer)
    along = (error * z).mean(3, keepdim=True)
    delta = (scale * (error - error.mean(3, keepdim=True) - z * along) * layers.slope_tensor(a)).flatten(0, 2)
    dW = (delta.T @ patches(x)).view(-1, 3, 3, x.shape[3]).permute(0, 3, 1, 2)
    return dW, delta.sum(0)


def output_gradient(flat, logits, labels, current_only):
    """(dW, db) of the read-out: mean cross-entropy of the batch, or that of the current sample alone."""
    d = logits.softmax(1) - F.one_hot(labels, logits.shape[1])
    if current_only:
        d[:-1] = 0
    else:
        d /= len(labels)
    return flat.T @ d, d.sum(0)


# ---------------------------------------------------------------- networks

class Network:
    """Weights of one network and its optimiser. weights: [W, b, ...], convolutions (out, in, 3, 3), read-out (in, out)."""

    def __init__(self, p, weights):
        self.weights = [w.to(memory_format=torch.channels_last) if w.ndim == 4 else w for w in weights]
        self.moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in self.weights]
        self.p = p

    def tensors(self):
        """{name: tensor} of everything that changes."""
        return {f'{name}_{i}': part for i, (w, (m, v)) in enumerate(zip(self.weights, self.moments, strict=True))
                for name, part in zip('wmv', (w, m, v), strict=True)}

    def update(self, gradients, rate, number):
        """The optimiser's step `number` (1, 2, ...), torch's own; a gradient of None leaves its weights alone."""
        p = self.p
        some = [(w, g.contiguous(memory_format=torch.channels_last) if g.ndim == 4 else g.contiguous(), m, v)
                for w, (m, v), g in zip(self.weights, self.moments, gradients, strict=True) if g is not None]
        w, g, m, v = (list(part) for part in zip(*some, strict=True))
        if p.optimizer == 'sgd':
            torch._foreach_add_(w, g, alpha=-rate)
            return
        steps = [torch.tensor(float(number), device=part.device) for part in w]
        torch._fused_adamw_(w, g, m, v, [], steps, lr=rate, beta1=p.b1, beta2=p.b2, eps=p.eps, amsgrad=False, maximize=False,
                            weight_decay=p.weight_decay if p.optimizer == 'adamw' else 0.0)


class CnnModels:
    """M networks, one after the other on the same images."""

    columns = 2

    def __init__(self, p, weights):
        torch.set_num_threads(int(os.environ.get('NUMBA_NUM_THREADS', torch.get_num_threads())))
        self.p, self.device, self.dtype, self.updates = p, device_of(p), TYPES[p.dtype], 0
        self.put = functools.partial(to_device, device=self.device)
        self.networks = [Network(p, [self.put(part, dtype=self.dtype) for part in model]) for model in weights]

    @classmethod
    def begin(cls, p, sets):
        """Networks with LeCun-normal weights."""
        (height, width, below), models = sets.test_x.shape[1:], []
        for k in range(p.nmodels):
            rng, model, n, size = layers.generator(p.seed, 0, k), [], below, (height, width)
            for features in p.features:
                model += [layers.lecun_normal(rng, (features, n, 3, 3), 9 * n), np.zeros(features)]
                n, size = features, (size[0] // p.pooling_factor, size[1] // p.pooling_factor)
            n *= size[0] * size[1]
            models.append(model + [layers.lecun_normal(rng, (n, p.nclasses), n), np.zeros(p.nclasses)])
        return cls(p, models)

    def __len__(self):
        return len(self.networks)

    @torch.no_grad()
    def views(self, k, x):
        """Hidden layers of network k in a window of images x (N, H, W, C) (see diagnostics)."""
        found, _, _ = forward(self.networks[k].weights, self.put(x, dtype=self.dtype), self.p.pooling_factor)
        for layer in found:
            def update(xi, layer=layer):
                error = self.put(xi, dtype=self.dtype).reshape(layer.z[-1:].shape)
                return torch.cat([g.flatten() for g in local_gradient(layer, error)]).double().cpu().numpy()
            yield View(layer.z.flatten(1).cpu().numpy(), update)

    def state(self):
        """Everything that changes: arrays (views of the tensors on a CPU)."""
        return {f'{name}_{k}': part.cpu().numpy() for k, network in enumerate(self.networks)
                for name, part in network.tensors().items()}

    def restore(self, arrays):
        """Put the arrays of `state` back."""
        for k, network in enumerate(self.networks):
            for name, part in network.tensors().items():
                part.copy_(self.put(arrays[f'{name}_{k}']))

    def weights(self):
        """Final weights by layer: {'W1': (M, out, in, 3, 3), 'b1': (M, out), ...}"""
        return {f'{"Wb"[i % 2]}{i // 2 + 1}': np.stack([network.weights[i].cpu().numpy() for network in self.networks])
                for i in range(len(self.networks[0].weights))}

    def third_factor(self, x, labels):
        """(c (N,), A (N, N)) of a window: coefficients of xi and weights H (K^x - gamma K^y) H of the full gradient."""
        p, N = self.p, len(x)
        kx = kernel_matrix(x, p.sigma_x).double().cpu().numpy()
        ky, H = label_matrix(labels, p.nclasses, p.sigma_y), np.eye(N) - 1 / N
        c = third_factor(MODULATORS[p.modulator], kx, ky, p.gamma)
        return self.put(c, dtype=self.dtype), self.put(H @ (kx - p.gamma * ky) @ H, dtype=self.dtype)

    def gradients(self, passed, signal, labels):
        """Gradients [dW, db, ...] of the three-factor rule or the HSIC objective from a forward pass; signal: third_factor."""
        p, (found, flat, logits), gradients = self.p, passed, []
        for layer in found:
            if signal is None:                               # HSIC of one sample is undefined: only the output learns
                gradients += [None, None]
            elif p.task == 'hsic':
                gradients += local_gradient(layer, objective_error(layer.z, signal[1], p.sigma_z))
            elif MODULATORS[p.modulator] == NONE:
                width = layer.z.shape[3], layer.input.shape[3]
                gradients += [layer.z.new_zeros((*width, 3, 3)), layer.z.new_zeros(width[0])]
            else:
                gradients += local_gradient(layer, modulating_signal(layer.z, signal[0], p.sigma_z)[None])
        current_only = p.readout_batch == 'current' and p.task == 'biohsic'
        return gradients + list(output_gradient(flat, logits, labels, current_only))

    def back_propagation(self, network, images, labels):
        """(gradients, logits) by autograd."""
        free = [w.detach().requires_grad_() for w in network.weights]
        with torch.enable_grad():
            logits = forward(free, images, self.p.pooling_factor)[2]
            return torch.autograd.grad(F.cross_entropy(logits, labels), free), logits.detach()

    @without_denormals()
    @torch.no_grad()
    def train(self, xs, labels, windows, per_epoch, learn=True, augmentation=None):
        """`windows` windows or batches -> (M, windows, 3): loss before the update; loss and accuracy after it.

        augmentation: generator, drawn from per window. Without it the images of a window after its update, and the next one,
        are the forward pass of the next window: N + 1 images instead of 2 N.
        """
        p, N, shift = self.p, self.p.batch_size, 1 if self.p.sliding else self.p.batch_size
        out = self.put(np.zeros((len(self.networks), windows, 3)))
        y = self.put(labels[0])
        ahead = [None] * len(self.networks)
        images = None if p.augment else self.put(xs[0], dtype=self.dtype)
        reuse = p.task == 'biohsic' and p.train_metrics and not p.augment
        for k, rate in enumerate(learning_rates(p, self.updates, windows, per_epoch)):
            rows = slice(k * shift, k * shift + N)
            x = self.put(data.augmented(xs[0][rows], augmentation), dtype=self.dtype) if p.augment else images[rows]
            signal = self.third_factor(x, labels[0][rows]) if p.task != 'bp' and len(x) > 1 else None
            more = images[k:k + N + 1] if reuse else x
            for i, network in enumerate(self.networks):
                ahead[i] = self.learn(network, x, y[rows], signal, rate, more, out[i, k], ahead[i])
            self.updates += 1
        return out.cpu().numpy()

    def learn(self, network, x, y, signal, rate, more, out, passed):
        """One update of a network. passed: the forward pass of x, if known; more: the images for the pass after the update.
        Returns the pass of the next window, if `more` has one image more than x."""
        p = self.p
        if p.task == 'bp':
            gradients, logits = self.back_propagation(network, x, y)
        else:
            passed = forward(network.weights, x, p.pooling_factor) if passed is None else passed
            gradients, logits = self.gradients(passed, signal, y), passed[2]
        out[0] = F.cross_entropy(logits, y)
        network.update(gradients, float(rate), self.updates + 1)
        if not p.train_metrics:
            return None
        found, flat, logits = forward(network.weights, more, p.pooling_factor)
        out[1] = F.cross_entropy(logits[:len(x)], y)
        out[2] = (logits[:len(x)].argmax(1) == y).double().mean()
        if len(more) == len(x):
            return None
        return [Layer(*(part[1:] for part in layer)) for layer in found], flat[1:], logits[1:]

    @torch.no_grad()
    def evaluate(self, x, labels):
        """(M, images, 2): cross-entropy of each image, 1 where it is right. Raw images are standardised first."""
        out = self.put(np.zeros((len(self.networks), len(x), 2)))
        for first in range(0, len(x), BLOCK):
            part, y = x[first:first + BLOCK], self.put(labels[first:first + BLOCK])
            images = self.put(data.standardise(part) if part.dtype == np.uint8 else part, dtype=self.dtype)
            for k, network in enumerate(self.networks):
                logits = forward(network.weights, images, self.p.pooling_factor)[2]
                out[k, first:first + BLOCK, 0] = F.cross_entropy(logits, y, reduction='none')
                out[k, first:first + BLOCK, 1] = (logits.argmax(1) == y).double()
        return out.cpu().numpy()
