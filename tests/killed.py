"""A run that is killed at a chosen moment, for the tests of resumed runs."""
from common.checkpoint import Checkpoint


class Killed(Checkpoint):
    """A checkpoint that is written at every offer; the n-th kills the run (KeyboardInterrupt).

    left: [n], a list, so that the checkpoints of several stages of a run can count together; [-1]: never.
    """

    def __init__(self, path, left):
        super().__init__(path, every=0.0)
        self.left = left

    def offer(self, state, *args):
        """Write, count, kill."""
        super().offer(state, *args)
        self.left[0] -= 1
        if self.left[0] == 0:
            raise KeyboardInterrupt
