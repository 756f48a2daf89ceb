"""How fast compiled arithmetic is here, so that an estimate of the time holds on another machine."""
import time

import numpy as np

from common.kernel import kernel

REFERENCE = 0.074                       # ns a multiply-add where the runs' `cost` was measured (AMD EPYC, one thread)


@kernel
def add_rows(W, x, y, times):
    """times matrix-vector products, y += row_j x_j: the form of the project's kernels. W (n, m), x (n,), y (m,)"""
    for _ in range(times):
        for j in range(W.shape[0]):
            for i in range(W.shape[1]):
                y[i] += W[j, i] * x[j]


def slowness(repeats=5):
    """Time of a multiply-add here, divided by that of the machine on which the costs were measured."""
    W, x, y = np.ones((64, 64)), np.full(64, 1e-9), np.zeros(64)
    add_rows(W, x, y, 1)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        add_rows(W, x, y, 1000)
        seconds.append(time.perf_counter() - start)
    return min(seconds) / (1000 * W.size) * 1e9 / REFERENCE
