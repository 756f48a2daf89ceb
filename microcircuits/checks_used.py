"""Which parameters of the microcircuits act when: USED, and the questions that it asks."""
import math


def words(text):
    """The names in a comma-separated text."""
    return [word.strip() for word in text.split(',') if word.strip()]


PHASED_RULES = ('LDRL', 'DTPDRL')


def noisy(p):
    """The rule uses noise."""
    return p.model_type == 'PAL' or p.model_type in PHASED_RULES


def ou(p):
    """Noise of the Ornstein-Uhlenbeck kind."""
    return p.model_type == 'PAL' and p.noise_type == 'OU'


def held_noise(p):
    """Noise is held for several steps."""
    return noisy(p) and round(p.dtxi / p.dt) > 1


def adaptive(p):
    """Noise that stops when B is aligned."""
    return p.model_type in PHASED_RULES and p.noise_mode == 'uP_adaptive'


def B_learns(p):
    """B learns."""
    return noisy(p) and any(p.eta_bw)


def decays(p):
    """B decays."""
    return B_learns(p) and any(a * eta for a, eta in zip(p.alpha, p.eta_bw, strict=False))


def W_on(p):
    """Updates of W are applied (whatever their rates)."""
    return p.task == 'fw_bw' or (p.protocol == 'notebook' and p.phased)


def W_learns(p):
    """W changes: updates are applied, at a rate that is not 0."""
    return W_on(p) and any(p.eta_fw)


def W_seen(p):
    """Updates of W are applied, compared or recorded."""
    return W_learns(p) or p.compare != '' or ('dWPP' in words(p.record) and any(p.eta_fw))


def lateral_on(p):
    """Weights to and from interneurons learn."""
    return W_on(p) or not p.phased


def teacher(p):
    """There is a teacher."""
    return p.data == 'uniform' and (p.task == 'fw_bw' or p.compare != '')


def own_teacher(p):
    """A teacher with weights from ranges of its own."""
    return teacher(p) and not p.phased


def copied(p):
    """The student starts with the teacher's weights."""
    return p.task == 'fw_bw' and p.data == 'uniform' and p.copy_teacher_weights


def varphi(p):
    """The decay of B is weighted with slopes."""
    return p.model_type == 'PAL' and p.varphi_regularizer and not p.gate_regularizer and decays(p)


def slopes(p):
    """A derivative of hard_sigmoid enters a weight (in angles its constant factor cancels)."""
    gated = p.model_type == 'LDRL' and p.gate_regularizer and decays(p)
    return (varphi(p) and 'hard_sigmoid' in words(p.activation)) or (gated and words(p.activation)[-1] == 'hard_sigmoid')


def turns(p):
    """Hidden layers take turns, or the beginning of a turn changes when noise is drawn."""
    return p.model_type in PHASED_RULES and (len(p.layers) > 3 or round(p.Tbw / p.dt) % round(p.dtxi / p.dt) != 0)


def phase_skipped(p):
    """The released test of floating-point time misses the end of some turn."""
    decimals = round(-math.log10(p.dt))
    return turns(p) and (round(p.dt, decimals) != p.dt
                          or any(round(k * p.Tbw, decimals) % p.Tbw != 0.0 for k in range(1, 101)))


def never_computed(p):
    """Series that keep their first value, since the rule does not compute them."""
    idle = [] if adaptive(p) else ['epsilon', 'epsilon_LO']
    if not noisy(p):
        idle += ['noise', 'vapi_noise', 'rP_breve_HI', 'dBPP']
    if p.phased and not W_on(p):
        idle += ['dWPP', 'dWIP', 'dBPI']
    return idle


QUIRKS = [                                        # options of the released program, one a line (README: D6 ... D26)
    ('stale_apical', 'with LDRL or DTPDRL, and held noise or (not uP_adaptive, which refreshes all) several hidden layers',
     lambda p: p.model_type in PHASED_RULES and (held_noise(p) or (len(p.layers) > 3 and not adaptive(p)))),
    ('shared_counter', 'with PAL and noise held over several steps (dtxi > dt)',
     lambda p: p.model_type == 'PAL' and held_noise(p) and (p.noise_type == 'OU' or len(p.layers) > 3)),
    ('slope_hard_sigmoid', 'where the decay of B is weighted with the slope of hard_sigmoid', slopes),
    ('hidden_factor', 'with angles=True and an output that is not linear or relu',
     lambda p: p.angles and words(p.activation)[-1] not in ('linear', 'relu')),
    ('float_phase', 'where Tbw or dt are not exact in floating point, with several hidden layers', phase_skipped),
    ('top_decay', 'with varphi_regularizer=True', lambda p: varphi(p) and p.alpha[len(p.layers) - 3] * p.eta_bw[-1] > 0),
]

