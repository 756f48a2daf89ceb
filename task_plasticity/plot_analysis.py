"""Task-dependent representations: records of test sessions grouped by angle, and the definitions that the figures use.

Records are `r` (N, m) rates, `o` (K, m) outputs, `theta` (m,) angles, with all trials put one after another (`flat`);
quantities "per angle" follow `angles_of(theta)`, the sorted distinct angles. Where the released program's definition differs
(records dropped by their index, mixed degrees of freedom, entropies), `released=True` gives it.
"""
import numpy as np

# ---------------------------------------------------------------- records

def flat(x):
    """(trials, n, records) -> (n, trials * records)."""
    return np.asarray(x, float).transpose(1, 0, 2).reshape(np.shape(x)[1], -1)


def angles_of(theta):
    """Sorted distinct angles that occur."""
    return np.unique(theta)


def demand_circle(angles, least, what):
    """ValueError unless the angles go around the whole circle in equal steps, at least so many."""
    n = len(angles)
    if n < least or not np.allclose(np.diff(angles), 2 * np.pi / n):
        raise ValueError(f'{what} needs every test angle around the circle, at least {least}; {n} occur: '
                         f'take more test trials (test_num), or input_dim >= {least}')


def per_angle(function, theta, keep=None, least=1):
    """[function(mask of the records at this angle), ...]; keep (m,): records that may be used.

    ValueError names an angle with fewer than `least` records.
    """
    angles = angles_of(theta)
    masks = [(theta == angle) & (True if keep is None else keep) for angle in angles]
    for angle, mask in zip(angles, masks, strict=True):
        if mask.sum() < least:
            raise ValueError(f'angle {angle:.4f} has {mask.sum()} usable records, {least} are needed: take more test trials '
                             '(test_num) or a smaller rate_thinning')
    return [function(mask) for mask in masks]


def since_switch(theta, dt_record, time):
    """Mask of the records later than `time` after a switch of the held angle (D10). theta (trials, 1, records) -> (m,)"""
    keep = np.zeros(theta[:, 0].shape, bool)
    for trial, angles in enumerate(theta[:, 0]):
        age = 0
        for i in range(len(angles)):
            age = 0 if i == 0 or angles[i] != angles[i - 1] else age + 1
            keep[trial, i] = age * dt_record > time
    return keep.ravel()


def released_keep(m, thinning=1):
    """Records that the released analysis keeps: flat index mod 2000 > 40, left over from another hold time (D13). (m,)

    thinning: only every so many records are at hand.
    """
    return np.arange(m) * thinning % 2000 > 40


# ---------------------------------------------------------------- definitions

def tuning_curves(r, theta):
    """Mean and s.d. of the rates per angle: two (angles, N)."""
    mean = np.array(per_angle(lambda k: r[:, k].mean(axis=1), theta))
    return mean, np.array(per_angle(lambda k: r[:, k].std(axis=1), theta))


def normalised(r, released):
    """Correlation matrix; released: covariance with ddof 1 over standard deviations with ddof 0."""
    if not released:
        return np.corrcoef(r)
    sd = r.std(axis=1)
    return np.cov(r) / np.outer(sd, sd)


def noise_correlations(r, theta, keep=None, released=False, covariance=False):
    """Correlations (or covariances) between neurons at each angle: (angles, N, N)."""
    keep = released_keep(len(theta)) if released and keep is None else keep
    least = 0 if released else 2
    return np.array(per_angle(lambda k: np.cov(r[:, k]) if covariance else normalised(r[:, k], released), theta, keep, least))


def signal_correlations(r, released=False):
    """Correlations over all records, whatever the angle: (N, N)."""
    return normalised(r, released)


def sort_order(r, theta, lowest=False):
    """Neurons by the angle index of the maximum (or minimum) of their tuning curve; ties by neuron number."""
    mean, _ = tuning_curves(r, theta)
    return np.argsort(mean.argmin(axis=0) if lowest else mean.argmax(axis=0), kind='stable')


def sorted_noise_correlations(correlations, order):
    """Rows and columns in the given order: (..., N, N)."""
    return correlations[..., order, :][..., order]


def sorted_stimulus_variance(r, theta, order=None):
    """Coefficient of variation (N, angles), neurons by preferred angle."""
    mean, sd = tuning_curves(r, theta)
    return (sd / mean).T[sort_order(r, theta) if order is None else order]


