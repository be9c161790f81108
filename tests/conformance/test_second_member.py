"""A member of a cohort that was written from the document is added up with the product's own members."""

import json
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np
import pytest

from conformance.masked.member import Member, Refusal
from mfpt_coord.core.stages import Cohort, Offered, begun, heard, turn
from mfpt_shared.device.cohorts import Cohorts
from mfpt_shared.masking.grid import grid
from mfpt_shared.plan import Plan, Privacy
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import (
    Deliver,
    Disband,
    Down,
    Gather,
    KeyShares,
    Masked,
    Metrics,
    Offer,
    Reveal,
    Unmask,
    Update,
    UpdateHeader,
)
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import unflatten
from support.cohort import seeded
from support.laboratory import toy_plan

PLAN: Final = Plan(
    task=toy_plan().task,
    backbone=toy_plan().backbone,
    prompt=toy_plan().prompt,
    privacy=Privacy(aggregation="masked"),
)
GRID: Final = grid(PLAN)
SHA256: Final = "0" * 64
SECOND: Final = "second"
SaidT = TypeVar("SaidT", Offer, KeyShares, Masked, Reveal)


@dataclass
class Ours:
    """A device of the product, with one update."""

    update: Update
    cohorts: Cohorts

    def offer(self) -> Offer:
        return self.cohorts.offer(self.update, SHA256, sent=False)

    def answer(self, message: Down) -> KeyShares | Masked | Reveal:
        match message:
            case Gather():
                return self.cohorts.gather(message)
            case Deliver():
                return self.cohorts.deliver(message, self.update)
            case Unmask():
                return self.cohorts.unmask(message)
        raise AssertionError(message)


@dataclass
class Theirs:
    """The device that was written from the document, with one update, behind the bytes of the protocol."""

    values: list[float]
    factor: float = 1.0
    member: Member = field(default_factory=lambda: Member(PLAN.privacy.min_group))

    def offer(self) -> Offer:
        fields = {"sequence": 3, "language": "swh", "base_version": 0, "examples": 8, "plan": PLAN.digest}
        return told(fields | {"type": "offer", "backbone": "", "sha256": SHA256} | self.member.keys(), Offer)

    def answer(self, message: Down) -> KeyShares | Masked | Reveal:
        content = json.loads(encode(message))
        match message:
            case Gather():
                return told(self.member.key_shares(content), KeyShares)
            case Deliver():
                frame = self.member.masked(content, self.values, GRID.spacing.tolist(), [512, 1, 0, 0])
                masked = decode(CLIENT_UP, frame)
                assert isinstance(masked, Masked)
                return masked
            case Unmask():
                return told(self.member.reveal(content), Reveal)
        raise AssertionError(message)


def told(content: dict[str, Any], kind: type[SaidT]) -> SaidT:
    message = decode(CLIENT_UP, json.dumps(content).encode())
    assert isinstance(message, kind)
    return message


def drawn(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(0, 0.02, sum(GRID.parts)).astype(np.float32)


def ours(seed: int) -> Ours:
    header = UpdateHeader(
        sequence=3,
        language="swh",
        base_version=0,
        examples=8,
        plan=PLAN.digest,
        backbone="",
        metrics=Metrics(own_share=0.25),
    )
    return Ours(Update(header, unflatten(drawn(seed), GRID.shapes)), Cohorts(PLAN, seeded(seed)))


def run(devices: dict[str, Ours | Theirs], silent: dict[str, type[Down]]) -> tuple[Cohort, Any]:
    """Lead a cohort to its end; who is silent drops out at a message."""
    offers = [Offered(name, device.offer(), 8, 0.0) for name, device in devices.items()]
    cohort, mail = begun(offers, PLAN.privacy.min_group, 0.0)
    while True:
        for name, message in mail:
            place = cohort.place_of(name)
            if place is not None and not isinstance(message, Disband | silent.get(name, Disband)):
                cohort = heard(cohort, place, devices[name].answer(message), GRID.length)
        after = turn(cohort, cohort.until, ())
        assert after is not None
        assert not after.failure
        if after.cohort is None:
            return cohort, after.total
        cohort, mail = after.cohort, after.told


@pytest.mark.parametrize(
    "silent", [{}, {"c": Gather}, {"a": Deliver}, {"d": Deliver}, {"c": Unmask}, {SECOND: Deliver}]
)
def test_a_second_member_is_added_up_exactly_whoever_drops_out(silent: dict[str, type[Down]]) -> None:
    theirs = Theirs(drawn(9).tolist())
    devices: dict[str, Ours | Theirs] = {"a": ours(1), "b": ours(2), SECOND: theirs, "c": ours(3), "d": ours(4)}
    cohort, total = run(devices, silent)
    seeds = {"a": 1, "b": 2, SECOND: 9, "c": 3, "d": 4}
    survivors = [cohort.members[place].client for place in cohort.masked]
    assert set(survivors) == {name for name in devices if silent.get(name, Unmask) is Unmask}
    expected = np.mean([drawn(seeds[name]) for name in survivors], axis=0)
    np.testing.assert_allclose(GRID.decode(total, len(survivors)).delta, expected, atol=max(GRID.steps))


def test_a_second_member_says_what_it_measured_in_four_codes() -> None:
    _, total = run({"a": ours(1), "b": ours(2), SECOND: Theirs(drawn(9).tolist())}, {})
    said = GRID.decode(total, 3)
    assert said.own_share == pytest.approx((0.25 + 0.25 + 512 / 1023) / 3, abs=1e-3)
    assert said.accuracy is None


def test_a_second_member_refuses_to_open_a_single_update() -> None:
    theirs = Theirs(drawn(9).tolist())
    run({"a": ours(1), "b": ours(2), SECOND: theirs}, {})
    cohort = theirs.member.gather["cohort"]
    with pytest.raises(Refusal):
        theirs.member.reveal({"cohort": cohort, "survivors": [0, 2]})
