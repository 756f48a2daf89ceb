# %% [markdown]
# # Who tells a synapse in the middle of the cortex what to do?
#
# Max, Kriener, Pineda García, Nowotny, Jaras, Senn, Petrovici: *Learning efficient backprojections across cortical
# hierarchies in real time*, Nature Machine Intelligence 6 (2024). A walk through the paper, cell by cell; it runs in
# half a minute.
#
# Back-propagation sends the output's error down through the transposes $W^T$ of the bottom-up weights. A brain has
# other synapses for the way down, $B$, and nobody copies $W$ into them: the **weight transport problem**. With a
# fixed random $B$ (feedback alignment, FA) deep networks learn badly. The paper lets $B$ learn its way to $W^T$ from
# *noise*, all the time, with nothing but what each synapse can see: phaseless alignment learning, **PAL**.
#
# The other walk-through, `walkthrough_phased.py`, shows the predecessors of PAL and what "pseudo-inverse" has to do
# with it.

# %%
import sys
import warnings
from pathlib import Path

if not __package__:                     # run as a file, or cell by cell: the modules beside it, not another installed copy
    sys.path.insert(0, str(Path(globals().get('__file__', 'cell')).resolve().parents[1]))

import numpy as np

from common.figures import style
from common.params import Remark, load_params
from microcircuits import compare, equations, exp_params, simulation
from microcircuits.circuit import Microcircuit

warnings.simplefilter('ignore', Remark)
plt = style()


# %% [markdown]
# ## The microcircuit
#
# One hidden layer and the output. Every pyramidal cell has a soma ($u$, firing rate $r=\varphi(\breve u)$), a basal
# dendrite that hears from below ($W$), and an apical dendrite that hears from above ($B$). Beside each hidden layer
# sit interneurons: as many as there are cells in the layer above, each the twin of one of them. Their synapses $B^I$
# take away from the apical dendrite what can be predicted; what is left there is the error. (Triangles: pyramidal
# cells, circles: interneurons.)

# %%
def drawing():
    """The circuit with one hidden layer, two cells each."""
    figure, ax = plt.subplots(figsize=(7.4, 4.6))
    below, hidden, inter, top = [(1, 0), (2.4, 0)], [(1, 1.7), (2.4, 1.7)], [(4.6, 2.6), (5.8, 2.6)], [(2.2, 4), (3.6, 4)]
    kinds = ((below, '0.6', 's'), (hidden, '#0072B2', '^'), (top, '#0072B2', '^'), (inter, '#D55E00', 'o'))
    for cells, colour, marker in kinds:
        ax.plot(*zip(*cells, strict=True), marker, color=colour, ms=19, zorder=3)

    def arrows(sources, targets, colour, bend, lift=0.0):
        for a in sources:
            for b in targets:
                ax.annotate('', (b[0], b[1] + lift), a, arrowprops={
                    'arrowstyle': '-|>', 'color': colour, 'lw': 0.9, 'shrinkA': 11, 'shrinkB': 11,
                    'connectionstyle': f'arc3,rad={bend}'})

    arrows(below, hidden, 'k', 0)
    arrows(hidden, top, 'k', 0.1)
    arrows(top, hidden, '#009E73', 0.25, 0.25)
    arrows(hidden, inter, '0.5', -0.12)
    arrows(inter, hidden, '#D55E00', -0.25, 0.25)
    for x, y, text, colour in (
            (0.2, 0, 'input $r_0$', 'k'), (0.0, 1.7, 'hidden\n$u_1, r_1$', '#0072B2'),
            (1.2, 4.1, 'output\n$u_2, r_2$', '#0072B2'),
            (6.7, 2.6, 'interneurons\n$u^I$', '#D55E00'), (0.75, 0.8, '$W_1$', 'k'), (2.95, 2.6, '$W_2$', 'k'),
            (1.2, 3.0, '$B$', '#009E73'), (3.9, 2.9, '$W^{IP}$', '0.4'), (4.9, 1.6, '$B^I$', '#D55E00'),
            (2.9, 4.6, 'a target nudges the output', '0.3')):
        ax.text(x, y, text, color=colour, fontsize=11, ha='center', va='center', bbox={'fc': 'w', 'ec': 'none', 'pad': 0.5})
    ax.set(xlim=(-0.7, 7.4), ylim=(-0.5, 4.8))
    ax.axis('off')
    return figure


