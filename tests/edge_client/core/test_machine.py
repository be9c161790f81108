"""The edge client's core, by what a user would see of it."""

from typing import Any, TypeVar

import pytest

from mfpt_edge.core.effects import (
    CancelTraining,
    Effect,
    Forget,
    KeepPrompt,
    Leave,
    Prepare,
    PublishState,
    Refuse,
    SendReady,
    SendUpdates,
    Tell,
    Train,
)
from mfpt_edge.core.events import (
    BrokerConnected,
    BrokerLost,
    CoordinatorSeen,
    Event,
    PlanReceived,
    Prepared,
    PromptReceived,
    TimePassed,
    Told,
    Trained,
    TrainingFailed,
)
from mfpt_edge.core.machine import (
    LAST_PROMPT_SECONDS,
    MAX_FAILURES,
    REANNOUNCE_SECONDS,
    RESEND_SECONDS,
    next_deadline,
    step,
)
from mfpt_edge.core.state import State
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Task
from mfpt_shared.protocol.messages import Ack, Assign, CoordinatorState, Reject, Resync, Stop

FINGERPRINT = "sha256:" + "0" * 64
PLAN = Plan(task=Task(labels=("a", "b")), backbone=BackboneSpec(fingerprint=FINGERPRINT))
OTHER_PLAN = Plan(task=PLAN.task, backbone=PLAN.backbone, aggregation=Aggregation(buffer=9))
EffectT = TypeVar("EffectT", bound=Effect)


class Device:
    """An edge client's core with a clock that the test moves."""

    def __init__(self, left_over: tuple[int, ...] = (), rounds: int | None = None) -> None:
        sequence = max((0, *left_over))
        self.state = State(
            LanguageCode("swh"),
            rounds_wanted=rounds,
            outbox=left_over,
            sequence=sequence,
            first_sequence=sequence + 1,
        )
        self.now = 1000.0
        self.effects: list[Effect] = []

    def feed(self, *events: Event) -> None:
        self.effects = []
        for event in events:
            self.state, effects = step(self.state, event)
            self.effects += effects

    def connects(self) -> None:
        self.feed(BrokerConnected(self.now))

    def loses_the_broker(self) -> None:
        self.feed(BrokerLost(self.now))

    def sees(self, state: Any = "online", started: float = 5.0) -> None:
        self.feed(CoordinatorSeen(self.now, CoordinatorState(state=state, coordinator="c", version=0, started=started)))

    def receives(self, version: int, plan: str = PLAN.digest, backbone: str = FINGERPRINT) -> None:
        self.feed(PromptReceived(self.now, version, plan, backbone))

    def told(self, message: Any) -> None:
        self.feed(Told(self.now, message))

    def assigned(self, version: int) -> None:
        self.told(Assign(version=version, deadline=60.0))

    def acknowledged(self, sequence: int) -> None:
        self.told(Ack(sequence=sequence))

    def trained(self, sequence: int) -> None:
        self.feed(Trained(self.now, sequence))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(TimePassed(self.now))

    def only(self, kind: type[EffectT]) -> list[EffectT]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def is_ready(self) -> "Device":
        self.connects()
        self.feed(PlanReceived(self.now, PLAN))
        self.receives(0)
        self.sees()
        self.feed(Prepared(self.now))
        return self

    def in_training(self) -> "Device":
        self.is_ready()
        self.assigned(0)
        assert len(self.only(Train)) == 1
        return self


def test_a_plan_is_prepared_once() -> None:
    device = Device()
    device.connects()
    device.feed(PlanReceived(device.now, PLAN))
    assert device.only(Prepare) == [Prepare(PLAN)]
    device.feed(PlanReceived(device.now, PLAN))
    assert device.effects == []


def test_a_device_says_that_it_is_ready_once_it_is_prepared() -> None:
    device = Device()
    device.connects()
    device.feed(PlanReceived(device.now, PLAN))
    device.sees()
    assert device.only(SendReady) == []
    device.feed(Prepared(device.now))
    assert device.only(SendReady) == [SendReady()]


def test_a_coordinator_is_told_once() -> None:
    device = Device().is_ready()
    device.sees()
    device.receives(1)
    device.passes(5)
    assert device.only(SendReady) == []


def test_another_coordinator_is_told_too() -> None:
    device = Device().is_ready()
    device.sees(started=6.0)
    assert device.only(SendReady) == [SendReady()]


