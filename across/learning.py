"""Learning curves on each paper's own task: a rule, or back-propagation in the same network (rival=True).

A function takes (p, rng) and returns (samples seen, score): the higher, the better. p.rate multiplies the learning rates.
"""
import numpy as np

from across import circuit, reward, rules, spikes
from biohsic import equations as hsic
from common.checkpoint import Checkpoint
from common.params import load_params
from impression_learning import exp_params as il_params
from impression_learning import simulation as il_simulation
from microcircuits import exp_params as mc_params
from microcircuits import simulation as mc_simulation
from rstdp_mnist.equations import afferents, correlate, strongest
from task_plasticity import network, simulation


def xor(p, rng):
    """Test accuracy; a sample is a window of ten (back-propagation: a batch of ten) that slides by one; AdamW."""
    (x, y), test, name = hsic.xor(400, rng), hsic.xor(400, rng), 'backprop' if p.rival else p.rule
    weights = hsic.initial_weights((2, 10, 4, 2), rng)
    optimiser, score = hsic.AdamW(weights, rate=3e-3 * p.rate), []
    for k, some in enumerate(rules.windows(rng, rules.repeats(p, 6))):
        if k % 10 == 0:
            score.append(hsic.accuracy(weights, *test))
        optimiser.update(weights, rules.xor_gradients(name, weights, x[some], y[some]))
    return 10 * np.arange(len(score)), score


def latents(p, rng):
    """Minus the loss of wake steps in blocks of 50 steps, 4 channels and 2 latents; a sample is one time step."""
    algorithm, rate = ('backprop', 1e-3) if p.rival else ('reinforce', 3e-6) if p.rule == 'reinforce' else ('wake_sleep', 3e-3)
    n = rules.repeats(p, 400_000)
    d = il_simulation.run(load_params(il_params, mode='tuned', array_num=1, seed=p.seed, algorithm=algorithm, n_sample=n,
                                      n_test=200, learning_rate=rate * p.rate, loss_every=50,
                                      switch_period=n if p.rival else 1))
    loss = d['train_loss'] if p.rival else 2 * d['train_loss'][:, 0]       # half of the steps are wake steps
    return 50 * (np.arange(len(loss)) + 1), -loss


def estimation(p, rng):
    """Mean reward in trials of 80 time constants; a sample is one of them. Rival: the exact gradient, trial by trial."""
    names = 'learning_rate', 'learning_rate_bias', 'learning_rate_input', 'learning_rate_decoder'
    q = reward.setting(p, T=80.0, trial_num_2=rules.repeats(p, 180), record_res=1 if p.rival else 20,
                       **dict.fromkeys(names, 5e-4 * p.rate))
    net = network.initial(q, rng, rng)
    if p.rival:
        score = [reward.ascend(q, net, simulation.training_noise(q, rng)[::2], 0.3 * p.rate) for _ in range(q.trial_num_2)]
    else:
        score = simulation.train(q, net, rng, Checkpoint())['objective_2']
    return 80 * np.arange(1, len(score) + 1), score


def yin_yang(p, rng):
    """Validation accuracy, 2,000 points an epoch; a sample is one presentation."""
    q = load_params(mc_params, mode='yin_yang', seed=p.seed, epochs=rules.repeats(p, 10), test_epochs=1, angles=False,
                    eta_fw=(50.0 * p.rate, 0.01 * p.rate), **circuit.ARMS['transport' if p.rival else p.rule])
    score = mc_simulation.run(q)['validation_accuracy']
    return 2000 * np.arange(len(score)), score


def digits(p, rng):
    """Test accuracy of layer 3 on 290 images, after every 100; a sample is one image."""
    top, W = spikes.top_layer(p), None
    score = [top.test('test', top.net)[0][0]]
    for k in range(rules.repeats(p, 30)):
        if p.rival:
            W, index = top.net.W.copy() if W is None else W, np.arange(100 * k, 100 * (k + 1)) % top.n
            for fired, label in zip(top.features('train', index), top.below['train_labels'][index], strict=True):
                cross_entropy_step(W, fired, label, 1e-2 * p.rate)
            top.net.W[:] = W
            top.net.round()
        else:
            top.advance()
            if top.at == top.n:
                top.end_epoch()
        score.append(top.test('test', top.net)[0][0])
    return 100 * np.arange(len(score)), score


def cross_entropy_step(W, fired, label, rate, temperature=10.0):
    """One step of gradient descent on the cross-entropy of softmax(V / temperature), V the largest potential of each class."""
    V, size = correlate(fired, W, 2), len(W) // 10
    best = [strongest(V, np.arange(c * size, (c + 1) * size)) for c in range(10)]
    logits = np.array([V[b] for b in best]) / temperature
    share = np.exp(logits - logits.max())
    share /= share.sum()
    for c, (f, y, x) in enumerate(best):
        W[f] += rate * ((c == label) - share[c]) * afferents(fired, y, x, 5, 2)


LEARN = {'hsic': xor, 'impression_learning': latents, 'reinforce': latents, 'three_factor': estimation,
         'PAL': yin_yang, 'FA': yin_yang, 'rstdp': digits, 'rstdp_margin': digits}