drawing()
plt.show()

# %% [markdown]
# ## One step by hand
#
# `equations.py` is the whole model in plain numpy. Four cells of input, five hidden, two output. The *prospective*
# voltage $\breve u = u + \tau\,\dot u$ is where $u$ is going; because rates follow $\breve u$ and not $u$, the
# network answers at once.

# %%
rng = np.random.default_rng(0)
net = equations.Circuit((4, 5, 2), rng=rng)
r0 = rng.uniform(0, 1, 4)
for t in range(8):
    equations.step(net, r0, learn=False)
    print(t, 'apical', net.vapi[0].round(6)[:3], ' output', net.u[-1].round(4), ' prospective', net.u_breve[-1].round(4))

# %% [markdown]
# After a few steps (of 0.01 ms; the membranes need 5 ms!) the prospective output stands, while the voltage itself
# still creeps. And the apical voltage is zero: interneurons predict the layer above perfectly. That is the
# **self-predicting state**. Now a target nudges the output by a little. The interneurons do not feel it, so they no
# longer cancel: what is left in the apical dendrite is in proportion to $B$ times the error of the output.

# %%
error = np.array([0.5, -0.2])
for _ in range(8):
    equations.step(net, r0, target=net.c[-1] * net.vbas[-1] + error, learn=False)
hidden = net.B[0] @ (net.slope(net.u_breve[-1]) * error)
print('apical voltage', net.vapi[0].round(4))
print("B phi' error  ", hidden.round(4))
cosine = net.vapi[0] @ hidden / np.linalg.norm(net.vapi[0]) / np.linalg.norm(hidden)
print('cosine of the two', round(cosine, 4))

# %% [markdown]
# With $B = W^T$ this would be the error of back-propagation, computed by dendrites, at all times, while the network
# goes on working. So everything hangs on $B$.
#
# ## Preliminaries 1: the self-predicting state is learned
#
# Start from random weights. Interneurons learn to say what their twins say ($W^{IP}$), and their synapses learn to
# silence the apical dendrite ($B^I$). Both rules are local.

# %%
p = load_params(exp_params, mode='smoke', model_type='FA', layers=(2, 3, 2), init_in_SPS=False, eta_fw=(1.0, 1.0),
                eta_bw=(0.0,), eta_IP=(10.0,), eta_PI=(5.0,), alpha=(0.0,), noise_scale=(0.0,), compare='', dataset_size=50,
                epochs=100, Tpres=1.0, rec_per_steps=100, record='vapi')
apical = np.sqrt((simulation.run(p)['vapi_1'] ** 2).mean(axis=1))
figure, ax = plt.subplots(figsize=(5, 2.8))
ax.semilogy(np.arange(len(apical)), apical, lw=0.8)
ax.set(xlabel='time (ms)', ylabel='apical voltage (r.m.s.)', title='Self-prediction, learned from random')
plt.show()
print(f'r.m.s. apical voltage: first 10 ms {apical[:10].mean():.2g}, last 500 ms {apical[-500:].mean():.2g}')

# %% [markdown]
# ## Preliminaries 2: a teacher, and a wrong sign
#
# The smallest hierarchy: one cell a layer. The teacher has $W_1 = W_2 = 2$, the student starts with negative weights,
# so its $B$ has the wrong sign. Back-propagation (BP: $B$ is always $W^T$) learns. With $B$ fixed (FA) the hidden
# weight runs in the wrong direction. With a $B$ of the right sign, FA learns as well: the *sign flip* of the
# original's notebook.

