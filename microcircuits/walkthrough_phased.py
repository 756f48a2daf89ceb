# %% [markdown]
# # Before PAL: one layer at a time, and the pseudo-inverse
#
# The spring 2022 state of the authors' program learned its top-down weights in **phases**: for a while one hidden
# layer has noise and learns its $B$, then the next. Two rules: LDRL (local difference reconstruction loss,
# arXiv:2201.13415), whose $B$ becomes like $W^T$, and DTPDRL (difference target propagation with the difference
# reconstruction loss, arXiv:2006.14331), whose $B$ becomes like the pseudo-inverse $W^+$. This page has the notebooks
# of that program: the two rules without the circuit, the small demonstrations, the larger network, the pseudo-inverse
# and the misalignment $\epsilon$ that stops the noise. Read `walkthrough.py` first.

# %%
import sys
import warnings
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

import numpy as np

from common.figures import style
from common.params import Remark, load_params
from microcircuits import exp_params, simulation
from microcircuits.plot_panels import cosine

warnings.simplefilter('ignore', Remark)
plt = style()

# %% [markdown]
# ## The difference reconstruction loss, without any circuit
#
# Take one layer, $y = W x$ (three outputs, five hidden cells), and noise $\xi$ on $x$. The difference that it makes
# above is $W\xi$. Two questions that a synapse from above could answer:
#
# - LDRL: *how much of my noise do I find up there?* $\Delta B \propto \xi (W\xi)^T - \alpha B$. On average $\xi\xi^T
#   = \sigma^2 1$, so that $B \to (\sigma^2/\alpha)\,W^T$.
# - DTPDRL: *can I reconstruct my noise from what I find up there?* $\Delta B \propto (\xi - B W \xi)(W\xi)^T$ is the
#   negative gradient of $|\xi - B W\xi|^2$, the difference reconstruction loss. It stands still where $W^T = B W
#   W^T$, so that $B = W^T (W W^T)^{-1} = W^+$.

# %%
rng = np.random.default_rng(0)
W = rng.normal(0, 1, (3, 5))
rules = {'LDRL': lambda B, x, y: np.outer(x, y) - 0.2 * B, 'DTPDRL': lambda B, x, y: np.outer(x - B @ y, y)}
targets = {'W$^T$': W.T, 'W$^+$': np.linalg.pinv(W)}
start, found = rng.normal(0, 1, (5, 3)), {}
figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
for ax, (rule, change) in zip(axes, rules.items(), strict=True):
    B, steps = start.copy(), []
    for t in range(20_000):
        x = rng.standard_normal(5)
        B += 0.005 / (1 + t / 2000) * change(B, x, W @ x)
        steps.append([(B * T).sum() / np.linalg.norm(B) / np.linalg.norm(T) for T in targets.values()])
    found[rule] = dict(zip(targets, steps[-1], strict=True))
    ax.plot(np.array(steps)[::50], label=[f'B, {name}' for name in targets])
    ax.set(xlabel='step / 50', ylabel='cosine', title=rule)
    ax.legend(fontsize=8)
plt.show()
print({rule: {name: round(float(c), 3) for name, c in both.items()} for rule, both in found.items()})

# %% [markdown]
# The same in the circuit: the noise is in the soma of the hidden cells, $W\xi$ is the high-pass filtered rate of the
# output.
#
# ## LDRL in the circuit
#
# The two small demonstrations, and four inputs, 30 hidden cells, three outputs (the first tenth of it).

# %%
figure, axes = plt.subplots(1, 3, figsize=(11, 3), sharey=True)
last = {}
for ax, (mode, more) in zip(axes, (('phased_tiny', {}), ('phased_small', {}), ('phased_larger', dict(epochs=1))), strict=True):
    p = load_params(exp_params, mode=mode, rng='legacy', released_code=True, **more)
    d = simulation.run(p)
    series = cosine(d['BPP_1'], d['WPP_2'].transpose(0, 2, 1))
    ax.plot(np.arange(len(series)) * p.rec_per_steps * p.dt, series)
    ax.set(xlabel='time (ms)', title=f'{mode} ({"-".join(map(str, p.layers))})')
    last[mode] = series[-1], series[0]
axes[0].set_ylabel('cosine of B and W$^T$')
plt.show()
print({mode: [round(float(c), 4) for c in pair] for mode, pair in last.items()})

