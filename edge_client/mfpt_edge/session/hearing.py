"""What a device takes from the broker: what its coordinator says is understood, all else is counted and told."""

from dataclasses import dataclass, field

from mfpt_edge.core.events import Event
from mfpt_edge.session.channel import Listener
from mfpt_edge.session.clock import ClockCheck
from mfpt_edge.session.freshness import Overtaken, Replayed
from mfpt_edge.session.trust import Forged
from mfpt_shared.errors import DecodeError
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

    def take(self, inbound: Inbound, plan: Plan | None, at: float) -> Event | None:
        """Return what a message means to the core; None if it changes nothing.

        Args:
            inbound: Message from the broker.
            plan: Plan that the device follows.
            at: Time, Unix seconds.

        Raises:
            Incompatible: It is a plan of the coordinator that this version of mfpt cannot follow.
        """
        try:
            understood = self.listener.understand(inbound, plan, at)
        except Overtaken as error:
            self.ignored.counts[_reason(error)] += 1  # nothing that people need to hear of
            return None
        except DecodeError as error:
            self.ignored.note(_reason(error), inbound.topic, str(error), at)
            return None
        if understood is not None:
            self.clock.look(understood)
        return understood


def _reason(error: DecodeError) -> Reason:
    match error:
        case Forged():
            return "forged"
        case Replayed():
            return "replayed"
        case _:
            return "damaged"
