"""The same network as a SpikingJelly module, time step by time step: the slow, readable reference and an interface.

One-shot waves: a cell sends 1 in the bin in which it fires and 0 in all others. Training is done by the kernels (stdp.py,
rstdp.py); tests show equal spikes, potentials and decisions. Works with SpikingJelly 2.0 and with 0.0.0.0.14.
"""
import numpy as np
import torch
from spikingjelly.activation_based import base, functional, neuron

from rstdp_mnist.neurons import layers
from rstdp_mnist.rstdp import class_of

SIMPLE = getattr(neuron, 'SimpleBaseNode', neuron.BaseNode)      # 2.0 has a simple base with charge, fire, reset hooks


class IFLatencyNode(SIMPLE):
    """Non-leaky integrate-and-fire neurons that fire at most once a presentation; the potential is never reset by a spike.

    V[t] = V[t-1] + x[t];  spike in the first bin with V > v_threshold (>= if not strict); the threshold may be infinite.
    Memories (cleared by reset()): v, and fired, 1 after the spike. Step modes 's' and 'm'.
    """

    def __init__(self, v_threshold=1.0, strict=True, step_mode='s'):
        super().__init__(v_threshold=float(v_threshold), v_reset=None, step_mode=step_mode)
        self.strict = strict
        self.register_memory('fired', 0.0)

    def neuronal_charge(self, x):
        """V[t] = V[t-1] + x[t]"""
        self.v = self.v + x

    def neuronal_fire(self):
        """One-shot spikes, same shape and dtype as v."""
        above = (self.v > self.v_threshold if self.strict else self.v >= self.v_threshold).to(self.v)
        spike = above * (1 - self.fired)
        self.fired = self.fired + spike
        return spike

    def neuronal_reset(self, spike):
        """The potential is kept."""

    def single_step_forward(self, x):
        """One bin: charge, fire."""
        self.neuronal_charge(x)
        return self.neuronal_fire()

    def multi_step_forward(self, x_seq):
        """All bins; x_seq (T, n, ...)."""
        return torch.stack([self.single_step_forward(x) for x in x_seq])


class FirstSpikePool(base.MemoryModule):
    """Max-pooling that passes on a window's first spike only (a plain max-pool would pass on every distinct latency)."""

    def __init__(self, window, step_mode='s'):
        super().__init__()
        self.window, self.step_mode = window, step_mode
        self.register_memory('fired', 0.0)

    def single_step_forward(self, x):
        """One bin; x (n, c, h, w)."""
        spike = torch.nn.functional.max_pool2d(x, self.window) * (1 - self.fired)
        self.fired = self.fired + spike
        return spike

    def multi_step_forward(self, x_seq):
        """All bins; x_seq (T, n, c, h, w)."""
        return torch.stack([self.single_step_forward(x) for x in x_seq])


class DeepNetwork(torch.nn.Module):
    """Three convolution layers; forward takes one bin of input waves (n, c, h, w) and returns layer 3's potential."""

    def __init__(self, p, weights, dtype=torch.float64):
        """p: exp_params.Params; weights: three arrays (f, c, ky, kx)."""
        super().__init__()
        self.p = p
        thresholds = (*p.threshold, float('inf'))
        for number, (layer, weight) in enumerate(zip(layers(p), weights, strict=True), 1):
            conv = torch.nn.Conv2d(layer.maps_in, layer.maps, layer.side, padding=layer.pad, bias=False, dtype=dtype)
            conv.weight = torch.nn.Parameter(torch.as_tensor(np.asarray(weight), dtype=dtype), requires_grad=False)
            self.add_module(f'conv{number}', conv)
            self.add_module(f'node{number}', IFLatencyNode(thresholds[number - 1], p.strict_threshold))
            pool = FirstSpikePool(layer.pool) if p.pooling == 'first' else torch.nn.MaxPool2d(layer.pool)
            self.add_module(f'pool{number}', pool)

    def forward(self, x):
        """One bin."""
        x = self.pool1(self.node1(self.conv1(x)))
        x = self.pool2(self.node2(self.conv2(x)))
        self.node3(self.conv3(x))
        return self.node3.v

    def decide(self, latency):
        """Classes (n,), -1 = silent, and final potentials of layer 3 (n, f, h, h), for input latencies (n, c, h, w)."""
        functional.reset_net(self)
        with torch.no_grad():
            for wave in waves(latency, self.p.n_time_bins, self.conv1.weight.dtype):
                V = self(wave)
        V = V.numpy()
        positions = V[0, 0].size
        best = V.reshape(len(V), -1).argmax(axis=1)
        by_map = self.p.class_map == 'by_map'
        classes = [class_of(i // positions, i % positions, positions, V.shape[1], self.p.n_classes, by_map) for i in best]
        return np.where(V.reshape(len(V), -1).max(axis=1) > 0, classes, -1), V


def waves(latency, n_bins, dtype=torch.float64):
    """One-shot waves (T, n, ...) of latencies (n, ...), n_bins = never."""
    return torch.stack([torch.as_tensor(latency == t).to(dtype) for t in range(n_bins)])


def latencies(spikes):
    """Latencies (n, ...) uint8, T = never, of one-shot waves (T, n, ...)."""
    fired = spikes.cumsum(0) > 0
    return (len(spikes) - fired.sum(0)).to(torch.uint8).numpy()
