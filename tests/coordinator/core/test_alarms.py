"""What an operator is alarmed about, and what is nothing to be alarmed about."""

from dataclasses import replace

import msgspec
import pytest

from mfpt_coord.core.admission import Enrolment
from mfpt_coord.core.alarms import FEW_LOGINS, alarms, worst_drop
from mfpt_coord.core.client import Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.standing import Best
from mfpt_coord.core.state import State
from mfpt_shared.keys import PublicKey
from mfpt_shared.plan import Privacy
from mfpt_shared.protocol.messages import Alarm, EvaluationReport
from support.coordinator_core import SWAHILI, Federation

DAY = 86_400.0


def measured(accuracy: float, examples: int) -> State:
    """Return a federation whose best version of Swahili had 80 %, on 200 examples."""
    federation = Federation()
    federation.ready("a")
    report = EvaluationReport(language="swh", version=0, accuracy=accuracy, examples=examples)
    federation.hears("a", report)
    return replace(federation.state, best={SWAHILI: Best(0, 0.8, examples)})


def kinds(found: list[Alarm]) -> list[str]:
    return [one.kind for one in found]


def test_a_language_that_has_become_worse_is_an_alarm() -> None:
    (alarm,) = alarms(measured(0.5, 200), 1000.0, logins=0)
    assert alarm == Alarm(kind="worse", subject="swh", value=0.5, limit=0.8)


def test_a_drop_that_so_few_examples_cannot_tell_from_chance_is_none() -> None:
    assert alarms(measured(0.5, 8), 1000.0, logins=0) == []
    assert worst_drop(0.8, 8) > 0.3 > worst_drop(0.8, 200)


def with_failures() -> Federation:
    """Return a federation in which `a` was assigned three versions that others made, and is at work on a fourth."""
    federation = Federation(buffer=1, fold_after=20.0)
    federation.ready("a")
    for sequence in range(1, 4):
        assert alarms(federation.state, federation.now, logins=0) == []
        federation.update("b", sequence)
        federation.passes(1000.0)
    return federation


def test_a_device_that_is_assigned_version_after_version_and_sends_nothing_is_an_alarm() -> None:
    federation = with_failures()
    (alarm,) = alarms(federation.state, federation.now, logins=0)
    assert alarm == Alarm(kind="failing", subject="a", value=3, limit=3)


def test_an_update_that_counts_ends_the_alarm() -> None:
    federation = with_failures()
    federation.update("a", assigned=False)
    assert alarms(federation.state, federation.now, logins=0) == []


@pytest.mark.parametrize("gone", ["revoked", "silent"])
def test_a_device_that_failed_and_has_gone_is_none(gone: str) -> None:
    failing = Client("a", SWAHILI, grants=(1, 2, 3), last_seen=1000.0)
    state = replace(Federation().state, clients=Clients.of([failing]))
    assert kinds(alarms(state, 1001.0, logins=0)) == ["failing"]
    if gone == "silent":
        assert alarms(state, 1000.0 + 8 * DAY, logins=0) == []
    else:
        excluded = Enrolment("a", PublicKey(b"k" * 32), revoked=1000.5)
        assert alarms(replace(state, enrolments={"a": excluded}), 1001.0, logins=0) == []


def test_a_device_that_has_spent_nearly_all_of_its_budget_is_an_alarm() -> None:
    state = Federation().state
    noise = Privacy(clip_norm=1.0, noise="local", noise_multiplier=1.0, epsilon=10.0)
    plan = msgspec.structs.replace(state.plan, privacy=noise)
    spent = [Client(name, SWAHILI, epsilon=epsilon) for name, epsilon in (("a", 8.9), ("b", 9.1), ("c", 10.0))]
    found = alarms(replace(state, plan=plan, clients=Clients.of(spent)), 1.0, logins=0)
    assert [(one.kind, one.subject, one.value, one.limit) for one in found] == [
        ("budget", "c", 10.0, 10.0),
        ("budget", "b", 9.1, 10.0),
    ]


def test_many_refused_logins_are_an_alarm_and_a_few_are_none() -> None:
    state = Federation().state
    assert alarms(state, 1.0, logins=FEW_LOGINS) == []
    assert kinds(alarms(state, 1.0, logins=FEW_LOGINS + 1)) == ["logins"]


def test_of_many_alarms_of_a_kind_the_worst_are_said() -> None:
    failing = [Client(f"d{number}", SWAHILI, grants=tuple(range(number))) for number in range(6)]
    state = replace(Federation().state, clients=Clients.of(failing))
    found = alarms(state, 1.0, logins=0, most=2)
    assert [one.subject for one in found] == ["d5", "d4"]
