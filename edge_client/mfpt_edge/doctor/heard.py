"""What a broker has told somebody who only listens, put together message by message. Does no input or output."""

import json
from dataclasses import dataclass, field
from typing import Final

from mfpt_edge.core.events import PlanReceived
from mfpt_edge.session.channel import Listener
from mfpt_edge.session.trust import Forged
from mfpt_shared.errors import AuthenticationFailed, DecodeError, Incompatible, MfptError
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import decode, opened
from mfpt_shared.protocol.messages import PROTOCOL, Beat, CoordinatorState
from mfpt_shared.protocol.topics import COORDINATOR_BEAT, COORDINATOR_STATE, PLAN, Topic, parse
from mfpt_shared.transport.base import Disconnected, Event, Inbound, SubscriptionRefused

_UPDATE: Final = "the operator's mfpt and the one here must speak the same protocol: one of the two has to be updated"


@dataclass(slots=True)
class Heard:
    """What has come so far.

    Attributes:
        listener: What is understood: messages of the federation's own coordinator that are new.
        probe: Topic of a message of one's own; empty where none is sent.
        state: What the coordinator has said of itself; the broker keeps it.
        beat: A sign of life of the coordinator, which nobody keeps.
        beat_at: When the last one came, by the clock of this machine, Unix seconds.
        plan: Plan of the federation.
        plan_problem: Why the plan cannot be followed.
        problem: Why what came is not what this device can go by.
        older: Why the coordinator cannot be understood, if it speaks an older protocol.
        cut: Why the connection was lost; empty while it is up.
        refused: Topics that the broker does not let this user read.
        is_back: Whether the message of one's own has come back.
    """

    listener: Listener
    probe: str = ""
    state: CoordinatorState | None = None
    beat: Beat | None = None
    beat_at: float = 0.0
    plan: Plan | None = None
    plan_problem: MfptError | None = None
    problem: MfptError | None = None
    older: Incompatible | None = None
    cut: str = ""
    refused: set[str] = field(default_factory=set)
    is_back: bool = False

    @property
    def said(self) -> CoordinatorState | Beat | None:
        """What the coordinator has said, at best what shows that it lives; None: nothing."""
        return self.beat or self.state

    @property
    def is_online(self) -> bool:
        """Whether the coordinator lives, as far as this user may know."""
        says_so = self.state is not None and self.state.state == "online"
        return self.beat is not None or (says_so and self._is_refused(COORDINATOR_BEAT))

    @property
    def anything(self) -> bool:
        """Whether the broker has delivered anything at all."""
        return self.is_back or any(one is not None for one in (self.state, self.beat, self.plan, self.problem))

    @property
    def everything(self) -> bool:
        """Whether there is nothing left to wait for."""
        lives = self.state is not None and self.state.state == "online"
        beat = self.beat is not None or not lives or self._is_refused(COORDINATOR_BEAT)
        plan = self.plan is not None or self.plan_problem is not None or self._is_refused(PLAN)
        state = self.state is not None or self.problem is not None or self._is_refused(COORDINATOR_STATE)
        return bool(self.cut) or (beat and plan and state and (self.is_back or not self.probe or self.probe_refused))

    @property
    def probe_refused(self) -> bool:
        """Whether this user may not send itself a message."""
        return self.probe in self.refused

    @property
    def all_refused(self) -> bool:
        """Whether this user may read nothing of the federation."""
        return all(map(self._is_refused, (COORDINATOR_BEAT, COORDINATOR_STATE, PLAN)))

    def _is_refused(self, topic: Topic) -> bool:
        return topic.path(self.listener.federation) in self.refused

    def take(self, event: Event, at: float) -> None:
        """Take an event of the transport.

        Args:
            event: What came.
            at: Now, by the clock of this machine, Unix seconds.
        """
        match event:
            case SubscriptionRefused(filters=filters):
                self.refused.update(filters)
            case Disconnected(reason=reason):
                self.cut = reason
            case Inbound(topic=self.probe):
                self.is_back = True
            case Inbound() as inbound:
                self._understand(inbound, at)

    def _understand(self, inbound: Inbound, at: float) -> None:
        try:
            if parse(inbound.topic, self.listener.federation).topic is PLAN:
                self._take_plan(inbound, at)
            else:
                self._take_sign(inbound, at)
        except Forged as error:
            self.problem = AuthenticationFailed(
                f"somebody else than the coordinator that invited this device answers: {error}"
            )
        except DecodeError as error:
            self.older = self.older or _older(inbound.payload)
            self.problem = self.problem or error

    def _take_plan(self, inbound: Inbound, at: float) -> None:
        try:
            understood = self.listener.understand(inbound, None, at)
        except Incompatible as error:
            self.plan_problem = error
            return
        if isinstance(understood, PlanReceived):
            self.plan = understood.plan

    def _take_sign(self, inbound: Inbound, at: float) -> None:
        found = opened(inbound.topic, inbound.payload, self.listener.federation)
        if found is None:
            return
        self.listener.trust.check(found.signer)
        match decode(found.address.topic, found.content):
            case CoordinatorState() as state:
                self.state = state
            case Beat() as beat:
                self.beat, self.beat_at = beat, at


def _older(payload: bytes) -> Incompatible | None:
    """Return what it means that a message cannot be read, if it says that it is of an older protocol."""
    try:
        said = json.loads(payload.partition(b"\n")[0])
        protocol = said.get("protocol")
    except (ValueError, AttributeError, RecursionError):
        return None
    if not isinstance(protocol, int) or protocol >= PROTOCOL:
        return None
    return Incompatible(f"the coordinator speaks protocol {protocol}, this mfpt speaks {PROTOCOL}; {_UPDATE}")
