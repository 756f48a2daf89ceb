"""Convolutional network under the same three rules (specification 4.3, 5), in torch.

Convolution 3 x 3 -> ReLU -> layer normalisation over the channels of each pixel -> z (recorded) -> average pooling;
then a dense read-out. The local gradient of a layer is written out (`local_gradient`); back-propagation is autograd's.
"""
import functools
import math
import os
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from biohsic import data, layers
from biohsic.hsic import MODULATORS, NONE, third_factor
from biohsic.optimise import learning_rates

TYPES = {'float32': torch.float32, 'float64': torch.float64}
BLOCK = 128                             # images evaluated together


class Layer(NamedTuple):
    """What one convolution leaves behind."""

    input: torch.Tensor     # (N, C_in, H, W)
    a: torch.Tensor         # (N, C, H, W) before the rectification
    z: torch.Tensor         # (N, C, H, W) output before pooling
    scale: torch.Tensor     # (N, 1, H, W): 1 / sqrt(v + eps)


def device_of(p):
    """torch device: 'auto' is CUDA if there is one; ValueError if 'cuda' is asked for and there is none."""
    if p.device == 'cuda' and not torch.cuda.is_available():
        raise ValueError("device = 'cuda': torch finds no CUDA device here; use device=auto or device=cpu")
    return torch.device('cuda' if p.device == 'auto' and torch.cuda.is_available() else p.device.replace('auto', 'cpu'))


def to_images(x, device, dtype):
    """Images (n, H, W, C) as a tensor (n, C, H, W)."""
    return torch.as_tensor(np.ascontiguousarray(x), dtype=dtype, device=device).permute(0, 3, 1, 2)


# ---------------------------------------------------------------- forward

def normalise(a):
    """(z, scale): z = LN(max(a, 0)) over the channels, scale = 1 / sqrt(v + 1e-6)."""
    h = a.clamp(min=0)
    mean = h.mean(1, keepdim=True)
    variance = ((h * h).mean(1, keepdim=True) - mean * mean).clamp(min=0)
    scale = (variance + layers.EPSILON).rsqrt()
    return (h - mean) * scale, scale


def forward(weights, x, pooling):
    """([Layer, ...], features before the read-out (N, H W C), logits). weights: [W, b, ...], conv W (out, in, 3, 3)."""
    found = []
    for W, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        a = F.conv2d(x, W, b, padding=1)
        z, scale = normalise(a)
        found.append(Layer(x, a, z, scale))
        x = F.avg_pool2d(z, pooling)
    flat = x.permute(0, 2, 3, 1).reshape(len(x), -1)
    return found, flat, flat @ weights[-2] + weights[-1]


# ---------------------------------------------------------------- gradients

def kernel_matrix(x, sigma):
    """K (N, N), float64 on the CPU, of samples x (N, ...)."""
    flat = x.reshape(len(x), -1)
    return torch.exp(-distances(flat) / (2 * sigma ** 2 * flat.shape[1])).double().cpu().numpy()


def distances(flat):
    """Squared distances of all pairs of rows."""
    return torch.stack([((flat - row) ** 2).sum(1) for row in flat])


def label_matrix(labels, n_classes, sigma):
    """K^y of one-hot labels."""
    return np.where(labels[:, None] == labels[None, :], 1.0, math.exp(-1 / (sigma ** 2 * n_classes)))


def modulating_signal(z, c, sigma):
    """xi = sum_p c_p (2 / S^2) K^z[N-1, p] (z_{N-1} - z_p), shaped like one sample of z (N, ...)."""
    D, difference = z[0].numel(), z[-1] - z[:-1]
    kz = torch.exp(-(difference ** 2).flatten(1).sum(1) / (2 * sigma ** 2 * D))
    push = torch.as_tensor(c[:-1], dtype=z.dtype, device=z.device) * (2 / (sigma ** 2 * D)) * kz
    return torch.tensordot(push, difference, dims=1)


