# %% [markdown]
# # Impression learning, cell by cell
#
# Bredenberg, Lyo, Simoncelli, Savin: *Impression learning: online representation learning with synaptic plasticity*,
# NeurIPS 2021. This file runs cell by cell in Spyder, VS Code or PyCharm, as `python impression_learning/walkthrough.py`, and
# stands beside it as an executed notebook. It takes less than a minute, and half a minute more when the kernels are compiled.
#
# **The problem.** A sensory area sees a stimulus $x_t$ that is caused by something hidden, $z_t$. To be useful its activity
# $r_t$ should follow the hidden causes. Two models are needed for that: a *generative* one, $p_m(x_t, r_t)$: how do causes
# move, and what do they look like, and a *recognition* one, $q(r_t | x_t)$: what is the cause of what I see? Can synapses learn
# both at the same time, online, each seeing only its own two neurons?

# %%
import sys
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

import json
import warnings

import numpy as np

from common import ROOT
from common.figures import style
from common.params import load_params
from impression_learning import equations, exp_params, loops, network, plot_panels, simulation
from impression_learning.circuit import Circuit, rule_of
from impression_learning.equations import grad_log_p, grad_log_q

warnings.simplefilter('ignore')
plt = style()
rng = np.random.default_rng(3)

# %% [markdown]
# ## The stimulus
# Two hidden causes wander about, $z_t = (1 - \sigma_d^2) z_{t-1} + \sigma_d n_t$, and four channels each see a mixture of
# them, $x_t = C z_t$. A step keeps 97.5 % of the causes: what was there a moment ago says a lot about what is there now.

# %%
C = rng.standard_normal((4, 2)) / 2
X = equations.stimulus(C, 2000, dt=0.1, rng=rng)
figure, ax = plt.subplots(figsize=(7, 2.2))
ax.plot(X[:400])
ax.set(xlabel='time (steps)', ylabel='four channels $x$', title='The stimulus')
plt.show()

# %% [markdown]
# ## The network
# Each neuron has two sources of drive. The *basal* dendrite sees the layer below through recognition weights $W$, the *apical*
# dendrite the layer above (or, at the top, the neuron's own past) through generative weights $D$ and $A$. In a **wake** step
# ($\lambda = 1$) the stimulus drives the neurons; in a **sleep** step ($\lambda = 0$) the network's own prediction does, its
# *impression*. The other dendrite then says what it would have expected, and the difference is the error that it learns from.

# %%
figure, ax = plt.subplots(figsize=(5.5, 3.6))
for layer, (n, y) in enumerate(((4, 0), (2, 1.4))):
    for i in range(n):
        x = 1.3 * (i - (n - 1) / 2)
        ax.add_patch(plt.Circle((x, y), 0.22, fc='white', ec='k', zorder=3))
        ax.text(x, y, f'{"sr"[layer]}$_{i}$', ha='center', va='center', zorder=4)
arrow = dict(arrowstyle='-|>', shrinkA=16, shrinkB=16, lw=0.9)
for i in range(4):
    for j in range(2):
        low, high = (1.3 * (i - 1.5), 0), (1.3 * (j - 0.5), 1.4)
        ax.annotate('', high, low, arrowprops=arrow | dict(color='#0072B2', connectionstyle='arc3,rad=0.08'))
        ax.annotate('', low, high, arrowprops=arrow | dict(color='#D55E00', connectionstyle='arc3,rad=0.08'))
ax.text(-2.6, 0.75, 'recognition $W$\n(wake drives)', color='#0072B2', ha='center')
ax.text(2.6, 0.75, 'generation $D$\n(sleep drives)', color='#D55E00', ha='center')
ax.text(0, 1.95, 'own past, $A\\,r_{t-1}$', color='#D55E00', ha='center')
ax.set(xlim=(-3.4, 3.4), ylim=(-0.5, 2.3), aspect='equal')
ax.set_axis_off()
plt.show()

# %% [markdown]
# ## One step by hand
# `equations.py` is the paper in plain numpy. Here is one wake step and one sleep step, and what each teaches.

# %%
theta = equations.initial((4, 2), rng)                     # W1 recognition, D0 generation, a the transition's diagonal
sigma_q, sigma_p = (0.01, 0.01), (0.01, 0.158)             # noise s.d. of both layers under recognition and generation
last = np.array([0.3, -0.2])                               # the latents a moment ago
wake = equations.step(theta, X[500], last, 1, 0, rng.standard_normal(6), sigma_q, sigma_p)
sleep = equations.step(theta, X[500], last, 0, 0, rng.standard_normal(6), sigma_q, sigma_p)
print('stimulus x                  ', X[500].round(3))
print('wake:  s, r                 ', wake.h[0].round(3), wake.h[1].round(3))
print('       generation expected s', wake.mu_p[0].round(3), 'and r', wake.mu_p[1].round(3))
print('sleep: s, r (an impression) ', sleep.h[0].round(3), sleep.h[1].round(3))
print('       recognition expected r', sleep.mu_q[1].round(3))