def test_a_coordinator_that_comes_back_is_told_again() -> None:
    device = Device().is_ready()
    device.sees("offline")
    assert device.only(Tell)
    device.sees("online")
    assert device.only(SendReady) == [SendReady()]


def test_after_a_lost_connection_the_coordinator_is_told_again() -> None:
    device = Device().is_ready()
    device.loses_the_broker()
    device.connects()
    assert PublishState(at_once=True) in device.effects
    assert device.only(SendReady) == []
    device.sees()
    assert device.only(SendReady) == [SendReady()]


def test_a_device_in_training_tells_nobody_that_it_is_ready() -> None:
    device = Device().in_training()
    device.sees(started=6.0)
    assert device.only(SendReady) == []
    device.trained(1)
    device.acknowledged(1)
    assert device.only(SendReady) == [SendReady()]


def test_an_outbox_left_over_is_sent_when_a_coordinator_turns_up() -> None:
    device = Device(left_over=(3, 4))
    device.connects()
    assert device.only(SendUpdates) == []
    device.sees()
    assert device.only(SendUpdates) == [SendUpdates((3, 4))]


def test_an_outbox_is_sent_again_when_another_coordinator_turns_up() -> None:
    device = Device().in_training()
    device.trained(1)
    assert device.only(SendUpdates) == [SendUpdates((1,))]
    device.sees(started=6.0)
    assert device.only(SendUpdates) == [SendUpdates((1,))]


def test_an_update_made_offline_is_sent_when_the_connection_is_back() -> None:
    device = Device().in_training()
    device.loses_the_broker()
    device.trained(1)
    assert device.only(SendUpdates) == []
    device.connects()
    device.sees()
    assert device.only(SendUpdates) == [SendUpdates((1,))]


def test_an_update_never_overtakes_an_older_one() -> None:
    """The coordinator takes a lower number for a duplicate, and the older update would be lost."""
    device = Device(left_over=(1,)).is_ready()
    device.assigned(0)
    device.loses_the_broker()
    device.connects()
    # The coordinator is not known to be back, and nobody knows what became of update 1.
    device.trained(2)
    sent = [sequence for effect in device.only(SendUpdates) for sequence in effect.sequences]
    assert sent in ([], [1, 2])


def test_an_update_that_nobody_acknowledges_is_sent_again_after_a_while() -> None:
    device = Device().in_training()
    device.trained(1)
    assert next_deadline(device.state) == device.now + RESEND_SECONDS
    device.passes(RESEND_SECONDS - 1)
    assert device.only(SendUpdates) == []
    device.passes(1)
    assert device.only(SendUpdates) == [SendUpdates((1,))]
    device.passes(1)
    assert device.only(SendUpdates) == []


def test_nothing_is_sent_again_while_no_coordinator_is_there() -> None:
    device = Device().in_training()
    device.trained(1)
    device.sees("offline")
    device.passes(RESEND_SECONDS)
    assert device.only(SendUpdates) == []


def test_an_acknowledged_update_is_forgotten() -> None:
    device = Device().in_training()
    device.trained(1)
    device.acknowledged(1)
    assert device.only(Forget) == [Forget(1)]
    assert (device.state.outbox, device.state.phase, device.state.rounds) == ((), "idle", 1)


def test_an_acknowledgement_of_something_else_changes_nothing() -> None:
    device = Device().in_training()
    device.trained(1)
    before = device.state
    device.acknowledged(2)
    assert (device.state, device.effects) == (before, [])


def test_an_update_left_over_counts_for_no_round() -> None:
    device = Device(left_over=(3,), rounds=1).is_ready()
    device.acknowledged(3)
    assert device.only(Forget) == [Forget(3)]
    assert (device.state.rounds, device.state.leaving) == (0, False)


def test_an_update_that_came_too_late_is_forgotten_and_the_person_is_told() -> None:
    device = Device().in_training()
    device.trained(1)
    device.told(Resync(sequence=1, version=9))
    assert device.only(Forget) == [Forget(1)]
    assert [("version 9" in effect.text) for effect in device.only(Tell)] == [True]
    assert (device.state.phase, device.state.rounds) == ("idle", 0)


def test_an_assignment_starts_a_training() -> None:
    device = Device().is_ready()
    device.assigned(0)
    assert device.only(Train) == [Train(1)]
    assert device.state.phase == "training"


