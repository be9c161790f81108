"""The overview of the page: whether the federation moves, what it waits for, and what somebody should see to."""

from collections.abc import Mapping
from typing import Final

import msgspec

from mfpt_coord.core.alarms import NEARLY, alarms
from mfpt_coord.core.progress import progress
from mfpt_coord.core.state import State
from mfpt_coord.page.devices import NAME_CHARACTERS, Crowd, DeviceView
from mfpt_coord.page.languages import LanguageView, Verdict
from mfpt_coord.page.names import Names
from mfpt_coord.page.source import Seen
from mfpt_coord.server.metrics.vital_signs import Check
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Alarm, UpdateCounts
from mfpt_shared.texts import printable

MOST_ALARMS: Final = 25
_LANGUAGE: Final = "worse"


class AlarmShown(Alarm, frozen=True, kw_only=True):
    """An alarm with the name of what it is about; empty where that has none."""

    name: str


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What the next version waits for.

    Attributes:
        updates: Number of updates that wait for it.
        needed: Number that makes it, unless its time is up before.
        training: Number of devices at work.
        places: Number of devices that may be at work at a time.
        ready: Number of devices that could start.
        offers: Under masks, number of updates that are offered; None: updates come in the open.
        group: Under masks, number of offers that makes a group.
        joining: Number of languages whose first prompt waits for their distances.
        finished: Whether there is no next version.
    """

    updates: int
    needed: int
    training: int
    places: int
    ready: int
    offers: int | None
    group: int
    joining: int
    finished: bool


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How a federation stands; times are Unix seconds by the clock on the wall.

    Attributes:
        noisy: Whether devices add noise; then they tell no accuracy.
        made: When the newest version was made; None: nobody knows.
        problems: What keeps the coordinator from serving devices: `broker`, `leadership`, `store` -> in words.
        verdicts: Number of languages by whether they are better for it.
        budget: Privacy budget of a device, epsilon; 0: there is none.
        nearly_spent: Number of devices that have spent nearly all of it.
        failed_logins: Number of logins that the broker refused since the start.
        refused: Number of messages that changed nothing since the start, by reason.
    """

    federation: str
    plan: str
    open: bool
    masked: bool
    noisy: bool
    version: int
    made: float | None
    started: float
    at: float
    problems: Mapping[Check, str]
    next: Next
    alarms: list[AlarmShown]
    verdicts: dict[Verdict, int]
    devices: Crowd
    updates: UpdateCounts
    budget: float
    nearly_spent: int
    staleness: dict[str, int]
    failed_logins: int
    refused: Mapping[str, int]


def overview(seen: Seen, devices: DeviceView, languages: LanguageView, names: Names, made: float | None) -> Overview:
    """Return how a federation stands.

    Args:
        seen: How its coordinator is.
        devices: Its devices at that moment.
        languages: Its languages.
        names: Names of languages.
        made: When the newest version was made, Unix seconds by the clock on the wall.
    """
    signs, state = seen.signs, seen.signs.state
    return Overview(
        federation=state.plan.federation,
        plan=state.plan.digest,
        open=state.open,
        masked=state.plan.privacy.is_masked,
        noisy=state.plan.privacy.noise != "none",
        version=state.version,
        made=made,
        started=signs.started,
        at=signs.at + seen.ahead,
        problems=signs.problems,
        next=_next(state, signs.at),
        alarms=[_shown(one, state, names) for one in alarms(state, signs.at, signs.recent_logins, MOST_ALARMS)],
        verdicts=languages.verdicts(),
        devices=devices.crowd,
        updates=state.counts,
        budget=state.plan.privacy.epsilon,
        nearly_spent=_nearly_spent(state),
        staleness={str(behind): number for behind, number in sorted(state.staleness.items())},
        failed_logins=signs.failed_logins,
        refused=signs.refused,
    )


def _next(state: State, at: float) -> Next:
    said = progress(state, at)
    waiting = state.clients.by(at).indices.waiting
    privacy = state.plan.privacy
    return Next(
        updates=said.updates,
        needed=said.needed,
        training=said.training,
        places=said.places,
        ready=sum(devices.below((state.version, "")) for devices in waiting.values()),
        offers=len(state.offers) if privacy.is_masked else None,
        group=privacy.min_group,
        joining=len(state.joining),
        finished=state.finished,
    )


def _nearly_spent(state: State) -> int:
    budget = state.plan.privacy.epsilon
    return state.clients.indices.spent.below((-NEARLY * budget, "")) if budget else 0


def _shown(alarm: Alarm, state: State, names: Names) -> AlarmShown:
    if alarm.kind == _LANGUAGE:
        name = names.of(LanguageCode(alarm.subject))
    else:
        known = state.enrolments.get(alarm.subject)
        name = "" if known is None else printable(known.name, NAME_CHARACTERS)
    return AlarmShown(kind=alarm.kind, subject=alarm.subject, value=alarm.value, limit=alarm.limit, name=name)
