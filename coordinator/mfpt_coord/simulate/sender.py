"""How a simulated device sends under masks: it offers an update, and takes part in the cohort that it is called to.

The keys, the key shares and the masks are real, so that a sum is what it would be in a federation.
"""

from dataclasses import dataclass, replace

from mfpt_shared.device.cohorts import Cohorts, NotAwaited
from mfpt_shared.device.rounds import Rounds
from mfpt_shared.masking.cohort import Randomness
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.identity import update_digest
from mfpt_shared.protocol.messages import (
    Ack,
    Deliver,
    Disband,
    Down,
    Gather,
    KeyShares,
    Masked,
    Offer,
    Reject,
    Resync,
    Reveal,
    Unmask,
    Update,
)
from mfpt_shared.tensors import dense

Said = Offer | KeyShares | Masked | Reveal
"""What a device says on its way into a sum."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The update that a device holds.

    Attributes:
        sha256: What answers call it.
        sent: Whether it was sent under masks.
    """

    update: Update
    sha256: str
    sent: bool = False


class Sender:
    """The updates of a simulated device, one at a time, on their way into sums."""

    def __init__(self, plan: Plan, rounds: Rounds, randomness: Randomness) -> None:
        """Begin without an update.

        Args:
            plan: Plan with masks.
            rounds: The device's rounds, which carry what a sum has left out.
            randomness: Where keys, seeds and key shares come from.
        """
        self._plan = plan
        self._rounds = rounds
        self._randomness = randomness
        self._cohorts = Cohorts(plan, randomness)
        self._held: _Held | None = None

    @property
    def waits(self) -> bool:
        """Whether the device holds an update."""
        return self._held is not None

    def hold(self, update: Update) -> Offer:
        """Hold an update from now on, and offer it."""
        self._held = _Held(update, update_digest(encode(update)).hex())
        return self._offer(self._held)

    def offer(self) -> Offer | None:
        """Offer the update that the device holds, if it holds one."""
        return None if self._held is None else self._offer(self._held)

    def restart(self) -> None:
        """Lose what a device has in memory alone."""
        self._cohorts = Cohorts(self._plan, self._randomness)

    def hear(self, message: Down) -> Said | None:
        """Return the answer to what the coordinator says of the update that the device holds; None where there is none.

        Raises:
            DecodeError: The coordinator asks for what a member must not give.
        """
        held = self._held
        if held is None:
            return None
        try:
            match message:
                case Gather():
                    return self._cohorts.gather(message)
                case Deliver():
                    masked = self._cohorts.deliver(message, held.update)
                    self._held = replace(held, sent=True)
                    return masked
                case Unmask():
                    return self._cohorts.unmask(message)
                case Ack() | Reject() | Resync() | Disband() if held.sha256 == message.sha256:
                    return self._end(held, message)
        except NotAwaited:
            pass  # an order to what the device was before it started again
        return None

    def _offer(self, held: _Held) -> Offer:
        return self._cohorts.offer(held.update, held.sha256, sent=held.sent)

    def _end(self, held: _Held, message: Ack | Reject | Resync | Disband) -> Offer | None:
        """Take an answer; what is in no sum and may still enter one is offered again."""
        sequence = held.update.header.sequence
        if isinstance(message, Disband) and not held.sent:
            self._cohorts.leave(sequence)
            return self._offer(held)
        left = self._cohorts.forget(sequence)
        self._held = None
        if isinstance(message, Disband):
            self._rounds.go_on_from([dense(held.update.delta)])
        elif isinstance(message, Ack) and left is not None:
            self._rounds.carry(left)
        return None