def test_numbers_go_on_after_those_of_earlier_runs() -> None:
    device = Device(left_over=(7,)).is_ready()
    device.assigned(0)
    assert device.only(Train) == [Train(8)]


def test_an_assignment_waits_for_its_version_of_the_prompt() -> None:
    device = Device().is_ready()
    device.assigned(2)
    assert device.only(Train) == []
    device.receives(1)
    assert device.only(Train) == []
    device.receives(2)
    assert device.only(Train) == [Train(1)]


def test_a_newer_prompt_than_the_assignments_is_as_good() -> None:
    device = Device().is_ready()
    device.receives(5)
    device.assigned(2)
    assert device.only(Train) == [Train(1)]


def test_an_assignment_from_a_coordinator_that_is_gone_is_not_followed() -> None:
    device = Device().is_ready()
    device.assigned(1)
    device.sees("offline")
    device.receives(1)
    assert device.only(Train) == []


def test_an_assignment_that_is_told_twice_is_followed_once() -> None:
    """A device that announces itself again is assigned again; it trains once from a version all the same."""
    device = Device().in_training()
    device.assigned(0)
    device.trained(1)
    device.acknowledged(1)
    assert device.state.phase == "idle"
    assert device.only(Train) == []


def test_the_next_assignment_may_come_before_the_device_is_idle() -> None:
    device = Device(left_over=(3,)).is_ready()
    device.assigned(0)
    device.trained(4)
    device.acknowledged(4)
    device.receives(1)
    device.assigned(1)
    device.acknowledged(3)
    assert device.only(Train) == [Train(5)]


def test_a_prompt_of_an_earlier_plan_is_ignored() -> None:
    device = Device().is_ready()
    device.assigned(3)
    device.receives(3, plan=OTHER_PLAN.digest)
    assert device.effects == []
    assert device.state.version == 0


def test_a_prompt_for_another_backbone_ends_with_an_error() -> None:
    device = Device().is_ready()
    device.receives(1, backbone="sha256:x")
    (refuse,) = device.only(Refuse)
    assert "sha256:x" in refuse.reason
    assert FINGERPRINT in refuse.reason


def test_a_changed_plan_ends_with_an_error() -> None:
    device = Device().is_ready()
    device.feed(PlanReceived(device.now, OTHER_PLAN))
    (refuse,) = device.only(Refuse)
    assert OTHER_PLAN.digest in refuse.reason
    assert PLAN.digest in refuse.reason


def test_being_turned_away_ends_with_the_coordinators_reason() -> None:
    device = Device().is_ready()
    device.told(Stop(reason="incompatible", version=0, detail="your backbone is another"))
    (refuse,) = device.only(Refuse)
    assert "your backbone is another" in refuse.reason


def test_an_update_of_this_run_that_does_not_fit_ends_with_the_coordinators_reason() -> None:
    device = Device().in_training()
    device.trained(1)
    device.told(Reject(sequence=1, reason="incompatible", detail="plan x"))
    assert device.only(Forget) == [Forget(1)]
    assert ["plan x" in refuse.reason for refuse in device.only(Refuse)] == [True]


def test_a_device_that_ends_with_an_error_starts_no_training_in_the_same_breath() -> None:
    device = Device().in_training()
    device.trained(1)
    device.assigned(0)
    device.told(Reject(sequence=1, reason="incompatible", detail="plan x"))
    assert device.only(Refuse)
    assert device.only(Train) == []


def test_an_update_of_an_earlier_run_that_does_not_fit_is_only_forgotten() -> None:
    device = Device(left_over=(3,)).is_ready()
    device.told(Reject(sequence=3, reason="incompatible", detail="plan x"))
    assert device.only(Forget) == [Forget(3)]
    assert device.only(Refuse) == []
    assert ["plan x" in tell.text for tell in device.only(Tell)] == [True]


def test_an_update_that_diverged_is_forgotten_and_the_device_goes_on() -> None:
    device = Device().in_training()
    device.trained(1)
    device.told(Reject(sequence=1, reason="diverged", detail="blown up"))
    assert device.only(Refuse) == []
    device.assigned(0)
    assert device.only(Train) == [Train(2)]


def test_updates_that_wait_are_sent_before_a_newer_one() -> None:
    """The coordinator takes a lower number for a duplicate, and the older update would be lost."""
    device = Device(left_over=(1,)).is_ready()
    device.assigned(0)
    device.trained(2)
    assert device.only(SendUpdates)[-1] == SendUpdates((1, 2))