# %% [markdown]
# ## DTPDRL in the circuit: the pseudo-inverse, and noise that stops
#
# Noise disturbs. So it shall stop when $B$ is good enough: the circuit measures $\epsilon = (1 - \cos(\breve u, B
# r))/2$, low-passed, and is silent once that angle is below 45 degrees. After ten epochs (500 ms) the forward weights
# change. Does the noise come back?

# %%
p = load_params(exp_params, mode='phased_pinv', rng='legacy', released_code=True)
d = simulation.run(p)
time = np.arange(len(d['BPP_1'])) * p.rec_per_steps * p.dt
B, W = d['BPP_1'], d['WPP_2']
with_T, with_pinv = cosine(B, W.transpose(0, 2, 1)), cosine(B, np.linalg.pinv(W))
figure, axes = plt.subplots(1, 2, figsize=(9, 3))
axes[0].plot(time, with_T, label='B, W$^T$')
axes[0].plot(time, with_pinv, label='B, W$^+$')
axes[0].set(xlabel='time (ms)', ylabel='cosine')
axes[0].legend(fontsize=8)
axes[1].plot(time, d['epsilon_LO_1'][:, 0], 'k', label='ε, low-passed')
axes[1].axhline((1 - np.cos(np.radians(p.noise_deg))) / 2, color='k', ls='--', lw=0.8, label=f'{p.noise_deg:g} degrees')
axes[1].plot(time, np.abs(d['noise_1']).max(axis=1), lw=0.7, label='noise')
axes[1].set(xlabel='time (ms)')
axes[1].legend(fontsize=8)
plt.show()
half = len(time) // 2
print(f'after 10 epochs: cosine with the pseudo-inverse {with_pinv[half - 1]:.4f}; after the change {with_pinv[-1]:.4f}')

# %% [markdown]
# Here is a finding: $B$ does not reach the pseudo-inverse (.59). The noise stops at 45 degrees, and $B$ stays where
# it is; it does not come back when the weights change, since $\epsilon$ stays below its threshold. (An older revision
# of the notebook printed .897 and .4075; the released classes give .5917.) The rule itself is not to blame. With
# noise that never stops it goes all the way:

# %%
q = load_params(exp_params, mode='phased_pinv2', rng='legacy', released_code=True, dataset_size=4000, rec_per_steps=1000)
e = simulation.run(q)
endless = cosine(e['BPP_1'], np.linalg.pinv(e['WPP_2']))
print('phased_pinv2, cosine of B and pinv(W):', endless[[0, len(endless) // 2, -1]].round(4))

# %% [markdown]
# ## Now change it
#
# **Exercise.** Let the noise of `phased_pinv` stop later: below 15 degrees instead of 45. Does $B$ come closer to the
# pseudo-inverse? What does it cost?

# %%
r = load_params(exp_params, mode='phased_pinv', rng='legacy', released_code=True, noise_deg=15.0, epochs=10, change_epoch=0)
f = simulation.run(r)
closer = cosine(f['BPP_1'][-1:], np.linalg.pinv(f['WPP_2'][-1:]))[0]
share = [np.any(noise != 0, axis=1).mean() for noise in (f['noise_1'], d['noise_1'][:half])]
print(f'{r.noise_deg:g} degrees: cosine with the pseudo-inverse {closer:.4f} '
      f'({p.noise_deg:g} degrees: {with_pinv[half - 1]:.4f}); share of the time with noise {share[0]:.2f} ({share[1]:.2f})')

# %%
# what this page said, checked: true of its own values; after a change of yours an assert may fail
assert found['LDRL']['W$^T$'] > 0.98 > found['LDRL']['W$^+$'], 'LDRL: the transpose'
assert found['DTPDRL']['W$^+$'] > 0.98 > found['DTPDRL']['W$^T$'], 'DTPDRL: the pseudo-inverse'
assert abs(last['phased_tiny'][0] - 0.98662) < 1e-4 and abs(last['phased_small'][0] - 0.98632) < 1e-4, 'the released classes'
assert abs(last['phased_larger'][1] + 0.17262518) < 0.01 and last['phased_larger'][0] > last['phased_larger'][1] + 0.1
assert abs(with_pinv[half - 1] - 0.5916619384) < 1e-6, 'where the noise stops'
assert endless[-1] > 0.99, 'endless noise: the pseudo-inverse'
assert r.noise_deg >= p.noise_deg or closer > with_pinv[half - 1], 'a lower threshold brings B closer'
