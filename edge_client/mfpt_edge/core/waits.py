"""What a device waits for, and since when: one kind of wait at a time, or none while it trains.

The core acts without knowing this. It is for the person before the device, to whom `wait_words` says it.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from mfpt_edge.core.asking import needed_version
from mfpt_edge.core.events import BrokerConnected, BrokerLost, Event, NotSubscribed, ProgressSeen, Told
from mfpt_edge.core.state import State
from mfpt_shared.protocol.messages import Progress

Kind = Literal[
    "long messages",  # the broker ends every connection after a moment
    "broker",  # a connection
    "rights",  # a subscription that was refused
    "plan",
    "preparing",  # the device's own data and backbone
    "coordinator",
    "over",  # another run of the coordinator: the federation has ended
    "conditions",  # what lets no training begin on this machine
    "turn",  # an assignment
    "others",  # others whose updates are added up with this one under masks
    "answer",  # word of an update that was sent
    "prompt",  # the version that an assignment names
    "listening",  # what the others still make, without training
    "last prompt",
    "measuring",  # its own measurement, at the end
]

MOMENT_SECONDS: Final = 8.0
"""Duration of a connection under which its end is no accident..."""
MANY_CUTS: Final = 3
"""...if so many were as short, one after the other."""
ANSWER_SECONDS: Final = 10.0
"""Time after which a coordinator that could answer, and does not, has not heard."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a device's wait beside its state. Times are Unix seconds, by a clock that never jumps.

    Attributes:
        kind: What it waits for; None: nothing.
        since: Since when.
        is_up: Whether the connection to the broker is up.
        connected_at: When it last came up.
        cuts: How many connections in a row the broker has ended after a moment.
        refused: Filters of subscriptions that the broker refused.
        is_told: Whether the coordinator has said anything to this device over this connection.
        announced: Newest version when the device first announced itself over this connection; None before that.
        due_since: Since when the coordinator should have answered this device; None: it need not.
        progress: How far the next version is, as it was last heard over this connection; None before that.
    """

    kind: Kind | None = None
    since: float = 0.0
    is_up: bool = False
    connected_at: float = -math.inf
    cuts: int = 0
    refused: tuple[str, ...] = ()
    is_told: bool = False
    announced: int | None = None
    due_since: float | None = None
    progress: Progress | None = None


def noted(facts: Facts, event: Event, state: State) -> Facts:
    """Return what is known after an event.

    Args:
        facts: What was known before.
        event: What happened.
        state: The device's state after it.
    """
    facts = _after(facts, event)
    if state.announced and facts.announced is None:
        facts = replace(facts, announced=state.published)
    if facts.is_up and event.at >= facts.connected_at + MOMENT_SECONDS:
        facts = replace(facts, cuts=0)
    if facts.refused and not state.refused:
        facts = replace(facts, refused=())
    kind = _kind(state, facts)
    if kind != facts.kind:
        facts = replace(facts, kind=kind, since=event.at)
    is_due = _is_due(state, facts)
    if is_due == (facts.due_since is not None):
        return facts
    return replace(facts, due_since=event.at if is_due else None)


def is_unheard(facts: Facts, at: float) -> bool:
    """Tell whether the coordinator does not hear this device: it would have answered by now.

    A broker confirms what it forbids, and drops it.
    """
    return facts.due_since is not None and at >= facts.due_since + ANSWER_SECONDS


def _is_due(state: State, facts: Facts) -> bool:
    """Tell whether an answer is due to a device that has announced itself, and has heard nothing.

    One that is at its turn is answered at once, except that one whose update is in no version yet waits for that
    version. So if no update waits, or another version came, it is due.
    """
    said = facts.progress
    if facts.kind != "turn" or facts.is_told or facts.announced is None or said is None:
        return False
    if said.training >= said.places or state.language in said.joining:
        return False
    return said.updates == 0 or max(state.published, said.version) > facts.announced


def _after(facts: Facts, event: Event) -> Facts:
    match event:
        case BrokerConnected(at=at):
            return replace(facts, is_up=True, connected_at=at, is_told=False, announced=None, progress=None)
        case BrokerLost(at=at) if facts.is_up:  # and not another attempt that failed
            was_short = at < facts.connected_at + MOMENT_SECONDS
            return replace(facts, is_up=False, cuts=facts.cuts + 1 if was_short else 0)
        case NotSubscribed(filters=filters):
            return replace(facts, refused=tuple(dict.fromkeys((*facts.refused, *filters))))
        case Told():
            return replace(facts, is_told=True)
        case ProgressSeen(message=message):
            return replace(facts, progress=message)
        case _:
            return facts


def _kind(state: State, facts: Facts) -> Kind | None:  # noqa: PLR0911 - one line for each kind, the first that holds
    if state.ended:
        return "measuring" if state.prepared else None
    if facts.cuts >= MANY_CUTS:
        return "long messages"
    if not state.connected:
        return "broker"
    if state.refused:
        return "rights"
    if state.plan is None:
        return "plan"
    if state.phase == "preparing":
        return "preparing"
    if state.leaving:
        return "last prompt"
    if state.coordinator is None:
        return "coordinator" if state.over_since is None else "over"
    if state.phase in ("training", "evaluating"):
        return None
    return _kind_of_a_device_at_rest(state)


def _kind_of_a_device_at_rest(state: State) -> Kind:
    if state.done_at is not None:
        return "listening"
    if state.outbox:
        return "others" if state.is_masked else "answer"
    if state.against:
        return "conditions"
    return "prompt" if state.assigned is not None and needed_version(state) is not None else "turn"
