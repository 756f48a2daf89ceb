"""Impression learning: the learning rules. Gradients of the two models, impression learning, REINFORCE.

A rule is two functions, one for each group of parameters: `recognition_update` fills U for W_in and b, `generative_update` for
W_out, b_gen and a, from the activities of one step (model.step) and the weights before it. Both say whether the group learns in
this step. They are the only place where a rule stands: training and Fig. 2d (`loops.run`: theta += lr U, recognition lr/rho U)
and the comparison of updates (`loops.compare`: SNR, cosine) call them.
"""
from common.kernel import kernel
from impression_learning.model import (
    BASELINE_BEFORE,
    BASELINE_PER_PHASE,
    IMPRESSION,
    REINFORCE,
    REINFORCE_WAKE,
    TEST,
    f_prime,
)


@kernel(inline=True)
def outer(U, l, n_post, post, pre, l_pre, n_pre, keep):
    """U[l, j, i] <- keep U[l, j, i] + post_i pre[l_pre, j]."""
    for j in range(n_pre):
        pj = pre[l_pre, j]
        for i in range(n_post):
            U[l, j, i] = keep * U[l, j, i] + post[i] * pj


@kernel(inline=True)
def recognition_gradient(net, h, pred, out, keep, post):
    """Sleep rule, D = f'(p) (h^l - f(p)): out.W_in <- keep out.W_in + D (h^{l-1})^T, out.bias <- keep out.bias + D.

    h, pred (n_layer, units): activities and predictions f(p); post (units,): work space.
    """
    n = net.n
    for l in range(1, n.size):
        for i in range(n[l]):
            post[i] = f_prime(pred[l, i]) * (h[l, i] - pred[l, i])
        outer(out.W_in, l, n[l], post, h, l - 1, n[l - 1], keep)
        if l < n.size - 1:
            for i in range(n[l]):
                out.bias[l, i] = keep * out.bias[l, i] + post[i]


@kernel(inline=True)
def generative_gradient(net, act, h, target, pred, k, switch_all_layers, out, keep, post):
    """Wake rule, out <- keep out + gradient.

    Layer 0: dW_out = (target^0 - p) (h^1)^T.  Middle: G = f'(p) (h - p), dW_out = G (h^{l+1})^T, db_gen = G.
    Top: da = (h_t - A h_{t-1}) h_{t-1}, none if k = 1 (the prior then says: stay).
    """
    n = net.n
    top = n.size - 1
    for l in range(top):
        for i in range(n[l]):
            if l == 0:
                post[i] = target[0, i] - pred[0, i]
            elif k == 1 and switch_all_layers:
                post[i] = 0.0
            else:
                post[i] = f_prime(pred[l, i]) * (h[l, i] - pred[l, i])
        outer(out.W_out, l, n[l], post, h, l + 1, n[l + 1], keep)
        if l > 0:
            for i in range(n[l]):
                out.bias_gen[l, i] = keep * out.bias_gen[l, i] + post[i]
    for i in range(n[top]):
        change = 0.0 if k == 1 else (act.h[top, i] - net.a[i] * act.h_last[top, i]) * act.h_last[top, i]
        out.a[i] = keep * out.a[i] + change


@kernel(inline=True)
def scale_recognition(x, factor):
    """x.W_in, x.bias *= factor (used layers only)."""
    for l in range(1, x.n.size):
        for j in range(x.n[l - 1]):
            for i in range(x.n[l]):
                x.W_in[l, j, i] *= factor
        for i in range(x.n[l]):
            x.bias[l, i] *= factor


@kernel(inline=True)
def scale_generative(x, factor):
    """x.W_out, x.bias_gen, x.a *= factor (used layers only)."""
    top = x.n.size - 1
    for l in range(top):
        for j in range(x.n[l + 1]):
            for i in range(x.n[l]):
                x.W_out[l, j, i] *= factor
        for i in range(x.n[l]):
            x.bias_gen[l, i] *= factor
    for i in range(x.n[top]):
        x.a[i] *= factor


@kernel(inline=True)
def add_recognition(x, y, factor):
    """x += factor * y for the recognition parameters W_in, b."""
    for l in range(1, x.n.size):
        for j in range(x.n[l - 1]):
            for i in range(x.n[l]):
                x.W_in[l, j, i] += factor * y.W_in[l, j, i]
        for i in range(x.n[l]):
            x.bias[l, i] += factor * y.bias[l, i]