def objective_error(z, A, sigma):
    """d (HSIC objective) / dz of all samples: -(2 / (S^2 (N-1)^2)) sum_q A[p, q] K^z[p, q] (z_p - z_q)."""
    flat, N = z.reshape(len(z), -1), len(z)
    D = flat.shape[1]
    kz = torch.exp(-distances(flat) / (2 * sigma ** 2 * D))
    G = torch.as_tensor(A, dtype=z.dtype, device=z.device) * kz * (-2 / (sigma ** 2 * D * (N - 1) ** 2))
    return (G.sum(1, keepdim=True) * flat - G @ flat).reshape(z.shape)


def local_gradient(layer, error):
    """(dW, db) of a convolution from errors of its output, for the last len(error) samples; nothing flows to other layers.

    delta = 1[a > 0] LN^T(error), LN^T(g) = (g - mean(g) - z mean(g z)) / sqrt(v + eps) over the channels of each pixel.
    """
    x, a, z, scale = (part[len(part) - len(error):] for part in layer)
    delta = scale * (error - error.mean(1, keepdim=True) - z * (error * z).mean(1, keepdim=True)) * (a > 0)
    shape = (delta.shape[1], x.shape[1], 3, 3)
    return torch.nn.grad.conv2d_weight(x, shape, delta, padding=1), delta.sum((0, 2, 3))


def output_gradient(flat, logits, labels, current_only):
    """(dW, db) of the read-out: mean cross-entropy of the batch, or that of the current sample alone."""
    d = logits.softmax(1)
    d[torch.arange(len(labels)), labels] -= 1
    d = d / len(labels)
    if current_only:
        d = d * len(labels)
        d[:-1] = 0
    return flat.T @ d, d.sum(0)


# ---------------------------------------------------------------- networks

