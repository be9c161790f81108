"""What a device takes from the broker: what its coordinator says is understood, all else is counted and told."""

from dataclasses import dataclass, field

from mfpt_edge.session.channel import Listener, Understood
from mfpt_edge.session.clock import ClockCheck
from mfpt_edge.session.freshness import Overtaken, Replayed
from mfpt_edge.session.trust import Forged
from mfpt_shared.device.cohorts import CohortOrder, NotAwaited
from mfpt_shared.errors import DecodeError, Exposing
from mfpt_shared.plan import Plan
from mfpt_shared.refusals import Reason, Refusals
from mfpt_shared.transport.base import Inbound


@dataclass(frozen=True, slots=True)
class Hearing:
    """Whatever a broker delivers, nothing but what the coordinator has just said changes anything.

    Attributes:
        listener: What the device understands.
        ignored: Numbers of messages that changed nothing, by reason.
        clock: Whether the device's clock is right.
    """

    listener: Listener
    ignored: Refusals = field(default_factory=Refusals)
    clock: ClockCheck = field(default_factory=ClockCheck)

    def take(self, inbound: Inbound, plan: Plan | None, at: float) -> Understood | None:
        """Return what a message means; None if it changes nothing.

        Args:
            inbound: Message from the broker.
            plan: Plan that the device follows.
            at: Time, Unix seconds.

        Raises:
            Incompatible: It is a plan of the coordinator that this version of mfpt cannot follow.
        """
        try:
            understood = self.listener.understand(inbound, plan, at)
        except DecodeError as error:
            self.ignore(error, inbound.topic, at)
            return None
        if understood is not None and not isinstance(understood, CohortOrder):
            self.clock.look(understood)
        return understood

    def ignore(self, error: DecodeError | Exposing, topic: str, at: float) -> None:
        """Count a message that changes nothing, and tell people of it where they need to hear of it.

        Args:
            error: Why it changes nothing.
            topic: Topic on which it came.
            at: Time, Unix seconds.
        """
        if isinstance(error, Overtaken | NotAwaited):
            self.ignored.counts[_reason(error)] += 1
        else:
            self.ignored.note(_reason(error), topic, str(error), at)


def _reason(error: DecodeError | Exposing) -> Reason:
    match error:
        case Forged():
            return "forged"
        case Replayed() | NotAwaited():
            return "replayed"
        case _:
            return "damaged"
