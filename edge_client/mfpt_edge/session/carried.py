"""What a device's next update brings in of earlier ones, under masks."""

from collections.abc import Callable, Collection
from functools import partial

from mfpt_edge.session.patient_disk import PatientDisk
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.device.rounds import Rounds
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Update
from mfpt_shared.tensors import PromptState, dense


class Carried:
    """What the grid left out of updates that were added up, and all of those that left for sums that came to nothing.

    The latter stay in the outbox until the update that brings them in is there.
    """

    def __init__(self, outbox: Outbox, disk: PatientDisk) -> None:
        """Begin with nothing.

        Args:
            outbox: Where the updates are.
            disk: Writes to it.
        """
        self._outbox = outbox
        self._disk = disk
        self._left: list[PromptState] = []
        self._updates: dict[int, PromptState] = {}

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the updates of which the next one brings in all."""
        return tuple(sorted(self._updates))

    def add(self, left: PromptState) -> None:
        """Carry what the grid left out of an update."""
        self._left.append(left)

    def add_all_of(self, update: Update, plan: Plan) -> None:
        """Carry an update, if it was made under the plan that the device follows; it fits into no other one."""
        number = update.header.sequence
        if update.header.plan == plan.digest:
            self._updates[number] = dense(update.delta)
        else:
            self.forget((number,))

    def taken(self) -> Callable[[Rounds], None]:
        """Return what makes the next round bring in all of it, to be called in the thread that trains.

        What comes from updates stays here as well, until they are forgotten: the round may fail.
        """
        left, self._left = self._left, []
        updates = [self._updates[number] for number in self.numbers]

        def give(rounds: Rounds) -> None:
            for one in left:
                rounds.carry(one)
            rounds.go_on_from(updates)

        return give

    def forget(self, numbers: Collection[int]) -> None:
        """Forget updates: another one in the outbox stands for them, or none can."""
        for number in numbers:
            self._updates.pop(number, None)
            self._disk.write(f"the end of update {number}", partial(self._outbox.forget, number))