USED = QUIRKS + [
    ('released_code', 'where one of the options that it sets acts', lambda p: any(when(p) for _, _, when in QUIRKS)),
    ('input_seed', 'with data=uniform (rng=legacy, protocol=notebook: all comes from seed)',
     lambda p: p.data == 'uniform' and not (p.rng == 'legacy' and p.protocol == 'notebook')
     and (p.input_range[0] < p.input_range[1] or teacher(p))),
    ('connection', 'with a rule other than PAL (whose skip connections, with one hidden layer, are the layered ones)',
     lambda p: p.model_type != 'PAL'),
    ('noise_type', 'with PAL', lambda p: p.model_type == 'PAL'),
    ('noise_mode noise_scale dtxi', 'with PAL, LDRL or DTPDRL', noisy),
    ('tauxi', 'with PAL and noise_type=OU', ou),
    ('tauHP', 'with PAL, pyr_hi_pass=True and eta_bw > 0',
     lambda p: p.model_type == 'PAL' and ((p.pyr_hi_pass and B_learns(p)) or 'rP_breve_HI' in words(p.record))),
    ('tauLO', 'with PAL and a low-pass on something that is learned',
     lambda p: p.model_type == 'PAL' and (p.inter_low_pass or (p.dWPP_low_pass and W_learns(p))
                                          or ((p.dWPP_r_low_pass or p.dWPP_post_low_pass) and W_seen(p)))),
    ('pyr_hi_pass', 'with PAL, LDRL or DTPDRL and eta_bw > 0', B_learns),
    ('dWPP_low_pass', 'with PAL, LDRL or DTPDRL, where W learns', lambda p: noisy(p) and W_learns(p)),
    ('dWPP_r_low_pass dWPP_post_low_pass', 'with PAL, where W learns or its updates are compared',
     lambda p: p.model_type == 'PAL' and W_seen(p)),
    ('inter_low_pass', 'with PAL, LDRL or DTPDRL', noisy),
    ('dWPP_use_activation', 'in the phaseless line, where W learns or its updates are compared',
     lambda p: not p.phased and W_seen(p)),
    ('eta_fw', 'where W learns: task=fw_bw (and in the notebooks of the phased line)',
     lambda p: W_on(p) or 'dWPP' in words(p.record)),
    ('eta_bw', 'with PAL, LDRL or DTPDRL', noisy),
    ('eta_IP eta_PI', 'in the phaseless line, or where W learns', lateral_on),
    ('alpha', 'with PAL, LDRL or DTPDRL and eta_bw > 0', B_learns),
    ('gate_regularizer', 'with PAL or LDRL and alpha > 0', lambda p: p.model_type in ('PAL', 'LDRL') and decays(p)),
    ('varphi_regularizer', 'with PAL, alpha > 0 and gate_regularizer=False',
     lambda p: p.model_type == 'PAL' and decays(p) and not p.gate_regularizer),
    ('tausyn', 'with LDRL or DTPDRL, where something is filtered',
     lambda p: p.model_type in PHASED_RULES and ((p.pyr_hi_pass and B_learns(p)) or p.inter_low_pass
                                                 or (p.dWPP_low_pass and W_learns(p)) or 'rP_breve_HI' in words(p.record))),
    ('Tbw', 'with LDRL or DTPDRL and several hidden layers', turns),
    ('taueps noise_deg', 'with LDRL or DTPDRL and noise_mode=uP_adaptive', adaptive),
    ('init_WPP_range', 'with copy_teacher_weights=False', lambda p: not copied(p)),
    ('init_WIP_range init_BPI_range', 'with init_in_SPS=False',
     lambda p: not (p.init_in_SPS or copied(p))),
    ('init_BPP_range', 'with a rule other than BP (whose B is W^T) and copy_teacher_weights=False',
     lambda p: p.model_type != 'BP' and not copied(p)),
    ('init_teacher_WPP_range', 'with a teacher of the phaseless line (data=uniform, task=fw_bw or compare=BP)', own_teacher),
    ('init_teacher_BPP_range', 'with a teacher of FA or PAL (data=uniform, task=fw_bw or compare=BP)',
     lambda p: own_teacher(p) and p.model_type != 'BP'),
    ('init_teacher_WIP_range init_teacher_BPI_range', 'with a teacher outside its self-predicting state, and it never is',
     lambda p: False),
    ('init_in_SPS', 'with copy_teacher_weights=False', lambda p: not copied(p)),
    ('copy_teacher_weights copy_teacher_voltages', 'with task=fw_bw and data=uniform',
     lambda p: p.task == 'fw_bw' and p.data == 'uniform'),
    ('protocol', 'with rng=legacy, several samples in the phaseless line, or task=bw_only in the phased one',
     lambda p: p.rng == 'legacy' or p.task == 'bw_only' and p.phased or not p.phased and p.dataset_size > 1),
    ('input_range', 'with data=uniform', lambda p: p.data == 'uniform'),
    ('data_dir', 'with data=mnist', lambda p: p.data == 'mnist'),
    ('test_size test_epochs', 'with data=yin_yang or mnist', lambda p: p.classified),
    ('change_range change_seed', 'with change_epoch > 0', lambda p: p.change_epoch > 0),
]
