"""The five rules on one page: parameters. One run measures one rule on its paper's own task, untrained and trained."""
from dataclasses import dataclass

from across.checks import COST, check

mode = 'updates'                        # a key of MODES below


@dataclass(frozen=True)
class Params:
    """One run."""

    mode: str = 'updates'
    array_num: int = 1                  # member of the mode's sweep; 0 = all
    seed: int = 1                       # task, weights, noise
    rule: str = 'hsic'                  # a key of rules.RULES
    rival: bool = False                 # learning: back-propagation in the network of this rule
    rate: float = 1.0                   # learning: factor of the learning rates
    length: float = 1.0                 # factor of the number of updates, and of the training
    data: str = 'mnist'                 # images of the spiking network: 'mnist', or 'digits' (stand-in)

    def __post_init__(self):
        check(self)

    @property
    def member(self):
        """Name of the result."""
        rival = '_rival' if self.rival else ''
        return f'{self.mode}_{self.rule}{rival}_rate{self.rate:g}_seed{self.seed}'

    @property
    def cost(self):
        """About how many CPU seconds a run takes."""
        return COST[self.rule] * self.length


MODES = {
    'updates': {},                      # alignment and noise of the updates of one rule
    'learning': {},                     # learning curves of the rules and of back-propagation in their networks
    'smoke': dict(length=0.02),         # tests
}
SEEDS, RATES, FEW = range(1, 11), (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0), (1.0, 3.0, 10.0)    # networks; factors of the rates
LEARNERS = [                            # (rule, rival)
    ('hsic', False), ('hsic', True), ('impression_learning', False), ('reinforce', False), ('impression_learning', True),
    ('three_factor', False), ('three_factor', True), ('PAL', False), ('FA', False), ('PAL', True), ('rstdp', False),
    ('rstdp_margin', False), ('rstdp', True)]
SWEEPS = {'updates': [dict(rule=rule, seed=seed) for rule in COST for seed in SEEDS],
          'learning': [dict(rule=rule, rival=rival, rate=rate, seed=seed) for rule, rival in LEARNERS for rate in RATES
                       for seed in SEEDS]}
