"""What a circuit consists of: sizes, constants, state.

Everything lies in flat arrays: the layers one behind the other, matrices as [pre, post], so that a matrix-vector product is
"add row j times x_j". The interneurons mirror the LAST pyramidal cells: interneuron i belongs to pyramidal cell i + shift
(layered: the layers 2..N; skip: the output layer).
"""
from typing import NamedTuple

import numpy as np

LINEAR, RELU, SOFT_RELU, LOGISTIC, TANH, HARD_SIGMOID = range(6)
FA, BP, PAL, LDRL, DTPDRL = range(5)
CONST, U, U_BREVE, VAPI, ADAPTIVE = range(5)
STEP, DRAWN, NOISE_COUNT, ACTIVE, RECORDS = range(5)      # entries of `count`


class Shape(NamedTuple):
    """Sizes and offsets. Layer l (0-based, l = 0 is the first hidden layer) occupies pyr[l]:pyr[l+1]."""

    n: np.ndarray           # neurons a layer, input first
    pyr: np.ndarray         # offsets in the pyramidal arrays
    W: np.ndarray           # offsets of WPP
    I: np.ndarray           # offsets of WIP      # noqa: E741
    B: np.ndarray           # offsets of BPP and BPI
    kinds: np.ndarray       # rows (first, last, activation) of the pyramidal arrays; neighbours with the same one together
    layer_kind: np.ndarray  # activation of each layer
    H: int                  # hidden layers
    hidden: int             # hidden pyramidal cells
    total: int              # all pyramidal cells
    inter: int              # interneurons
    shift: int              # pyramidal cell of interneuron 0
    skip: bool              # top-down weights from the output layer


class Constants(NamedTuple):
    """Parameters as the kernels need them; the rest in the comments of exp_params.py."""

    model: int
    dt: float
    gbas: float
    gapi: float
    gden: float
    gnI: float
    gntgt: float
    tau_hid: float          # 1 / (gl + gbas + gapi)
    tau_out: float          # 1 / (gl + gbas + gntgt)
    tau_out0: float         # 1 / (gl + gbas)
    tau_int: float          # 1 / (gl + gden + gnI)
    c: float                # gbas / (gl + gbas + gapi)
    c_out: float            # gbas / (gl + gbas)
    c_I: float              # gden / (gl + gden)
    rho: float              # 1: prospective, 0: lagging
    eta_fw: np.ndarray
    eta_bw: np.ndarray
    eta_IP: np.ndarray
    eta_PI: np.ndarray
    alpha: np.ndarray
    scale: np.ndarray       # of the noise, a hidden layer
    noise_mode: int
    white: bool             # hold_white_noise
    K: int                  # steps between two draws
    tau_xi: float
    tau_HP: float
    tau_LO: float           # low-passes (phased: tau_syn, as tau_HP)
    hi_pass: bool
    W_low_pass: bool
    r_low_pass: bool
    post_low_pass: bool
    inter_low_pass: bool
    use_activation: bool
    gate: bool
    varphi: bool
    tau_eps: float
    T_bw: float
    phase_steps: int
    threshold: float        # (1 - cos(noise_deg)) / 2
    decimals: int           # of dt
    stale: bool             # D6
    shared: bool            # D7
    slope: float            # D9
    float_phase: bool       # D19
    top_decay: bool         # D26


class State(NamedTuple):
    """Everything that changes, as views of one flat array."""

    uP: np.ndarray          # u, somatic voltage
    uP_old: np.ndarray      # u of the step before
    uP_breve: np.ndarray    # u-breve, prospective voltage
    rP_breve: np.ndarray    # r = phi(u-breve)
    r_old: np.ndarray
    vbas: np.ndarray        # basal compartment
    vbas_old: np.ndarray
    vapi: np.ndarray        # apical compartment (hidden layers)
    vapi_old: np.ndarray
    vapi_noise: np.ndarray  # with noise
    noise: np.ndarray       # xi (output part always zero)
    rP_breve_HI: np.ndarray     # h, high-passed rate
    f: np.ndarray           # postsynaptic factor of W
    s: np.ndarray           # its low-pass
    uI: np.ndarray
    uI_old: np.ndarray
    uI_breve: np.ndarray
    rI_breve: np.ndarray
    rI_old: np.ndarray
    vden: np.ndarray        # dendrite of the interneurons
    vden_old: np.ndarray
    f_I: np.ndarray         # postsynaptic factor of WIP
    r0: np.ndarray
    r0_old: np.ndarray
    q: np.ndarray           # low-pass of the presynaptic rates, input first
    epsilon: np.ndarray     # misalignment of a hidden layer (phased)
    epsilon_LO: np.ndarray
    clock: np.ndarray       # T in ms, rounded to the decimals of dt as released (phased)
    WPP: np.ndarray         # W
    WIP: np.ndarray
    BPP: np.ndarray         # B
    BPI: np.ndarray
    dWPP: np.ndarray
    dWIP: np.ndarray
    dBPP: np.ndarray
    dBPI: np.ndarray
    dWPP_LO: np.ndarray     # D, low-passed update of W