# %% [markdown]
# In wake the generative weights learn: error of what was expected, times the activity that expected it, $\Delta D = (x - D r)
# r^T$. In sleep the recognition weights learn: the impression's cause is known, so $\Delta W = f'\,(r - f(W s))\, s^T$. Each
# synapse needs its own two neurons and the two dendrites of one of them.

# %%
dD = np.outer(X[500] - theta['D0'] @ wake.h[1], wake.h[1])
p = np.tanh(theta['W1'] @ sleep.h[0])
dW = np.outer((1 - p ** 2) * (sleep.h[1] - p), sleep.h[0])
assert np.allclose(dD, grad_log_p(wake.h, wake.mu_p, last, 0, X[500])['D0'])
assert np.allclose(dW, grad_log_q(sleep.h, sleep.mu_q)['W1'])
assert np.allclose(dD, equations.impression_learning(wake)['D0']) and 'W1' not in equations.impression_learning(wake)
print('dD\n', dD.round(4), '\ndW\n', dW.round(4))

# %% [markdown]
# ## Is it the gradient?
# The paper's objective $J$ is half the mean of $L = 2(\log \tilde q - \log \tilde p)$, with recognition in the role of $\tilde
# q$ in wake and of $\tilde p$ in sleep. Its gradient has two parts; impression learning keeps the one that is local and drops
# $(\log \tilde q - \log \tilde p) \nabla \log \tilde q$. How much is lost by it can be **measured**: the compiled kernel runs
# 200,000 steps twice for every weight, a little larger and a little smaller, with the same noise; the difference of the two
# mean losses is the exact gradient. Beside it stands the mean update of impression learning, at three stages of learning.

# %%
p = load_params(exp_params, mode='SNR', n_sample=150_000, save_sequences=False)
STEPS = 200_000


def objective(net, X, seed=7):
    """The two halves of J on a stimulus, of wake and of sleep steps: half the mean loss, without the fantasy-stimulus term that
    holds nothing to be learned. -> (2,)"""
    parts, _ = Circuit(p, net, np.random.default_rng(seed)).advance(X)
    return parts[:, :2].mean(axis=0) / 2


def exact_gradient(net, X, change=1e-4):
    """-sigma^2 dJ/dW for the recognition weights, by differences with the same noise: wake and sleep half (2, n_1, n_0)"""
    gradient = np.zeros((2, 2, 4))
    for i, j in np.ndindex(2, 4):
        ends = []
        for sign in (1, -1):
            moved = network.copy(net)
            moved.W_in[1, j, i] += sign * change
            ends.append(objective(moved, X))
        gradient[:, i, j] = -0.01 ** 2 * (ends[0] - ends[1]) / (2 * change)
    return gradient


def cosine(a, b):
    """Cosine of two arrays."""
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def mean_update(net, X, seed=7):
    """Mean update of W by impression learning over the same steps and noise (n_1, n_0)."""
    circuit = Circuit(p, net, np.random.default_rng(seed))
    sums = np.zeros((2, 1, *net.W_in.shape))
    loops.compare(net, circuit.act, circuit.phase, X, circuit.noise.draw(len(X))[0], np.zeros(0, bool), circuit.sigma_rec,
                  circuit.sigma_gen, (rule_of(p),), (network.learner(net),), *sums)
    return sums[0, 0, 1].T / len(X)


stream = np.random.default_rng(1)
C = stream.standard_normal((4, 2)) / 2
X_long = equations.stimulus(C, STEPS, 0.1, stream)
X_train = equations.stimulus(C, p.n_sample, 0.1, stream)
circuit = Circuit(p, network.initial(p.sizes, stream), stream, learn=True)
figure, axes = plt.subplots(1, 3, figsize=(9, 4.2))
cosines, lengths = [], []
for ax, steps in zip(axes, (0, 30_000, 120_000), strict=True):
    circuit.advance(X_train[:steps])
    (wake_half, sleep_half), local = exact_gradient(circuit.net, X_long), mean_update(circuit.net, X_long)
    exact = wake_half + sleep_half
    cosines.append((cosine(local, exact), cosine(local, sleep_half)))
    lengths.append(np.linalg.norm(local) / np.linalg.norm(exact))
    ax.axline((0, 0), slope=1, color='k', lw=0.8)
    ax.plot(exact.ravel(), local.ravel(), 'o', color='#0072B2', label=f'all of J: cosine {cosines[-1][0]:.2f}')
    ax.plot(sleep_half.ravel(), local.ravel(), 'x', color='#D55E00', label=f'sleep half: {cosines[-1][1]:.2f}')
    ax.set(xlabel='exact, $-\\sigma^2\\,dJ/dW$', title=['untrained', '30,000 steps', '150,000 steps'][len(cosines) - 1])
    ax.legend(fontsize='small', loc='upper center', bbox_to_anchor=(0.5, -0.25))
