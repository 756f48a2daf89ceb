"""Dendritic microcircuits: parameters. Choose `mode` (or edit a value), save, run simulation.py.

Names are those of the original params.json (milliseconds, 1/ms); symbols as in the folder's README. Lists have one entry a
layer: N for eta_fw, the N - 1 hidden layers for the others.
"""
from dataclasses import dataclass

from microcircuits.checks import check

mode = 'fig3_weak'                      # a key of MODES below


@dataclass(frozen=True)
class Params:                           # value = Fig. 3a-c, weakly driven deep network
    """One run."""

    mode: str = 'fig3_weak'
    array_num: int = 1                  # member of the mode's sweep: the published seeds; 0 = all
    seed: int = 123                     # voltages, weights, noise and order of the samples
    input_seed: int = 123               # input samples and (through it) the teacher, the same for all seeds
    task: str = 'bw_only'               # 'bw_only': learn the backward weights; 'fw_bw': everything, from a teacher
    # circuit
    model_type: str = 'PAL'             # 'BP', 'FA', 'PAL' (layered); 'BP', 'FA', 'LDRL', 'DTPDRL' (skip: phased)
    connection: str = 'layered'         # top-down weights from the next layer, or 'skip': from the output layer
    layers: tuple = (5, 20, 10, 20, 5)  # neurons a layer, input first                       n_0 .. n_N
    activation: str = 'logistic'        # phi: one name, or N with commas (linear relu soft_relu logistic tanh hard_sigmoid)
    gl: float = 0.03                    # leak conductance, 1/ms                             g^l
    gbas: float = 0.1                   # basal dendrite, 1/ms                               g^bas
    gapi: float = 0.06                  # apical dendrite, 1/ms                              g^api
    gden: float = 0.1                   # dendrite of the interneurons, 1/ms                 g^den
    gnI: float = 0.06                   # nudging of the interneurons, 1/ms                  g^nI
    gntgt: float = 0.06                 # nudging of the output by its target, 1/ms          g^ntgt
    taur: float = 1.0                   # prospective coding: 1 full, 0 none (lagging rates) rho
    # time
    dt: float = 0.01                    # Euler step, ms
    Tpres: float = 1.0                  # presentation of a sample, ms
    dataset_size: int = 100             # samples
    epochs: int = 100                   # passes through the samples
    settling_time: float = 100.0        # before learning, ms
    # noise: the carrier of the backward learning
    noise_type: str = 'OU'              # 'OU' (Ornstein-Uhlenbeck) or 'hold_white_noise'
    noise_mode: str = 'const'           # amplitude times 1, |u| ('uP'), 'uP_breve', 'vapi'; phased: 'uP', 'vapi', 'uP_adaptive'
    noise_scale: tuple = (0.05, 0.05, 0.05)     # s.d., or its factor                         sigma_xi
    dtxi: float = 0.01                  # time between draws, ms
    tauxi: float = 0.1                  # correlation time of the noise, ms                  tau_xi
    # filters
    tauHP: float = 0.1                  # high-pass of the rates (PAL), ms                   tau_HP
    tauLO: float = 100.0                # low-pass of the updates of W (PAL), ms             tau_LO
    pyr_hi_pass: bool = True            # backward learning uses high-passed rates
    dWPP_low_pass: bool = True          # low-pass of the updates of W
    dWPP_r_low_pass: bool = False       # low-pass of the presynaptic rate instead
    dWPP_post_low_pass: bool = False    # low-pass of the postsynaptic factor instead
    inter_low_pass: bool = False        # low-pass of the interneurons' dendrites
    dWPP_use_activation: bool = True    # postsynaptic factor from rates (False: from voltages)
    # learning rates, 1/ms, and decay
    eta_fw: tuple = (1.0, 1.0, 1.0, 1.0)        # W (bw_only: they only scale the compared updates)
    eta_bw: tuple = (50.0, 50.0, 50.0)  # B
    eta_IP: tuple = (0.0, 0.0, 0.0)     # pyramidal cells to interneurons
    eta_PI: tuple = (5.0, 5.0, 5.0)     # interneurons to pyramidal cells
    alpha: tuple = (1e-5, 1e-5, 1e-5)   # decay of B                                         alpha
    gate_regularizer: bool = False      # decay only for active presynaptic cells
    varphi_regularizer: bool = False    # decay weighted by phi'
    # phased line (connection='skip')
    tausyn: float = 0.01                # all filters, ms                                    tau_syn
    taueps: float = 1.0                 # low-pass of the misalignment epsilon, ms           tau_eps
    Tbw: float = 1.0                    # one hidden layer has noise for so long, ms         T_bw
    noise_deg: float = 30.0             # uP_adaptive: noise stops below this angle, degrees
    # initial weights, uniform in [lo, hi]
    init_WPP_range: tuple = (-1.0, 1.0)
    init_WIP_range: tuple = (-1.0, 1.0)
    init_BPP_range: tuple = (-1.0, 1.0)
    init_BPI_range: tuple = (-1.0, 1.0)
    init_teacher_WPP_range: tuple = (-1.0, 1.0)
    init_teacher_WIP_range: tuple = (-1.0, 1.0)
    init_teacher_BPP_range: tuple = (-1.0, 1.0)
    init_teacher_BPI_range: tuple = (-1.0, 1.0)
    init_in_SPS: bool = True            # start in the self-predicting state
    copy_teacher_weights: bool = False  # tests: the student starts with the teacher's weights
    copy_teacher_voltages: bool = False
    # samples and protocol
    protocol: str = 'runner'            # or 'notebook': one random stream for all, fixed order of the samples
    data: str = 'uniform'               # samples: 'uniform' in input_range, 'yin_yang' or 'mnist' (targets from their classes)
    data_dir: str = ''                  # folder that holds mnist/ ('': $PLASTICITY_DATA, then data/)
    input_range: tuple = (0.0, 1.0)     # lowest and highest rate
    test_size: int = 300                # samples for validation; yin_yang: as many for the test (mnist: all 10,000)
    test_epochs: int = 10               # epochs between two validations
    change_epoch: int = 0               # after so many epochs W of the top layer is replaced (0: never)
    change_range: tuple = (1.0, 2.0)    # ... by uniform weights in [lo, hi]
    change_seed: int = 325551
    # recording
    rec_per_steps: int = 1000           # steps between two records
    record: str = ''                    # series to keep, with commas (README, "What a result holds")
    angles: bool = True                 # alignment angles at every record
    compare: str = ''                   # 'BP': compare the updates of W with back-propagation's, epoch by epoch
    # the paper's mathematics or the released program's (README, "Where paper and released code disagree")
    released_code: bool = False         # sets those of RELEASED, but not rng
    rng: str = 'modern'                 # or 'legacy': RandomState in the released program's order of draws
    stale_apical: bool = False          # D6: phased line, noise and apical voltage of inactive layers are stale
    shared_counter: bool = False        # D7: all hidden layers share one counter of noise draws
    slope_hard_sigmoid: float = 1 / 6   # D9: derivative on its ramp; released 1
    hidden_factor: bool = False         # D10: angles use the hidden layers' basal factor for the output layer too
    float_phase: bool = False           # D19: phases switch on a test of floating-point time
    top_decay: bool = True              # D26: varphi_regularizer acts on the top hidden layer too

    def __post_init__(self):
        check(self)

    @property
    def hold(self):
        """Steps of one presentation."""
        return round(self.Tpres / self.dt)

    @property
    def classified(self):
        """True if the samples have classes: there is no teacher, and accuracies are measured."""
        return self.data in ('yin_yang', 'mnist')

    @property
    def phased(self):
        """True for the phased line; PAL knows skip connections only with one hidden layer, where they are layered ones."""
        return self.connection == 'skip' and self.model_type != 'PAL'

    @property
    def arm(self):
        """Name of the rule as the comparisons of classified samples have it."""
        if self.model_type == 'PAL' and not any(self.eta_bw):
            return 'PAL-fixed-B' if self.dWPP_low_pass else 'FA-noise'
        return self.model_type

    @property
    def member(self):
        """Name of the result."""
        return f'{self.mode}_{self.arm if self.classified else self.model_type}_seed{self.seed}'

    @property
    def cost(self):
        """About how many CPU seconds a run takes: activations, noise, matrices (a large W_1 is written once a sample)."""
        n, hidden = self.layers, sum(self.layers[1:-1])
        pairs = sum(a * b for a, b in zip(n[1:-1], n[2:], strict=True)) + min(n[0] * n[1], 1000)
        learning = 1.0 if self.task == 'fw_bw' else 0.7
        steps = self.dataset_size * self.epochs * self.hold
        seconds = 1e-9 * (60 + 14 * (2 * sum(n[1:]) - n[1]) + 9 * hidden + 5 * pairs) * learning * steps
        return seconds * (1.6 if self.compare else 1.1)