@kernel(inline=True)
def add_generative(x, y, factor):
    """x += factor * y for the generative parameters W_out, b_gen, a."""
    top = x.n.size - 1
    for l in range(top):
        for j in range(x.n[l + 1]):
            for i in range(x.n[l]):
                x.W_out[l, j, i] += factor * y.W_out[l, j, i]
        for i in range(x.n[l]):
            x.bias_gen[l, i] += factor * y.bias_gen[l, i]
    for i in range(x.n[top]):
        x.a[i] += factor * y.a[i]


# ---------------------------------------------------------------- the rules

@kernel(inline=True)
def advantage(baseline, loss, wake, kind, decay):
    """L_t - Lbar with Lbar <- gamma Lbar + (1 - gamma) L_t after use (default), before use (released, Q6) or per phase."""
    at = 1 if kind == BASELINE_PER_PHASE and wake == 0 else 0
    if kind == BASELINE_BEFORE:
        baseline[at] = decay * baseline[at] + (1.0 - decay) * loss
        return loss - baseline[at]
    difference = loss - baseline[at]
    baseline[at] = decay * baseline[at] + (1.0 - decay) * loss
    return difference


@kernel(inline=True)
def third_factor(baseline, loss, wake, rule):
    """What multiplies the eligibility traces: gain (L_t - Lbar), gain L_t for the wake-only control, else nothing.

    With g = 1 and gain -1/2 REINFORCE is the exact score-function estimator of the descent direction, each parameter group
    scaled by the sigma^2 of its own layer.
    """
    if rule.algorithm == REINFORCE:
        return rule.reinforce_gain * advantage(baseline, loss, wake, rule.baseline, rule.loss_decay)
    return rule.reinforce_gain * loss if rule.algorithm == REINFORCE_WAKE else 0.0


@kernel(inline=True)
def recognition_update(net, act, wake, third, rule, learner, post):
    """U of W_in and b. -> True if they learn in this step.

    Impression learning: (1 - lambda) dlog q. REINFORCE: that + third factor x E, E <- lambda dlog q + g E.
    Wake-only control: third factor x (E_t + E_{t-1}), E_t the score of step t alone; no baseline, no decay, no reset.
    """
    U, E = learner.update, learner.trace
    if rule.algorithm == IMPRESSION:
        if wake == 0:
            recognition_gradient(net, act.h, act.pred_rec, U, 0.0, post)
        return wake == 0
    if rule.algorithm == REINFORCE:
        if wake == 1:
            scale_recognition(U, 0.0)
            recognition_gradient(net, act.h, act.mean_rec, E, rule.trace_decay, post)
        else:
            recognition_gradient(net, act.h, act.pred_rec, U, 0.0, post)
            scale_recognition(E, rule.trace_decay)
        add_recognition(U, E, third)
        return True
    if rule.algorithm == REINFORCE_WAKE and wake == 1:
        scale_recognition(U, 0.0)
        add_recognition(U, E, third)
        recognition_gradient(net, act.h, act.mean_rec, E, 0.0, post)
        add_recognition(U, E, third)
        return True
    return False


@kernel(inline=True)
def generative_update(net, act, wake, k, third, rule, learner, post):
    """U of W_out, b_gen and a. -> True if they learn in this step.

    Impression learning: lambda dlog p_m. REINFORCE: that + third factor x E, E <- (1 - lambda) S + g E, S the score of the
    sampled fantasy (released, Q4: the wake gradient on the real stimulus). Wake-only control: as impression learning.
    """
    U, E, everywhere = learner.update, learner.trace, rule.switch_all_layers
    if rule.algorithm == TEST:
        return False
    if wake == 1:
        target = act.h if rule.noisy_target else act.mean_rec              # Q8: s, or the noise-free x
        generative_gradient(net, act, act.h_rec, target, act.pred_gen, k, everywhere, U, 0.0, post)
    if rule.algorithm != REINFORCE:
        return wake == 1
    if wake == 1:
        scale_generative(E, rule.trace_decay)
    else:
        scale_generative(U, 0.0)
        if rule.fantasy_score:
            generative_gradient(net, act, act.h_gen, act.h_gen, act.mean_gen, k, everywhere, E, rule.trace_decay, post)
        else:
            generative_gradient(net, act, act.h_rec, act.mean_rec, act.pred_gen, k, everywhere, E, rule.trace_decay, post)
    add_generative(U, E, third)
    return True