axes[0].set_ylabel('impression learning, mean $\\Delta W$')
figure.tight_layout()
plt.show()
print('cosine with the exact gradient, and with its sleep half:', np.round(cosines, 3).tolist())
print('length, exact gradient = 1:', np.round(lengths, 3))

# %% [markdown]
# It points into the same half-space, the sleep half of the objective more closely, and it is several times shorter: what wake
# could teach the recognition weights is left out. So the rule is biased. What it gains is that no global reward enters, whose
# noise every synapse would have to average away: REINFORCE is unbiased, and far noisier. That is the paper's argument.
#
# ## A small training
# Ten channels, four latents, a million steps, in a second. `simulation.run` is what the command line calls.

# %%
p = load_params(exp_params, mode='switch_period')
d = simulation.run(p)
run = [({'params': vars(p), 'diverged_at': -1}, d)]
figure, axes = plt.subplots(1, 3, figsize=(11, 3.3))
plot_panels.loss(axes[0], run)
plot_panels.io_trace(axes[1], run)
plot_panels.phases(axes[2], run, (300, 420), 0)
figure.tight_layout()
plt.show()
print(f'R^2 of the reproduction in wake: {float(d["R2"]):.4f}; transition {d["final_l1_transition"].round(3)}, true 0.975')

# %% [markdown]
# ## The paper's figures, from the published runs
# Fig. 1 (20 latents, 100 channels, 2 million steps): loss, reproduction, dynamics, phases. The network follows the stimulus,
# and left alone it dreams with the right dynamics.

# %%
for name in ('impression_learning_fig_1.png', 'impression_learning_fig_reinforce_snr.png'):
    picture = ROOT / 'figures' / 'published' / name
    if picture.exists():
        figure = plt.figure(figsize=(9, 6))
        ax = figure.add_axes((0, 0, 1, 1))
        ax.imshow(plt.imread(picture), interpolation='antialiased')
        ax.set_axis_off()
        plt.show()

# %% [markdown]
# ## What the paper claims, and what holds
# * *Generative model and inference are learned online with local plasticity*: holds, as here; also for real speech (Fig. 4).
# * *Updates have a far higher signal to noise ratio than a three-factor rule's*: holds, but the eight to ten orders of
#   magnitude of the released figure are mostly an artefact of traces that are never reset; real is a factor of 40 at first,
#   2.7 at the end (means over seeds; the median seed: 76, 2.5).
# * *It ends lower than REINFORCE in every dimension*: holds with every rule at its best learning rate too (mode `tuned`), by
#   less than at the one rate of the released program; back-propagation ends lower still.
#
# The numbers, with the released program's beside them:

# %%
results = ROOT / 'figures' / 'published' / 'results.json'
rows = json.loads(results.read_text()) if results.exists() else []
for row in (row for row in rows if row['folder'] == 'impression_learning' and row['main'] and row['ours'] is not None):
    print(f'{row["figure"]:28} {row["quantity"]:62.62} {row["ours"]:10.4g}   released {row["released"] or "-"}')

# %% [markdown]
# ## Now change it
# A learning rule is a function of a `Step` that returns updates. **Exercise:** write a rule that never dreams: it learns in
# wake as impression learning does, and not at all in sleep. What becomes of the loss, and why? (One solution below.)

# %%


def never_dreams(step):
    """Impression learning without sleep's lesson: the recognition weights stay as they are."""
    return equations.impression_learning(step) if step.wake else {}


found = {}
for rule in (equations.impression_learning, never_dreams):
    again = np.random.default_rng(5)
    theta = equations.initial((4, 2), again)
    before = theta['W1'].copy()
    losses, _ = equations.train(theta, equations.stimulus(C, 15_000, 0.1, again), again, sigma_q, sigma_p, rule, eta=1e-2)
    found[rule.__name__] = losses[-3000:].mean(), np.abs(theta['W1'] - before).max()
    print(f'{rule.__name__:20} mean loss of the last fifth {losses[-3000:].mean():8.0f}, W moved by',
          np.abs(theta['W1'] - before).max().round(3))

# %% [markdown]
# Without impressions nobody tells the recognition weights what the causes were. To give a rule a name, so that it is trained,
# compared and drawn everywhere, see "Change it" in the README.

# %%
assert np.array(cosines).min() > 0.5 and max(lengths) < 1           # the local rule: the same way, and shorter
assert float(d['R2']) > 0.97 and np.median(np.abs(d['final_l1_transition'] - 0.975)) < 0.01
assert found['never_dreams'][1] == 0 and found['impression_learning'][1] > 0.1
assert found['impression_learning'][0] < found['never_dreams'][0]