# %%
def student(mode, **more):
    """Learned weight W_1 against epochs, and the squared error of the last epochs."""
    d = simulation.run(load_params(exp_params, mode=mode, epochs=300, seed=5, **more))
    return d['WPP_1'][d['first_record']:, 0, 0], d['MSE'][-100:].mean()


figure, ax = plt.subplots(figsize=(5, 3))
ends = {}
arms = {'BP': ('fig4_bp', {}), 'FA': ('fig4_fa', {}), 'FA, B > 0': ('fig4_fa', dict(init_BPP_range=(0.5, 1.0)))}
for label, (mode, more) in arms.items():
    W, ends[label] = student(mode, **more)
    ax.plot(np.arange(len(W)) / 10, W, label=label)
ax.axhline(2, color='k', ls='--', lw=1, label='teacher')
ax.set(xlabel='epoch', ylabel='W$_1$', title='A student with negative weights')
ax.legend(fontsize=8)
plt.show()
print({name: f'{value:.1e}' for name, value in ends.items()})

# %% [markdown]
# ## Weight transport by noise
#
# Each hidden cell has noise of its own, $\xi$. It travels up through $W$, arrives in the rates above, and comes back
# to the top-down synapse as the presynaptic rate. The synapse multiplies: $\Delta B \propto \xi\,h^T - \alpha B$,
# with $h$ the high-pass filtered rate from above. Noise that came up through $W_{ij}$ is correlated with $\xi_j$: on
# average $\Delta B \propto W^T$. The original's small demonstration, two cells a layer, begins with $B$ pointing away
# from $W^T$:

# %%
d = simulation.run(load_params(exp_params, mode='pal_small', rng='legacy', released_code=True))
B, W = d['BPP_1'], d['WPP_2']
cosines = [(b * w.T).sum() / np.linalg.norm(b) / np.linalg.norm(w) for b, w in zip(B, W, strict=True)]
figure, axes = plt.subplots(1, 2, figsize=(8, 3))
axes[0].plot(cosines)
axes[0].set(xlabel='time (ms)', ylabel='cosine of B and W$^T$', title='Two cells a layer')
axes[0].set_xticks(np.arange(0, 2001, 500), np.arange(0, 201, 50))
axes[1].plot(d['noise_1'][:300, 0], lw=0.7)
axes[1].set(xlabel='time (0.1 ms)', title='noise ξ of one cell')
plt.show()
small = d['final_BPP_1'].ravel()
print('final B', small.round(8), ' cosine with W^T', round(cosines[-1], 4))

# %% [markdown]
# The final numbers are those that the original notebook prints. Prospective rates are essential for noise as fast
# as this: smeared over 5 ms of membrane it would no longer fit the noise that the synapse sees now.

# %%
for rho, text in ((1.0, 'prospective'), (0.0, 'lagging')):
    q = load_params(exp_params, mode='fig3_weak', epochs=8, compare='', seed=1, taur=rho, eta_bw=(200.0,) * 3)
    found = simulation.run(q)['angle_WPPT_BPP']
    print(f'{text:12} angle of B and W^T in three hidden layers: start', found[10].round(0), ' end', found[-1].round(0))
    lagging = found[-1]                            # of the second pass

# %% [markdown]
# ## Is what the circuit does the gradient?
#
# Compare the update of every $W$ in the circuit with back-propagation in the same network, before and after $B$ has
# learned.

# %%
p = load_params(exp_params, mode='fig3_weak', epochs=25, dataset_size=40, settling_time=10.0, seed=2, eta_bw=(200.0,) * 3,
                rec_per_steps=1000)