def read_out_axes(D):
    """Orthonormal basis of the read-out space: the first K right singular vectors of D, (K, N)."""
    return np.linalg.svd(D)[2][:len(D)]


def determinant(r):
    """Determinant of the covariance of r (n, m)."""
    return float(np.linalg.det(np.atleast_2d(np.cov(r))))


def gaussian_entropy(det, n):
    """Entropy of a Gaussian in n dimensions with this determinant."""
    return n / 2 * (1 + np.log(2 * np.pi)) + 0.5 * np.log(det)


def noise_volume(r, theta, D, entropy=False, keep=None):
    """Per angle: fraction = noise volume in the read-out space / in the K largest principal axes, total, projected, overlap
    of the two bases (K, N) and eigenvalues (N,). Volumes are determinants or (released program, D12) Gaussian entropies."""
    V = read_out_axes(D)

    def volume(k):
        U, eigenvalues, _ = np.linalg.svd(np.cov(r[:, k]))
        total, projected = determinant(U[:, :len(D)].T @ r[:, k]), determinant(V @ r[:, k])
        if entropy:
            total, projected = gaussian_entropy(total, len(D)), gaussian_entropy(projected, len(D))
        return projected / total, total, projected, V @ U, eigenvalues

    return [np.array(x) for x in zip(*per_angle(volume, theta, keep, len(D) + 1), strict=True)]


def ellipses(o, groups):
    """For each group of records (masks): mean x, mean y, width, height, angle of the 1-s.d. ellipse (degrees); and det cov."""
    found, dets = [], []
    for group in groups:
        x = o[:, group]
        cov = np.cov(x)
        values, vectors = np.linalg.eigh(cov)
        v = vectors[:, 0]
        angle = 180.0 + (np.degrees(np.arctan(v[1] / v[0])) if v[0] != 0 else 0.0)
        found.append([*x.mean(axis=1), *(2 * np.sqrt(np.maximum(values, 0))), angle if np.any(cov) else 180.0])
        dets.append(np.linalg.det(cov))
    return np.array(found), np.array(dets)


def d_prime(a, b):
    """(d', |difference of means|, s.d.), s.d. = root of the mean of the two variances."""
    difference, sd = abs(a.mean() - b.mean()), np.sqrt((a.var() + b.var()) / 2)
    return difference / sd, difference, sd


def boundary_pairs(angles, boundaries=(0.0, np.pi)):
    """Indices of the angles on both sides of each boundary: ((7, 5), (1, 11)) for 12 angles; ValueError unless all occur."""
    n = len(angles)
    demand_circle(angles, 4, "d' at the boundaries")
    places = (np.asarray(boundaries) - angles[0]) / (2 * np.pi / n)
    return tuple((int(np.ceil(x + 1e-6)) % n, int(np.floor(x - 1e-6)) % n) for x in places)


def boundary_compare(r, theta, D, keep=None, boundaries=(0.0, np.pi)):
    """d' of u = D r between the angles on both sides of each boundary (of 12: 0 +- pi/6, the probable one, and pi +- pi/6)."""
    angles = angles_of(theta)
    u, keep = (D @ r)[0], np.ones(len(theta), bool) if keep is None else keep
    at = [u[(theta == angle) & keep] for angle in angles]
    return tuple(d_prime(at[i], at[j])[0] for i, j in boundary_pairs(angles, boundaries))


def fisher_information(r, theta, keep=None):
    """Linear Fisher information along theta per angle: f'^T cov^-1 f', f' by central difference over the neighbours.

    ValueError unless every angle around the circle occurs, at least three.
    """
    covariances = per_angle(lambda k: np.cov(r[:, k]), theta, keep, len(r) + 1)
    demand_circle(angles_of(theta), 3, 'Fisher information')
    mean = np.array(per_angle(lambda k: r[:, k].mean(axis=1), theta, keep))
    step = 2 * (angles_of(theta)[1] - angles_of(theta)[0])
    slopes = (np.roll(mean, -1, axis=0) - np.roll(mean, 1, axis=0)) / step
    return np.array([slope @ np.linalg.solve(cov, slope) for slope, cov in zip(slopes, covariances, strict=True)])


def net_pca(r, n=10):
    """PCA over all records: (components (n, N), explained variance ratio (n,), projections (n, m))."""
    centred = r - r.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.cov(r))
    components = vectors[:, ::-1][:, :n].T
    return components, values[::-1][:n] / values.sum(), components @ centred
