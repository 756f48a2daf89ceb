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
    length: float = 1.0                 # factor of the number of updates and of the training before the second measurement
    data: str = 'mnist'                 # images of the spiking network: 'mnist', or 'digits' (stand-in)

    def __post_init__(self):
        check(self)

    @property
    def member(self):
        """Name of the result."""
        return f'{self.mode}_{self.rule}_seed{self.seed}'

    @property
    def cost(self):
        """About how many CPU seconds a run takes."""
        return COST[self.rule] * self.length


MODES = {
    'updates': {},                      # alignment and noise of the updates of one rule
    'smoke': dict(length=0.02),         # tests
}
SEEDS = range(1, 11)
SWEEPS = {'updates': [dict(rule=rule, seed=seed) for rule in COST for seed in SEEDS]}
