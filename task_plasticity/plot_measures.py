"""Task-dependent representations: the numbers of the figures, from one saved run.

`Session(meta, arrays, suffix)` holds one test: suffix '_2' after learning, '' before, '_sigma_0.1' at another noise. Records
within EXCLUDED of a switch of the held angle (at most a tenth of the hold) are dropped. Runs with released_code keep them
(D10) and get the released entropies (D12) and correlations (D13).
"""
import functools

import numpy as np

from task_plasticity import plot_analysis as analysis
from task_plasticity import tasks
from task_plasticity.model import preferred_angles
from task_plasticity.plot_analysis import angles_of, flat, per_angle, released_keep, since_switch

EXCLUDED = 5.0                          # time units


class Session:
    """One test session of a run and everything that is read off it."""

    def __init__(self, meta, d, suffix='_2'):
        p = self.p = meta['params']
        self.d, self.suffix, self.task = d, suffix, tasks.task_of(p['objective'])
        self.net = {name: d[name + ('_initial' if suffix == '' else '')] for name in 'WCbD'}
        self.theta = flat(d[f'theta_test{suffix}'])[0]
        self.angles = angles_of(self.theta)
        self.released = p['released_code']
        step = p['dt'] * p['record_res'] * p['rate_thinning']
        excluded = -1.0 if self.released else min(EXCLUDED, p['switch_period'] / 10)
        self.keep = since_switch(d[f'theta_test{suffix}'], step, excluded)

    def records(self, name):
        """Records of all trials, one after another (n, m). They are large, and not kept here."""
        return flat(self.d[f'{name}_test{self.suffix}'])

    r = property(lambda self: self.records('r'), doc='Rates (N, m).')
    o = property(lambda self: self.records('o'), doc='Outputs (K, m).')
    target = property(lambda self: self.records('target'), doc='Targets (K, m).')

    @property
    def s(self):
        """Input rates (I, m)."""
        return np.maximum(0, np.cos(self.theta - preferred_angles(self.p['input_dim'])[:, None]))

    def at(self, function):
        """Array of a function of the kept records' mask at each angle."""
        return np.array(per_angle(function, self.theta, self.keep))

    @functools.cached_property
    def error(self):
        """Squared error summed over the plain outputs, or error rate where there are only classes (tasks.errors), per angle."""
        errors = tasks.errors(self.task, self.o, self.target)
        return self.at(lambda k: errors[k].mean())

    @functools.cached_property
    def mean_output(self):
        """Mean output per angle (angles, K)."""
        o = self.o
        return self.at(lambda k: o[:, k].mean(axis=1))

    @functools.cached_property
    def output_variance(self):
        """Variance of the output, summed over outputs, per angle."""
        o = self.o
        return self.at(lambda k: o[:, k].var(axis=1).sum())

    @functools.cached_property
    def bias_squared(self):
        """Squared distance of mean output and target per angle."""
        target = self.target
        return ((self.at(lambda k: target[:, k].mean(axis=1)) - self.mean_output) ** 2).sum(axis=1)

    @functools.cached_property
    def tuning(self):
        """Mean rates (angles, N)."""
        r = self.r
        return self.at(lambda k: r[:, k].mean(axis=1))

    @property
    def population_rate(self):
        """Mean rate of the population per angle."""
        return self.tuning.mean(axis=1)

    @property
    def preferred(self):
        """Preferred angle of each neuron."""
        return self.angles[self.tuning.argmax(axis=0)]

    @property
    def prior_concentration(self):
        """Concentration of the training stimuli (D1): 2 kappa_in; kappa_in with exact_prior or where they do not move."""
        exact = self.p['exact_prior'] or self.p['sigma_sampler'] == 0
        return self.p['kappa_in'] * (1 if exact else 2)

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
        pairs = np.triu_indices(len(self.net['b']), 1)
        signal = analysis.signal_correlations(self.r[:, self.keep], self.released)
        return float(np.corrcoef(signal[pairs], self.noise_correlation[pairs])[0, 1])

    @functools.cached_property
    def currents(self):
        """Mean recurrent and feed-forward current per angle and neuron, two (N, angles)."""
        s = self.s
        return (self.net['W'] @ self.tuning.T, self.net['C'] @ self.at(lambda k: s[:, k].mean(axis=1)).T)

    @property
    def recurrent_over_input(self):
        """Mean |mean W r| over mean |C s|."""
        recurrent, feedforward = self.currents
        return float(np.abs(recurrent).mean() / np.abs(feedforward).mean())

    @functools.cached_property
    def accuracy(self):
        """Share of correct classes over the angles off the boundaries (D7)."""
        wrong = tasks.wrong(self.task, self.o, self.target)
        inner = np.all([np.abs(np.angle(np.exp(1j * (self.angles - b)))) > 1e-6 for b in self.boundaries], axis=0)
        return float(1 - self.at(lambda k: wrong[k].mean())[inner].mean())

    @functools.cached_property
    def boundary_d_prime(self):
        """d' of D r at the two class boundaries: theta_thresh (0: the probable one) and theta_thresh_rev (pi)."""
        return analysis.boundary_compare(self.r, self.theta, self.net['D'][self.task.logistic], self.keep, self.boundaries)

    @property
    def boundaries(self):
        """The two class boundaries."""
        return self.p['theta_thresh'], self.p['theta_thresh_rev']

    @functools.cached_property
    def participation_ratio(self):
        """Dimensions of the activity: (sum of eigenvalues)^2 / sum of their squares, of the covariance of all kept records."""
        values = np.linalg.eigvalsh(np.cov(self.r[:, self.keep]))
        return float(values.sum() ** 2 / (values ** 2).sum())

    def at_angle(self, values, angle):
        """The value per angle at the test angle that is nearest to one (pi is -pi)."""
        return values[int(np.argmin(np.abs(np.angle(np.exp(1j * (self.angles - angle))))))]

    def ratio(self, values):
        """Value at 0 over value at pi."""
        return float(self.at_angle(values, 0) / self.at_angle(values, np.pi))


def session(meta, d, suffix='_2'):
    """The Session of a run, made once: its numbers are kept with the run's meta."""
    made = meta.setdefault('sessions', {})
    if suffix not in made:
        made[suffix] = Session(meta, d, suffix)
    return made[suffix]


def tracking(meta, d, first=200):
    """Correlation of output 0 with its target in each late training trial whose target s.d. exceeds 0.3 (5-unit samples)."""
    p, found = meta['params'], []
    stride = max(1, round(5 / (p['dt'] * p['record_res'])))
    for theta, o in zip(d['th_record_2'][first:, 0], d['o_record_2'][first:, 0], strict=True):
        target, output = tasks.targets(p, theta[stride::stride])[:, 0], o[stride::stride].astype(float)
        if target.std() > 0.3:
            found.append(np.corrcoef(target, output)[0, 1])
    return np.array(found or [np.nan])


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
