"""Plans and prompts that a device takes, ignores or refuses."""

from mfpt_edge.core.effects import Exclude, KeepPrompt, Prepare, Refuse
from mfpt_edge.core.events import PlanReceived
from mfpt_shared.protocol.messages import Stop
from support.edge_core import FINGERPRINT, OTHER_PLAN, PLAN, Device, prompt_of


def test_a_plan_is_prepared_once() -> None:
    device = Device()
    device.connects()
    device.feed(PlanReceived(device.now, PLAN))
    assert device.only(Prepare) == [Prepare(PLAN)]
    device.feed(PlanReceived(device.now, PLAN))
    assert device.effects == []


def test_a_prompt_of_an_earlier_plan_is_ignored() -> None:
    device = Device().is_ready()
    device.assigned(3)
    device.receives(prompt_of(3, plan=OTHER_PLAN.digest))
    assert device.effects == []
    assert device.state.version == 0


def test_a_prompt_for_another_backbone_ends_with_an_error() -> None:
    device = Device().is_ready()
    device.receives(prompt_of(1, backbone="sha256:x"))
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


def test_a_device_that_is_revoked_ends_with_what_the_operator_says() -> None:
    device = Device().in_training()
    device.told(Stop(reason="revoked", detail="the operator has revoked this device"))
    assert device.effects == [Exclude("this device is no longer admitted: the operator has revoked this device")]
    device.passes(3600)
    assert device.effects == []


def test_an_older_prompt_that_comes_late_does_not_replace_a_newer_one() -> None:
    device = Device().is_ready()
    device.receives(3)
    assert device.only(KeepPrompt) == [KeepPrompt(prompt_of(3))]
    device.receives(2)
    assert device.only(KeepPrompt) == []
    assert device.state.version == 3
