"""What a circuit consists of: sizes and state; and what the kernels are told to do.

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
    """Sizes and offsets. Layer l (0-based, l = 0 is the first hidden layer) occupies first[l]:first[l+1]."""

    n: np.ndarray           # neurons a layer, input first
    first: np.ndarray       # offsets in the pyramidal arrays
    W: np.ndarray           # offsets of WPP
    WI: np.ndarray          # offsets of WIP
    B: np.ndarray           # offsets of BPP and BPI
    kinds: np.ndarray       # rows (first, last, activation) of the pyramidal arrays; neighbours with the same one together
    layer_kind: np.ndarray  # activation of each layer
    H: int                  # hidden layers
    hidden: int             # hidden pyramidal cells
    total: int              # all pyramidal cells
    inter: int              # interneurons
    shift: int              # pyramidal cell of interneuron 0
    skip: bool              # top-down weights from the output layer


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
    post: np.ndarray        # postsynaptic factor of W
    post_LO: np.ndarray     # its low-pass
    decay_by: np.ndarray    # factor of the decay of B in its cell: 1, or phi' (varphi_regularizer)
    uI: np.ndarray
    uI_old: np.ndarray
    uI_breve: np.ndarray
    rI_breve: np.ndarray
    rI_old: np.ndarray
    vden: np.ndarray        # dendrite of the interneurons
    vden_old: np.ndarray
    post_I: np.ndarray      # postsynaptic factor of WIP
    r0: np.ndarray          # input rates
    r0_old: np.ndarray
    pre_LO: np.ndarray      # low-pass of the presynaptic rates, input first
    epsilon: np.ndarray     # misalignment of a hidden layer (phased)
    epsilon_LO: np.ndarray
    clock: np.ndarray       # T in ms, rounded to the decimals of dt as released (phased)
    held: np.ndarray        # held inputs (held.py): scalars, and vectors of the first layer
    p_old: np.ndarray
    W_p: np.ndarray
    D_p: np.ndarray
    W_s: np.ndarray
    W_t: np.ndarray
    D_s: np.ndarray
    D_t: np.ndarray
    WPP: np.ndarray         # W
    WIP: np.ndarray
    BPP: np.ndarray         # B
    BPI: np.ndarray
    dWPP: np.ndarray        # increments of the last recorded step
    dWIP: np.ndarray
    dBPP: np.ndarray
    dBPI: np.ndarray
    dWPP_LO: np.ndarray     # D, low-passed update of W


class Drive(NamedTuple):
    """What comes from outside during one call of a kernel."""

    r0: np.ndarray          # input rates (rows, n_0); no row: no input
    hold: int               # steps of one row
    target: np.ndarray      # target voltages (rows, n_N); no row: no target
    hold_target: int
    begin: int              # number of the first step among those of the rows
    normals: np.ndarray     # standard normals, taken in order from count[DRAWN] on


class Learn(NamedTuple):
    """Which weights learn."""

    W: bool
    lateral: bool           # WIP and BI
    B: bool


class Recording(NamedTuple):
    """Every `every` steps (counted in count[STEP]) the parts `ranges` of x go to row count[RECORDS] of `rows`."""

    every: int
    x: np.ndarray           # the flat array behind the State
    ranges: np.ndarray      # (parts, 2): first, last
    rows: np.ndarray
