"""Task-dependent representations: the numbers of the figures, from one saved run (specification 7.1).

`Session(meta, arrays, suffix)` holds one test: suffix '_2' after learning, '' before, '_sigma_0.1' at another noise. Records
within `exclude_after_switch` of a switch of the held angle are dropped; runs with released_code keep them (D10), and get the
released entropies (D12) and correlations (D13).
"""
import functools

import numpy as np

from task_plasticity import plot_analysis as analysis
from task_plasticity.model import preferred_angles
from task_plasticity.plot_records import angles_of, flat, per_angle, released_keep, since_switch


class Session:
    """One test session of a run and everything that is read off it."""

    def __init__(self, meta, d, suffix='_2'):
        p = self.p = meta['params']
        self.net = {name: d[name + ('_initial' if suffix == '' else '')] for name in 'WCbD'}
        self.r, self.o, self.target = (flat(d[f'{name}_test{suffix}']) for name in ('r', 'o', 'target'))
        self.theta = flat(d[f'theta_test{suffix}'])[0]
        step = p['dt'] * p['record_res'] * p['rate_thinning']
        self.released = p['released_code']
        self.keep = since_switch(d[f'theta_test{suffix}'], step, -1.0 if self.released else p['exclude_after_switch'])
        self.angles = angles_of(self.theta)
        phi = preferred_angles(p['input_dim'])
        self.s = np.maximum(0, np.cos(self.theta - phi[:, None]))
        self.classes = len(self.net['D']) == 1

    def at(self, function):
        """Array of a function of the kept records' mask at each angle."""
        return np.array(per_angle(function, self.theta, self.keep))

    @functools.cached_property
    def error(self):
        """Squared error summed over outputs, or error rate, per angle."""
        if self.classes:
            wrong = (self.o[0] > 0.5) != (self.target[0] > 0.5)
            return self.at(lambda k: wrong[k].mean())
        return self.at(lambda k: ((self.target[:, k] - self.o[:, k]) ** 2).sum(axis=0).mean())

    @functools.cached_property
    def mean_output(self):
        """Mean output per angle (angles, K)."""
        return self.at(lambda k: self.o[:, k].mean(axis=1))

    @functools.cached_property
    def output_variance(self):
        """Variance of the output, summed over outputs, per angle."""
        return self.at(lambda k: self.o[:, k].var(axis=1).sum())

    @functools.cached_property
    def bias_squared(self):
        """Squared distance of mean output and target per angle."""
        return ((self.at(lambda k: self.target[:, k].mean(axis=1)) - self.mean_output) ** 2).sum(axis=1)

    @functools.cached_property
    def tuning(self):
        """Mean rates (angles, N)."""
        return self.at(lambda k: self.r[:, k].mean(axis=1))

    @property
    def population_rate(self):
        """Mean rate of the population per angle."""
        return self.tuning.mean(axis=1)

    @property
    def preferred(self):
        """Preferred angle of each neuron."""
        return self.angles[self.tuning.argmax(axis=0)]

    def weighted_error(self, kappa):
        """Error with weights exp(kappa cos(theta - mu)) over the angles; kappa = 0: uniform."""
        weights = np.exp(kappa * np.cos(self.angles - self.p['mu_in']))
        return float((self.error * weights).sum() / weights.sum())

    @functools.cached_property
    def volume_fraction(self):
        """Noise volume in the read-out space over that in the largest axes, per angle."""
        return analysis.noise_volume(self.r, self.theta, self.net['D'], self.released, self.keep)[0]

    @functools.cached_property
    def fisher(self):
        """Linear Fisher information per angle."""
        return analysis.fisher_information(self.r, self.theta, self.keep)

    @functools.cached_property
    def noise_correlations(self):
        """Noise correlations (angles, N, N)."""
        keep = released_keep(len(self.theta), self.p['rate_thinning']) if self.released else self.keep
        return analysis.noise_correlations(self.r, self.theta, keep, self.released)

    @property
    def noise_correlation(self):
        """Noise correlations, mean over angles (N, N)."""
        return self.noise_correlations.mean(axis=0)

    @functools.cached_property
    def signal_noise_r(self):
        """Pearson correlation over pairs of the correlations of all records and the mean noise correlations."""
        pairs = np.triu_indices(len(self.r), 1)
        signal = analysis.signal_correlations(self.r[:, self.keep], self.released)
        return float(np.corrcoef(signal[pairs], self.noise_correlation[pairs])[0, 1])

    @functools.cached_property
    def currents(self):
        """Mean recurrent and feed-forward current per angle and neuron, two (N, angles)."""
        return (self.net['W'] @ self.tuning.T, self.net['C'] @ self.at(lambda k: self.s[:, k].mean(axis=1)).T)

    @property
    def recurrent_over_input(self):
        """Mean |mean W r| over mean |C s|."""
        recurrent, feedforward = self.currents
        return float(np.abs(recurrent).mean() / np.abs(feedforward).mean())

    @functools.cached_property
    def accuracy(self):
        """Share of correct classes over the angles off the boundary (D7)."""
        inner = (np.abs(self.angles) > 1e-6) & (np.abs(np.abs(self.angles) - np.pi) > 1e-6)
        return float(1 - self.error[inner].mean())

    @functools.cached_property
    def boundary_d_prime(self):
        """d' of D r at the probable and at the improbable boundary."""
        return analysis.boundary_compare(self.r, self.theta, self.net['D'], self.keep)

    def at_angle(self, values, angle):
        """The value per angle at one angle (0, or pi taken as -pi)."""
        return values[int(np.argmin(np.abs(self.angles - (-np.pi if np.isclose(angle, np.pi) else angle))))]

    def ratio(self, values):
        """Value at 0 over value at pi."""
        return float(self.at_angle(values, 0) / self.at_angle(values, np.pi))


def tracking(meta, d, first=200):
    """Correlation of output 0 with its target in each late training trial whose target s.d. exceeds 0.3 (5-unit samples)."""
    p, found = meta['params'], []
    stride = max(1, round(5 / (p['dt'] * p['record_res'])))
    for theta, o in zip(d['th_record_2'][first:, 0], d['o_record_2'][first:, 0], strict=True):
        target, output = np.cos(theta[stride::stride].astype(float)), o[stride::stride].astype(float)
        if target.std() > 0.3:
            found.append(np.corrcoef(target, output)[0, 1])
    return np.array(found)


def blocks(values, size=20):
    """Means of disjoint blocks of trials."""
    n = len(values) // size
    return values[:n * size].reshape(n, size).mean(axis=1)


def antisymmetric_error(meta, d):
    """Relative difference of the antisymmetric part of W from its decay (1 - dt g eta l_W)^updates alone."""
    p = meta['params']
    n = round(p['T'] / p['dt'])
    updates = p['trial_num_2'] * int((np.arange(1, n) * p['dt'] > p['transient']).sum())
    factor = (1 - p['dt'] * p['lr_gain'] * p['learning_rate'] * p['weight_l2']) ** updates
    after, before = (d[name] - d[name].T for name in ('W', 'W_initial'))
    return float(np.abs(after - factor * before).max() / np.abs(before).max())