_DEEP = dict(compare='BP')
_PAIR = dict(task='fw_bw', layers=(1, 1, 1), epochs=5000, noise_scale=(0.01,), eta_fw=(2.0, 0.5), eta_bw=(20.0,),
             eta_IP=(10.0,), eta_PI=(0.5,), alpha=(1e-6,), init_WPP_range=(-1.0, 0.0), init_BPP_range=(-1.0, 0.0),
             init_teacher_WPP_range=(2.0, 2.0), record='MSE,WPP,WIP,BPP,BPI', angles=False)
_FIXED = _PAIR | dict(eta_bw=(0.0,), eta_PI=(0.0,))
_SLOW = {f'fig6_{n}_{name}': dict(Tpres=n / 10, tauHP=n / 100, tauxi=n / 100, tauLO=10.0 * n, eta_bw=(500.0 / n,) * 3,
                                  eta_PI=(50.0 / n,) * 3, eta_fw=(10.0 / n,) * 4, taur=taur,
                                  rec_per_steps=1000 if n == 10 else 10_000)
         for n in (10, 100, 1000) for name, taur in (('prosp', 1.0), ('u', 0.0))}

_DEMO = dict(protocol='notebook', activation='relu', dt=1e-3, settling_time=0.0, dataset_size=200, epochs=1, dtxi=1e-3,
             noise_mode='uP', dWPP_low_pass=False, rec_per_steps=100, record='WPP,WIP,BPP,BPI,noise',
             init_WPP_range=(0.0, 1.0), init_BPP_range=(-1.0, 0.0), seed=12345, tauxi=0.01, tauHP=0.01,
             noise_scale=(0.05,), eta_fw=(0.0, 0.0))