def test_a_failed_training_is_told_and_the_device_announces_itself_again() -> None:
    device = Device().in_training()
    device.feed(TrainingFailed(device.now, "out of memory"))
    assert ["out of memory" in tell.text for tell in device.only(Tell)] == [True]
    assert device.only(SendReady) == [SendReady()]


def test_three_failed_trainings_in_a_row_end_with_an_error() -> None:
    device = Device().is_ready()
    for attempt in range(1, MAX_FAILURES + 1):
        device.assigned(0)
        device.feed(TrainingFailed(device.now, "out of memory"))
        assert bool(device.only(Refuse)) is (attempt == MAX_FAILURES)
    assert "out of memory" in device.only(Refuse)[0].reason


def test_a_training_that_succeeds_forgives_those_that_failed() -> None:
    device = Device().is_ready()
    for version, sequence in enumerate((3, 6, 9)):
        device.receives(version)
        for _ in range(MAX_FAILURES - 1):
            device.assigned(version)
            device.feed(TrainingFailed(device.now, "out of memory"))
        device.assigned(version)
        device.trained(sequence)
        device.acknowledged(sequence)
    assert device.only(Refuse) == []
    assert not device.state.ended


def test_after_its_rounds_a_device_leaves_with_a_prompt_that_holds_its_last_update() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.acknowledged(1)
    assert device.state.phase == "done"
    assert PublishState(at_once=True) in device.effects
    assert device.only(Leave) == []
    device.receives(0)
    assert device.only(Leave) == []
    device.receives(1)
    assert device.only(Leave) == [Leave()]


def test_after_its_rounds_a_device_waits_no_longer_than_half_a_minute() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.acknowledged(1)
    assert LAST_PROMPT_SECONDS == 30
    assert next_deadline(device.state) == device.now + LAST_PROMPT_SECONDS
    device.passes(LAST_PROMPT_SECONDS - 1)
    assert device.only(Leave) == []
    device.passes(1)
    assert device.only(Leave) == [Leave()]


def test_a_device_that_leaves_follows_no_assignment() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.acknowledged(1)
    device.assigned(0)
    assert device.only(Train) == []


def test_rounds_that_are_not_enough_keep_a_device() -> None:
    device = Device(rounds=2).in_training()
    device.trained(1)
    device.acknowledged(1)
    device.receives(1)
    device.assigned(1)
    assert device.only(Train) == [Train(2)]


def test_a_finished_federation_lets_a_device_go_with_the_last_version() -> None:
    device = Device().is_ready()
    device.told(Stop(reason="finished", version=3))
    assert device.only(Leave) == []
    device.receives(3)
    assert device.only(Leave) == [Leave()]


def test_a_training_that_runs_when_the_federation_finishes_is_cancelled() -> None:
    device = Device().in_training()
    device.receives(3)
    device.told(Stop(reason="finished", version=3))
    assert device.only(CancelTraining) == [CancelTraining()]
    assert device.only(Leave) == [Leave()]


def test_an_older_prompt_that_comes_late_does_not_replace_a_newer_one() -> None:
    device = Device().is_ready()
    device.receives(3)
    assert device.only(KeepPrompt) == [KeepPrompt()]
    device.receives(2)
    assert device.only(KeepPrompt) == []
    assert device.state.version == 3


def test_a_device_that_hears_nothing_for_a_while_announces_itself_again() -> None:
    device = Device().is_ready()
    device.passes(REANNOUNCE_SECONDS)
    assert device.only(SendReady) == [SendReady()]


@pytest.mark.parametrize("ending", ["left", "refused"])
def test_after_the_end_nothing_more_happens(ending: str) -> None:
    device = Device(left_over=(1,)).is_ready()
    if ending == "left":
        device.told(Stop(reason="finished", version=0))
        assert device.only(Leave)
    else:
        device.told(Stop(reason="incompatible", version=0))
        assert device.only(Refuse)
    before = device.state
    device.loses_the_broker()
    device.connects()
    device.sees(started=6.0)
    device.assigned(0)
    device.acknowledged(1)
    device.passes(RESEND_SECONDS)
    assert (device.state, device.effects) == (before, [])


def test_a_person_is_told_that_no_coordinator_is_there() -> None:
    device = Device()
    device.connects()
    device.sees("offline")
    assert ["no coordinator" in tell.text for tell in device.only(Tell)] == [True]
