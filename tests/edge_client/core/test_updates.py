"""Updates on their way: sent, sent again, acknowledged, rejected."""

import msgspec

from mfpt_edge.core.deadlines import RESEND_SECONDS, next_deadline
from mfpt_edge.core.effects import (
    AskForPrompt,
    Carry,
    Forget,
    NoteSession,
    Prepare,
    Refuse,
    Renumber,
    SendReady,
    SendUpdates,
    Tell,
    Train,
)
from mfpt_edge.core.events import PlanReceived, Prepared
from mfpt_shared.plan import Privacy, Training
from mfpt_shared.protocol.messages import Disband, Reject, Resync, Stop
from support.edge_core import PLAN, Device


def test_an_outbox_left_over_is_sent_when_a_coordinator_turns_up() -> None:
    device = Device(left_over=(3, 4))
    device.connects()
    device.feed(PlanReceived(device.now, PLAN))
    assert device.only(SendUpdates) == []
    device.sees()
    assert device.only(SendUpdates) == [SendUpdates((3, 4))]


def test_an_outbox_left_over_waits_for_the_plan_which_says_how_updates_travel() -> None:
    device = Device(left_over=(3, 4))
    device.connects()
    device.sees()
    device.passes(RESEND_SECONDS)
    assert device.only(SendUpdates) == []
    device.feed(PlanReceived(device.now, PLAN))
    assert device.only(SendUpdates) == [SendUpdates((3, 4))]


def test_an_update_that_is_in_no_sum_is_carried_and_the_device_may_train_from_the_same_version_again() -> None:
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.told(Disband(cohort="c", sequence=1, sha256="", detail="too few were left"))
    assert device.only(Carry) == [Carry(1)]
    assert device.only(Forget) == []
    assert ["too few were left" in tell.text for tell in device.only(Tell)] == [True]
    assert (device.state.phase, device.state.rounds, device.state.outbox) == ("idle", 0, ())
    device.assigned(0)
    assert device.only(Train) == [Train(2)]


def test_under_masks_an_update_of_an_earlier_run_is_dropped_where_its_number_was_used() -> None:
    """The folder was restored: it may have left, or a later one may have carried it, and no second sum may hold it."""
    masked = msgspec.structs.replace(PLAN, privacy=Privacy(aggregation="masked"))
    device = Device(left_over=(3,))
    device.connects()
    device.feed(PlanReceived(device.now, masked))
    device.sees()
    device.told(Resync(sequence=3, highest=5))
    assert (device.only(Forget), device.only(Renumber)) == ([Forget(3)], [])
    assert ["restored" in tell.text for tell in device.only(Tell)] == [True]


def test_under_masks_a_device_does_not_train_while_an_update_of_an_earlier_run_waits() -> None:
    """It would train from the same version again, of which one update counts."""
    masked = msgspec.structs.replace(PLAN, privacy=Privacy(aggregation="masked"))
    device = Device(left_over=(3,))
    device.connects()
    device.feed(PlanReceived(device.now, masked))
    device.sees()
    device.feed(Prepared(device.now))
    assert (device.state.phase, device.only(SendReady)) == ("uploading", [])
    device.acknowledged(3)
    assert (device.state.phase, device.only(SendReady)) == ("idle", [SendReady()])


def test_a_cohort_of_an_update_that_does_not_wait_is_nothing_to_a_device() -> None:
    device = Device().in_training()
    device.trained(1)
    before = device.state
    device.told(Disband(cohort="c", sequence=2, sha256=""))
    assert (device.state, device.effects) == (before, [])


def test_a_device_joins_no_federation_in_which_heads_in_closed_form_travel_in_the_open() -> None:
    shown = msgspec.structs.replace(PLAN, training=Training(head_start="ridge"))
    device = Device()
    device.feed(PlanReceived(device.now, shown))
    assert ["closed form" in refuse.reason for refuse in device.only(Refuse)] == [True]
    assert device.state.ended
    hidden = msgspec.structs.replace(shown, privacy=Privacy(aggregation="masked"))
    another = Device()
    another.feed(PlanReceived(another.now, hidden))
    assert another.only(Prepare) == [Prepare(hidden)]


def test_an_outbox_is_sent_again_when_another_coordinator_turns_up() -> None:
    device = Device().in_training()
    device.trained(1)
    assert device.only(SendUpdates) == [SendUpdates((1,))]
    device.sees(epoch=6)
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


def test_an_update_and_a_prompt_that_are_overdue_at_once_are_both_asked_for() -> None:
    device = Device().in_training()
    device.trained(1)
    device.told(Stop(reason="finished", version=3))
    device.passes(RESEND_SECONDS)
    assert (device.only(SendUpdates), device.only(AskForPrompt)) == ([SendUpdates((1,))], [AskForPrompt()])


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


def test_an_update_of_this_run_that_does_not_fit_ends_with_the_coordinators_reason() -> None:
    device = Device().in_training()
    device.trained(1)
    device.told(Reject(sequence=1, reason="incompatible", detail="plan x"))
    assert device.only(Forget) == [Forget(1)]
    assert ["plan x" in refuse.reason for refuse in device.only(Refuse)] == [True]


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


def test_an_update_whose_number_another_one_has_had_is_sent_again_under_a_higher_one() -> None:
    """The device was restored from an older copy. What it has trained is not lost, and it is told."""
    device = Device(rounds=1).in_training()
    device.trained(1)
    device.told(Resync(sequence=1, version=9, highest=7))
    assert device.only(Renumber) == [Renumber(1, 8)]
    assert device.only(SendUpdates) == [SendUpdates((8,))]
    assert ["number 1 before" in tell.text for tell in device.only(Tell)] == [True]
    device.acknowledged(8)
    assert (device.state.rounds, device.state.outbox) == (1, ())


def test_a_device_goes_on_above_the_highest_number() -> None:
    device = Device().in_training()
    device.trained(1)
    device.told(Resync(sequence=1, version=0, highest=7))
    device.acknowledged(8)
    device.receives(1)
    device.assigned(1)
    assert device.only(Train) == [Train(9)]


def test_an_update_that_is_finished_after_others_were_renumbered_has_the_highest_number() -> None:
    device = Device(left_over=(1,)).is_ready()
    device.assigned(0)
    assert device.only(Train) == [Train(2)]
    device.told(Resync(sequence=1, version=0, highest=7))
    device.trained(2)
    assert device.only(Renumber) == [Renumber(2, 9)]
    assert device.only(SendUpdates) == [SendUpdates((8, 9))]


def test_a_left_over_update_with_a_new_number_still_counts_for_no_round() -> None:
    device = Device(left_over=(3,), rounds=1).is_ready()
    device.told(Resync(sequence=3, version=0, highest=7))
    device.acknowledged(8)
    assert (device.state.rounds, device.state.leaving) == (0, False)


def test_the_older_of_two_runs_ends_and_the_next_one_is_the_newest() -> None:
    device = Device().is_ready()
    device.told(Stop(reason="incompatible", detail="a later run of this device is known", newest=9))
    assert device.effects == [NoteSession(9), Refuse("a later run of this device is known")]