_PHASED = _DEMO | dict(connection='skip', model_type='LDRL', dtxi=0.01, tausyn=0.01, gate_regularizer=True, stale_apical=True)
_TINY = dict(layers=(1, 2, 1), eta_bw=(500.0,), eta_IP=(20.0,), eta_PI=(1.0,), init_in_SPS=False)
_SMALL = dict(layers=(2, 2, 2), eta_bw=(200.0,), eta_IP=(0.0,), eta_PI=(5.0,), alpha=(0.05 ** 2 / 10,))
_SIGNED = (-1.0, 1.0)

MODES = {
    'fig3_weak': _DEEP,                                                             # Fig. 3a-c
    'fig3_strong': _DEEP | dict(epochs=500, eta_bw=(20.0,) * 3, eta_PI=(0.5,) * 3, init_WPP_range=(-5.0, 5.0),
                                init_BPP_range=(-5.0, 5.0), init_teacher_WPP_range=(-5.0, 5.0),
                                init_teacher_BPP_range=(-5.0, 5.0)),                # Fig. 3d-f
    'fig4_pal': _PAIR,                                                              # Fig. 4a, b: teacher and student
    'fig4_bp': _FIXED | dict(model_type='BP'),                                      # Fig. 4a, b, weight transport
    'fig4_fa': _FIXED | dict(model_type='FA'),                                      # Fig. 4a, b, feedback alignment
    'fig6_10_prosp': _SLOW['fig6_10_prosp'],                                        # noise of 10 steps, prospective rates
    'fig6_10_u': _SLOW['fig6_10_u'],                                                # ... lagging rates
    'fig6_100_prosp': _SLOW['fig6_100_prosp'],                                      # noise of 100 steps, prospective
    'fig6_100_u': _SLOW['fig6_100_u'],                                              # ... lagging
    'fig6_1000_prosp': _SLOW['fig6_1000_prosp'],                                    # noise of 1000 steps, prospective
    'fig6_1000_u': _SLOW['fig6_1000_u'],                                            # ... lagging
    'prospectivity': dict(),                                                        # tau_r and tau_xi, see SWEEPS
    'pal_ldrl': dict(layers=(5, 20, 5), epochs=50, noise_scale=(0.05,), eta_fw=(1.0, 1.0), eta_bw=(50.0,), eta_IP=(0.0,),
                     eta_PI=(5.0,), alpha=(1e-5,), rec_per_steps=10_000),            # PAL against LDRL, see SWEEPS
    'template': _PAIR | dict(model_type='FA', init_teacher_WPP_range=(0.0, 2.0),
                             rec_per_steps=100),                                    # the parameter file that came along
    'phased_template': dict(task='fw_bw', connection='skip', model_type='FA', layers=(1, 1, 1), activation='soft_relu',
                            noise_mode='uP_adaptive', noise_scale=(0.1,), eta_fw=(50.0, 10.0), eta_bw=(0.0,), eta_IP=(20.0,),
                            eta_PI=(0.0,), alpha=(0.0,), dWPP_low_pass=False, rec_per_steps=100, record='MSE,WPP,WIP',
                            angles=False, seed=325551, input_seed=325551),              # ... with the phased program
    'pal_tiny': _DEMO | _TINY | dict(alpha=(5e-5,)),                                # notebook: PAL, 1-2-1
    'pal_small': _DEMO | _SMALL,                                                    # notebook: PAL, 2-2-2
    'phased_tiny': _PHASED | _TINY | dict(alpha=(1e-4,)),                           # notebook: LDRL, 1-2-1
    'phased_small': _PHASED | _SMALL,                                               # notebook: LDRL, 2-2-2
    'phased_larger': _PHASED | dict(layers=(4, 30, 3), seed=123456, dataset_size=3000, epochs=10, input_range=_SIGNED,
                                    init_WPP_range=_SIGNED, init_BPP_range=_SIGNED, eta_bw=(200.0,), eta_IP=(0.0,),
                                    eta_PI=(1.0,), alpha=(1e-5,), rec_per_steps=1000),  # notebook: LDRL, 4-30-3
    'phased_pinv': _PHASED | dict(model_type='DTPDRL', activation='logistic', layers=(2, 3, 2), seed=98723, dataset_size=50,
                                  epochs=20, noise_mode='uP_adaptive', noise_scale=(0.2,), noise_deg=45.0, taueps=10.0,
                                  eta_bw=(5000.0,), eta_IP=(0.0,), eta_PI=(200.0,), alpha=(0.0,), gate_regularizer=False,
                                  settling_time=1.0, change_epoch=10,
                                  record='WPP,WIP,BPP,BPI,noise,epsilon_LO'),           # notebook: pseudo-inverse, epsilon
    'phased_pinv2': _PHASED | dict(model_type='DTPDRL', layers=(2, 2, 2), seed=6128736, dataset_size=30_000,
                                   input_range=(1.0, 1.0), noise_scale=(0.1,), eta_bw=(400.0,), eta_IP=(0.0,), eta_PI=(400.0,),
                                   alpha=(0.0,), gate_regularizer=False, settling_time=1.0,
                                   rec_per_steps=10_000),                               # notebook: pseudo-inverse, noise always
    'yin_yang': dict(task='fw_bw', data='yin_yang', layers=(4, 30, 3), dataset_size=2000, epochs=400, settling_time=10.0,
                     seed=123456, input_seed=123456, noise_scale=(0.01,), eta_fw=(50.0, 0.01), eta_bw=(0.5,), eta_IP=(0.05,),
                     eta_PI=(0.02,), alpha=(1e-6,), init_WPP_range=(-0.1, 0.1), init_WIP_range=(-0.1, 0.1), angles=True,
                     rec_per_steps=100_000),                                        # Fig. 4c
    'mnist': dict(task='fw_bw', data='mnist', layers=(784, 100, 10), dataset_size=5000, test_size=1000, settling_time=10.0,
                  seed=123456, input_seed=123456, noise_scale=(0.01,), eta_fw=(1.0, 0.005), eta_bw=(0.2,), eta_IP=(0.02,),
                  eta_PI=(0.02,), alpha=(1e-6,), init_WPP_range=(-0.1, 0.1), init_WIP_range=(-0.1, 0.1),
                  rec_per_steps=500_000),                                           # Fig. 4e, f
    'smoke': _DEEP | dict(layers=(2, 5, 4, 2), dataset_size=5, epochs=4, Tpres=0.5, settling_time=1.0, rec_per_steps=25,
                          noise_scale=(0.05, 0.05), eta_fw=(1.0,) * 3, eta_bw=(50.0,) * 2, eta_IP=(0.0,) * 2, eta_PI=(5.0,) * 2,
                          alpha=(1e-5,) * 2, record='WPP,BPP'),                     # tests: < 1 s
}