class CnnModels:
    """M networks, one after the other on the same images."""

    columns = 2

    def __init__(self, p, weights):
        torch.set_num_threads(int(os.environ.get('NUMBA_NUM_THREADS', torch.get_num_threads())))
        self.p, self.device, self.dtype, self.updates = p, device_of(p), TYPES[p.dtype], 0
        as_tensor = functools.partial(torch.as_tensor, dtype=self.dtype, device=self.device)
        self.weights_list = [[as_tensor(part) for part in model] for model in weights]
        self.moments = [[(torch.zeros_like(w), torch.zeros_like(w)) for w in model] for model in self.weights_list]

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

    def state(self):
        """Everything that changes: live arrays (views of the tensors on a CPU)."""
        found = {}
        for k, (model, moments) in enumerate(zip(self.weights_list, self.moments, strict=True)):
            for i, (w, (m, v)) in enumerate(zip(model, moments, strict=True)):
                found |= {f'w_{k}_{i}': w.cpu().numpy(), f'm_{k}_{i}': m.cpu().numpy(), f'v_{k}_{i}': v.cpu().numpy()}
        return found

    def restore(self, arrays):
        """Put the arrays of `state` back."""
        for k, (model, moments) in enumerate(zip(self.weights_list, self.moments, strict=True)):
            for i, (w, (m, v)) in enumerate(zip(model, moments, strict=True)):
                for tensor, name in ((w, 'w'), (m, 'm'), (v, 'v')):
                    tensor.copy_(torch.as_tensor(arrays[f'{name}_{k}_{i}']))

    def weights(self):
        """Final weights by layer: {'W1': (M, out, in, 3, 3), 'b1': (M, out), ...}"""
        return {f'{"Wb"[i % 2]}{i // 2 + 1}': np.stack([model[i].cpu().numpy() for model in self.weights_list])
                for i in range(len(self.weights_list[0]))}

    def gradients(self, weights, x, labels, y):
        """(gradients, logits) of one step for x (N, C, H, W), labels (tensor), y (the same in numpy)."""
        p = self.p
        if p.task == 'bp':
            free = [w.clone().requires_grad_() for w in weights]
            logits = forward(free, x, p.pooling_factor)[2]
            return torch.autograd.grad(F.cross_entropy(logits, labels), free), logits.detach()
        found, flat, logits = forward(weights, x, p.pooling_factor)
        gradients = []
        if len(x) > 1:
            kx, ky = kernel_matrix(x, p.sigma_x), label_matrix(y, p.nclasses, p.sigma_y)
            c, H = third_factor(MODULATORS[p.modulator], kx, ky, p.gamma), np.eye(len(x)) - 1 / len(x)
        for layer in found:
            if len(x) < 2:                                   # HSIC of one sample is undefined: only the output learns
                gradients += [None, None]
            elif p.task == 'biohsic' and MODULATORS[p.modulator] == NONE:
                gradients += [torch.zeros_like(w) for w in weights[len(gradients):len(gradients) + 2]]
            elif p.task == 'biohsic':
                gradients += local_gradient(layer, modulating_signal(layer.z, c, p.sigma_z)[None])
            else:
                gradients += local_gradient(layer, objective_error(layer.z, H @ (kx - p.gamma * ky) @ H, p.sigma_z))
        current_only = p.readout_batch == 'current' and p.task == 'biohsic'
        return gradients + list(output_gradient(flat, logits, labels, current_only)), logits

    def update(self, k, gradients, rate):
        """The optimiser's step of network k (AdamW as in optimise.update_row); a gradient of None leaves its weights alone."""
        p, t = self.p, self.updates + 1
        decay = p.weight_decay if p.optimizer == 'adamw' else 0.0
        for w, (m, v), g in zip(self.weights_list[k], self.moments[k], gradients, strict=True):
            if g is None:
                continue
            if p.optimizer == 'sgd':
                w.sub_(g, alpha=rate)
                continue
            m.mul_(p.b1).add_(g, alpha=1 - p.b1)
            v.mul_(p.b2).addcmul_(g, g, value=1 - p.b2)
            step = (m / (1 - p.b1 ** t)) / ((v / (1 - p.b2 ** t)).sqrt_().add_(p.eps))
            w.sub_(step.add_(w, alpha=decay), alpha=rate)

    @torch.no_grad()
    def step(self, x, y, rate):
        """One update of all networks on images x (N, H, W, C). -> (M, 3): loss before; loss and accuracy after it."""
        images, labels = to_images(x, self.device, self.dtype), torch.as_tensor(y, device=self.device)
        out = np.zeros((len(self.weights_list), 3))
        for k, weights in enumerate(self.weights_list):
            with torch.enable_grad():
                gradients, logits = self.gradients(weights, images, labels, y)
            out[k, 0] = F.cross_entropy(logits, labels)
            self.update(k, gradients, rate)
            if self.p.train_metrics:
                logits = forward(weights, images, self.p.pooling_factor)[2]
                out[k, 1:] = F.cross_entropy(logits, labels), (logits.argmax(1) == labels).double().mean()
        self.updates += 1
        return out

    def train(self, xs, labels, windows, per_epoch, learn=True, augmentation=None):
        """`windows` windows or batches -> (M, windows, 3), see step. augmentation: generator, drawn from per window."""
        p, out = self.p, []
        x, y, N = xs[0], labels[0], p.batch_size
        shift = 1 if p.sliding else N
        for k, rate in enumerate(learning_rates(p, self.updates, windows, per_epoch)):
            batch = x[k * shift:k * shift + N]
            out.append(self.step(data.augmented(batch, augmentation) if p.augment else batch, y[k * shift:k * shift + N], rate))
        return np.stack(out, axis=1)

    @torch.no_grad()
    def evaluate(self, x, labels):
        """(M, images, 2): cross-entropy of each image, 1 where it is right. Raw images are standardised first."""
        out = np.zeros((len(self.weights_list), len(x), 2))
        for first in range(0, len(x), BLOCK):
            part = x[first:first + BLOCK]
            images = to_images(data.standardise(part) if part.dtype == np.uint8 else part, self.device, self.dtype)
            y = torch.as_tensor(labels[first:first + BLOCK], device=self.device)
            for k, weights in enumerate(self.weights_list):
                logits = forward(weights, images, self.p.pooling_factor)[2]
                out[k, first:first + BLOCK, 0] = F.cross_entropy(logits, y, reduction='none').cpu()
                out[k, first:first + BLOCK, 1] = (logits.argmax(1) == y).cpu()
        return out
