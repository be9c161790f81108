"""A device's privacy budget: what its updates have given away, and which one is the last that it makes.

Every number that an update may have had counts, whether it left or not, and whichever copy of the state folder used it.
So the budget is a number of numbers: a device that was restored from an older copy learns from the coordinator which
ones are used (`Resync`), and has spent them.
"""

from pathlib import Path

from mfpt_edge.storage.first_round import first_round
from mfpt_edge.storage.spent import Spent, read_spent, save_spent
from mfpt_shared.device.accountant import cost_of_release, epsilon, releases_left
from mfpt_shared.plan import Plan


def in_words(epsilon: float, limit: float) -> str:
    """Return what is spent as people read it, of a limit; 0: there is none."""
    return f"epsilon {epsilon:.2f}" + (f" of {limit:g} spent" if limit else " spent, no limit")


def budget_for(folder: Path, plan: Plan, used: int) -> "Budget | None":
    """Return a device's budget under a plan, as `Budget` makes it; None where the plan has no noise."""
    return None if plan.privacy.noise == "none" else Budget(folder, plan, used)


class Budget:
    """What a device spends under one plan with noise.

    Attributes:
        epsilon: What is spent.
        last_number: Number of the last update that fits into the plan's budget; None: the plan has no limit.
    """

    def __init__(self, folder: Path, plan: Plan, used: int) -> None:
        """Find out what is spent already.

        Args:
            folder: State folder of the device.
            plan: The plan.
            used: Highest number that an update of this folder has had; 0 before the first.

        Raises:
            NotInstalled: The accountant is missing.
        """
        self._folder = folder
        self._each = cost_of_release(plan)
        self._privacy = plan.privacy
        before = Spent((first_round(folder, plan) or used + 1) - 1, 0.0)
        self._spent = (read_spent(folder) or before).after(used, self._each)
        self.epsilon = self._epsilon()
        left = releases_left(plan, self._spent.cost)
        self.last_number = None if left is None else self._spent.number + left

    def spend(self, number: int) -> None:
        """Count an update as given away; it is on the disk when this returns. May be called again after an OSError."""
        spent = self._spent.after(number, self._each)
        save_spent(self._folder, spent)
        self._spent = spent
        self.epsilon = self._epsilon()

    def in_words(self) -> str:
        """Return what is spent, and the last update that fits."""
        last = "" if self.last_number is None else f"; the last update that fits is number {self.last_number}"
        return f"privacy budget: {in_words(self.epsilon, self._privacy.epsilon)}{last}"

    def _epsilon(self) -> float:
        return epsilon(self._spent.cost, self._privacy.failure_probability)