SEEDS = (123, 456, 789, 111, 222, 1, 3, 5, 7, 9)
SWEEPS = {name: [dict(seed=s) for s in SEEDS] for name in MODES if name.startswith('fig')}
SWEEPS['fig3_strong'] = [dict(seed=s) for s in (*SEEDS[:4], 999, *SEEDS[5:])]
SWEEPS['template'] = [dict(seed=s) for s in SEEDS[:5]]
SWEEPS['phased_template'] = [dict(seed=s) for s in (325551, 333333, 111111)]
RHO, TAUXI = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (0.03, 0.1, 0.3)
SWEEPS['prospectivity'] = [dict(taur=rho, tauxi=tau, tauHP=tau, seed=s) for rho in RHO for tau in TAUXI for s in SEEDS[:5]]
_LDRL = dict(model_type='LDRL', connection='skip', noise_mode='uP', dtxi=0.1, tausyn=0.1)
ETAS, TEN = (20.0, 50.0, 200.0), range(1, 11)
SWEEPS['pal_ldrl'] = [rule | dict(noise_scale=(scale,), eta_bw=(eta,), seed=s)
                      for rule, scales in (({}, (0.05, 0.2)), (_LDRL, (0.05, 0.2, 1.0)), (dict(noise_mode='uP'), (0.2, 1.0)))
                      for scale in scales for eta in ETAS for s in TEN]
_FIXED_B = dict(eta_bw=(0.0,))                      # PAL, but B stays random
_FA_NOISE = _FIXED_B | dict(dWPP_low_pass=False)    # FA with the noise and the interneurons' learning of PAL
_FA = dict(model_type='FA', eta_PI=(0.0,), eta_bw=(0.0,))
_BP = _FA | dict(model_type='BP')
SWEEPS['yin_yang'] = [dict(seed=123456 + i) | arm for arm in ({}, _FA, _FIXED_B, _FA_NOISE) for i in range(10)]
SWEEPS['mnist'] = [dict(seed=123456 + i) | arm for arm in ({}, _FA, _BP) for i in range(5)]

RELEASED = dict(stale_apical=True, shared_counter=True, slope_hard_sigmoid=1.0, hidden_factor=True, float_phase=True,
                top_decay=False)
