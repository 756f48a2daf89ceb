"""Parameters as the kernels need them. A number of exp_params.Params has its name there; what follows from several is here."""
import math
from collections import namedtuple
from dataclasses import fields

import numpy as np

from microcircuits import state
from microcircuits.exp_params import Params

MODELS = {'FA': state.FA, 'BP': state.BP, 'PAL': state.PAL, 'LDRL': state.LDRL, 'DTPDRL': state.DTPDRL}
NOISE_MODES = {'const': state.CONST, 'uP': state.U, 'uP_breve': state.U_BREVE, 'vapi': state.VAPI,
               'uP_adaptive': state.ADAPTIVE}
PLAIN = {f.name: f.type for f in fields(Params) if f.type in (float, bool)}


def derived(p):
    """{name: value} of what is computed from the parameters p, or cut to the layers and to the model's own options."""
    pal, noisy, H = p.model_type == 'PAL', p.model_type in ('LDRL', 'DTPDRL'), len(p.layers) - 2
    rates = {name: np.array(getattr(p, name)[:H], float) for name in ('eta_bw', 'eta_PI', 'alpha', 'noise_scale')}
    return rates | {
        'model': MODELS[p.model_type],
        'eta_fw': np.array(p.eta_fw, float),
        'eta_IP': np.array(p.eta_IP[-1:] if p.connection == 'skip' else p.eta_IP[:H], float),
        'tau_hid': 1 / (p.gl + p.gbas + p.gapi),
        'tau_out': 1 / (p.gl + p.gbas + p.gntgt),
        'tau_out0': 1 / (p.gl + p.gbas),                           # without a target
        'tau_int': 1 / (p.gl + p.gden + p.gnI),
        'c_hid': p.gbas / (p.gl + p.gbas + p.gapi),                # voltage that the basal dendrite alone would give
        'c_out': p.gbas / (p.gl + p.gbas),
        'c_int': p.gden / (p.gl + p.gden),
        'tau_HP': p.tausyn if p.phased else p.tauHP,
        'tau_LO': p.tausyn if p.phased else p.tauLO,
        'mode_of_noise': NOISE_MODES[p.noise_mode],
        'white': p.noise_type == 'hold_white_noise',
        'K': round(p.dtxi / p.dt) if pal or noisy else 1,          # steps between two draws
        'W_low_pass': p.dWPP_low_pass and (pal or noisy),          # options that FA and BP do not know
        'r_low_pass': p.dWPP_r_low_pass and pal,
        'post_low_pass': p.dWPP_post_low_pass and pal,
        'inter_filter': p.inter_low_pass and (pal or noisy),
        'from_rates': p.dWPP_use_activation or p.phased,
        'decay_by_slope': p.varphi_regularizer and pal,
        'phase_steps': round(p.Tbw / p.dt) if noisy else 1,
        'threshold': (1 - math.cos(math.radians(p.noise_deg))) / 2,    # of epsilon, for uP_adaptive
        'decimals': round(-math.log10(p.dt)),
    }


Constants = namedtuple('Constants', [*PLAIN, *derived(Params())])


def constants(p):
    """Constants of a run with parameters p."""
    return Constants(**{name: kind(getattr(p, name)) for name, kind in PLAIN.items()}, **derived(p))
