# %% [markdown]
# # Five rules on one page
#
# All five papers say that their rule learns *without* what back-propagation needs. How close does it come, and at what price?
# This page measures the rules with the same four rulers: **what a synapse must know**, **alignment** of the mean update with
# the gradient, **noise** of a single update, **samples** until a task is learned. It takes about half a minute.

# %%
import json
import sys
import warnings
from pathlib import Path

import numpy as np

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

from across import exp_params, simulation
from across.experiments_needs import needs
from across.measures import RIGHT_WAY, cosine, finite_differences, measured
from common import ROOT
from common.figures import style
from common.params import load_params

warnings.simplefilter('ignore')
plt = style()

# %% [markdown]
# ## What must a synapse know?
# Each entry is a line of that folder's `equations.py`; the README links to it.

# %%
for rule in dict.fromkeys(entry['rule'] for entry in needs()):
    own = [e for e in needs() if e['rule'] == rule and e['entry'] not in ('–', 'no', 'none')]
    print(f'{rule:20}', '; '.join(f'{e["column"]}: {e["entry"]}' for e in own))

# %% [markdown]
# ## The rulers, on a case whose answer is known
# A linear network $y = x A B$ with squared error. One sample gives one update $u$ (back-propagation of that sample). The mean
# of all updates is the gradient: cosine 1. A single one is far from it; how far says the **signal to noise ratio**
# $|\bar u|^2 / \mathrm{tr}\,\mathrm{cov}(u)$. If the noise is the same in all directions and the mean is the gradient, the mean
# of $n$ updates has the cosine $1/\sqrt{1 + 1/(n\,\mathrm{SNR})}$, and $n = 1/\mathrm{SNR}$ of them point within 45 degrees.

# %%
rng = np.random.default_rng(0)
x, y, A, B = (rng.normal(size=size) for size in ((4000, 5), (4000, 3), (5, 4), (4, 3)))
gradient = -finite_differences(lambda: ((y - x @ A @ B) ** 2).sum(axis=1).mean() / 2, [A, B])
error = y - x @ A @ B
updates = np.concatenate([np.einsum('ni,nj->nij', x, error @ B.T).reshape(4000, -1),
                          np.einsum('ni,nj->nij', x @ A, error).reshape(4000, -1)], axis=1)
known = measured([updates], gradient)
shuffled = measured([rng.permuted(updates, axis=1)], gradient)
print(f'back-propagation: cosine {known["cosine"]:.6f}, SNR {known["snr"]:.3f}, 45 degrees after {known["samples"]:.1f}')
print(f'the same numbers at the wrong synapses: cosine {shuffled["cosine"]:+.2f}')

# %% [markdown]
# ## Three rules in one network
# XOR, 2-10-4-2 (HSIC-bottleneck Hebbian learning). With the exact signal the three-factor rule sees only the current sample of
# its window, and its mean still is the gradient of the HSIC objective. With the released signal it is not: it learns well all
# the same (next section), but not by descending that objective.

# %%
found = {rule: simulation.run(load_params(exp_params, rule=rule, seed=2)) for rule in ('backprop', 'hsic_exact', 'hsic')}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
for stage, (ax, when) in enumerate(zip(axes, ('untrained', 'trained'), strict=True)):
    for rule, d in found.items():
        n, values = d['blocks'][stage].T
        ax.plot(n, values, 'o-', label=f'{rule}: all {d["cosine"][stage]:.2f}')
    ax.axhline(RIGHT_WAY, color='k', ls='--', lw=0.7)
    ax.set(xscale='log', xlabel='updates in the mean', title=when)
    ax.legend(fontsize=8)
axes[0].set_ylabel('cosine with the gradient (median)')
plt.show()

# %% [markdown]
# ## Samples to criterion
# The criterion is 90 % of the way that back-propagation goes in the same network, every rule at the best of seven rates (here:
# at one of them).

# %%
figure, ax = plt.subplots(figsize=(5.5, 3.2))
curves = {}
for rival, name in ((False, 'HSIC-Hebbian'), (True, 'back-propagation')):
    some = [simulation.run(load_params(exp_params, mode='learning', rule='hsic', rival=rival, rate=3.0, seed=seed))
            for seed in (1, 2, 3)]
    curves[name] = np.mean([d['score'] for d in some], axis=0)
    ax.plot(some[0]['seen'], 100 * curves[name], label=name)
ax.set(xlabel='samples', ylabel='XOR, test accuracy (%)', title='mean of three networks')
ax.legend()
plt.show()

# %% [markdown]
# ## All rules, from the published runs

# %%
picture = ROOT / 'figures' / 'published' / 'across_fig_rules.png'
if picture.exists():
    figure = plt.figure(figsize=(11, 8.2))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.imshow(plt.imread(picture), interpolation='antialiased')
    ax.set_axis_off()
    plt.show()
rows = json.loads((ROOT / 'figures' / 'published' / 'results.json').read_text())
for row in (row for row in rows if row['folder'] == 'across' and 'cosine' in row['quantity'] and row['ours'] is not None):
    print(f'{row["quantity"]:80} {row["ours"]:+.2f}')

# %% [markdown]
# ## Limits
# * Tasks and networks differ: a ratio between rules of different papers says little; compare within a network.
# * "The gradient" is that of the objective which each rule is said to follow, not the same for all; R-STDP has none.
# * Read-outs that learn by the delta rule are left out.
#
# ## Now change it
# **Exercise.** Is the *sign* of each update enough? Replace $u$ by its sign and measure again. (In many networks it is: the
# price is a smaller cosine, not a wrong direction.)

# %%
signs = measured([np.sign(updates)], gradient)
print(f'signs only: cosine {signs["cosine"]:.2f}, SNR {signs["snr"]:.3f}')

# %%
# What was said above, as this run measured it.
assert known['cosine'] > 0.999999 and abs(shuffled['cosine']) < 0.6
assert (found['backprop']['cosine'] > 0.99).all() and (found['hsic_exact']['cosine'] > 0.97).all()
assert (found['hsic']['cosine'] < 0.9).all()
assert curves['HSIC-Hebbian'][-1] > 0.9
assert 0.5 < signs['cosine'] < 1
assert cosine(gradient, gradient) > 0.999999