d = simulation.run(p)
angles = d['angle_BP_updates'].reshape(p.epochs, p.dataset_size, 4).mean(axis=1)
figure, ax = plt.subplots(figsize=(5, 3))
ax.plot(angles, label=[f'W$_{i + 1}$' for i in range(4)])
ax.axhline(90, color='k', lw=0.6, ls='--')
ax.set(xlabel='epoch', ylabel='angle (degrees)', title='Updates: circuit and back-propagation', ylim=(0, None))
ax.legend(fontsize=8)
plt.show()
print('first epoch', angles[0].round(0), ' last', angles[-1].round(0))

# %% [markdown]
# At first the hidden layers' updates stand at 90 degrees or more to the gradient: they would learn something random. As $B$
# aligns, they turn towards the gradient, the layers near the output first. The output layer never needed $B$.
#
# ## The paper's Figure 3, from the published run
#
# Ten seeds, 100 epochs. Our curves lie on the published ones to a millionth of a degree (black: published).

# %%
published = Path(simulation.__file__).parents[1] / 'figures' / 'published' / 'microcircuits_fig_3abc.png'
plt.figure(figsize=(10, 3.6))
plt.imshow(plt.imread(published), interpolation='antialiased')
plt.axis('off')
plt.show()

# %% [markdown]
# ## What holds
#
# - Noise alone teaches $B$ the direction of $W^T$, in the small circuits as published. When cells saturate, $B$ goes towards
#   $\varphi' W^T \varphi'$, deep in a hierarchy; the published curves are replayed, but within 45 degrees it comes for certain
#   in the top layer only (52, 44 and 31 degrees): not shown.
# - A student that fails with feedback alignment learns with PAL: yes, 10 of 10 seeds.
# - "PAL learns yin-yang better than FA **because** $B$ is learned": the README's table has the missing control, PAL
#   with $B$ fixed.
# - Noise must be slower than the few steps of the way up and back, and faster than the signal. Rates must be prospective
#   where the noise is fast (10 steps); with noise of 100 steps the top layer aligns without, of 1,000 steps all layers do.
#
# ## Now change it
#
# **Exercise.** Is it the size of the noise that the synapse must know, or only its sign? Switch the built-in rule off
# (`eta_bw` 0; the noise stays) and change $B$ from outside, with the sign of the noise.

# %%
p = load_params(exp_params, mode='smoke', eta_bw=(0.0, 0.0), compare='')
circuit = Microcircuit.random(p, np.random.default_rng(1), np.random.default_rng(2))
rng = np.random.default_rng(3)
signs = []
for t in range(12_001):
    if t % 100 == 0:
        r0 = rng.uniform(0, 1, 2)
    h = [layer.copy() for layer in circuit.rP_breve_HI]    # high-passed rates of the step before
    circuit.evolve_system(r0, learn_lat_weights=True, learn_bw_weights=True, rng=rng)
    for layer, weights in enumerate(circuit.BPP):
        weights += p.dt * 50 * (np.sign(circuit.noise[layer])[:, None] * h[layer + 1] - 2e-3 * weights)
    if t % 3000 == 0:
        signs.append([float(compare.angle(circuit.WPP[i + 1].T, B)) for i, B in enumerate(circuit.BPP)])
        print(t, 'angles of B and W^T', np.round(signs[-1], 1))

# %%
# what this page said, checked: true of its own values; after a change of yours an assert may fail
assert cosine > 0.95, 'the apical voltage is in proportion to B times the error'
assert apical[:10].mean() > 100 * apical[-500:].mean(), 'self-prediction is learned'
assert ends['BP'] < 1e-3 and ends['FA, B > 0'] < 1e-2 < ends['FA'], 'BP learns, FA with a wrong sign does not'
assert angles[-1, 1:3].mean() < angles[0, 1:3].mean() - 20, 'updates turn to the gradient'
assert np.allclose(small, [0.05822141, 0.00049973, 0.03966429, 0.00532068], atol=1e-8), 'the numbers of the original notebook'
assert lagging.mean() > 80, 'lagging rates do not align'
assert np.mean(signs[-1]) < np.mean(signs[0]) - 15, 'the sign of the noise is enough'
