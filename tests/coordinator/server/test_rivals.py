"""What a running coordinator makes of another one under its federation's name."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Literal

import pytest

from mfpt_coord.server.channel import Channel, CoordinatorIdentity, coordinator_will
from mfpt_coord.server.rivals import BURST, CUT_SECONDS, MANY_CUTS, REPAIR_SECONDS, Rivals
from mfpt_shared.errors import Incompatible
from mfpt_shared.keys import fingerprint
from mfpt_shared.protocol.codec import understand
from mfpt_shared.protocol.messages import Challenge, ChallengeAnswer, CoordinatorState, PlanNotice
from mfpt_shared.protocol.topics import COORDINATOR_ANSWER, COORDINATOR_CHALLENGE, COORDINATOR_STATE, PLAN
from mfpt_shared.refusals import Refusals
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.federation import tiny_plan
from support.sealing import inbound, key_of

IDENTITY = CoordinatorIdentity("c0", started=5.0, epoch=3, key=key_of("coordinator"))
THIEF = fingerprint(key_of("thief").public)


def state(epoch: int, signer: str = "coordinator", said: Literal["online", "offline"] = "online") -> Inbound:
    message = CoordinatorState(state=said, coordinator="c1", started=1.0, epoch=epoch)
    return inbound(COORDINATOR_STATE, "", message, signer)


class Setting:
    """A coordinator that has published its state and plan, and a watcher of its answers."""

    def __init__(self) -> None:
        broker = MemoryBroker()
        self.watcher = MemoryTransport(broker)
        self.transport = MemoryTransport(broker, coordinator_will("test", IDENTITY))
        self.channel = Channel(self.transport, "test", IDENTITY, lambda: 9.0)
        self.refusals = Refusals()
        self.rivals = Rivals(self.channel, "test", IDENTITY, self.refusals)

    async def start(self) -> None:
        await self.watcher.connect()
        await self.channel.connect()
        self.channel.subscribe()
        self.publish()
        self.watcher.subscribe(COORDINATOR_ANSWER.path("test"))
        await self.watcher.receive()

    def publish(self) -> None:
        self.channel.publish_plan(tiny_plan(), 7)
        self.channel.publish_state(7)

    async def hears_itself(self) -> None:
        for event in await self.channel.receive():
            if isinstance(event, Inbound):
                self.rivals.hear(event, 7, 9.0)

    def hears(self, *messages: Inbound, at: float = 9.0) -> bool:
        """Let messages come; tell whether the own ones are to be published again at once."""
        for message in messages:
            self.rivals.hear(message, 7, at)
        return self.rivals.repair_is_due(at)


def of_the_thief() -> Inbound:
    plan = tiny_plan()
    return inbound(PLAN, "", PlanNotice(digest=plan.digest, plan=plan, version=1, epoch=9), "thief")


def within(scenario: Callable[[Setting], Any], *, heard: bool = True) -> None:
    """Run a scenario with a coordinator; `heard`: whose own messages have come back."""

    async def limited() -> None:
        setting = Setting()
        await setting.start()
        if heard:
            await setting.hears_itself()
        if asyncio.iscoroutine(running := scenario(setting)):
            await running

    asyncio.run(asyncio.wait_for(limited(), 5))


def test_a_challenge_of_another_key_is_answered_with_its_nonce() -> None:
    async def scenario(setting: Setting) -> None:
        challenge = Challenge(coordinator="c1", nonce="n0nce", epoch=1)
        assert not setting.hears(inbound(COORDINATOR_CHALLENGE, "", challenge, "thief"))
        [answer] = await setting.watcher.receive()
        assert isinstance(answer, Inbound)
        received = understand(answer.topic, answer.payload, "test")
        assert received is not None
        assert received.signer == IDENTITY.key.public
        assert received.message == ChallengeAnswer(coordinator="c0", nonce="n0nce", epoch=3, version=7, at=9.0)

    within(scenario)


def test_a_run_with_the_own_key_is_told_nothing() -> None:
    async def scenario(setting: Setting) -> None:
        own, other = (
            inbound(COORDINATOR_CHALLENGE, "", Challenge(coordinator="c1", nonce=signer, epoch=1), signer)
            for signer in ("coordinator", "thief")
        )
        setting.hears(own, other)
        [answer] = await setting.watcher.receive()
        assert isinstance(answer, Inbound)
        assert b'"nonce":"thief"' in answer.payload

    within(scenario)


def test_a_coordinator_ends_when_a_later_run_of_it_is_at_work() -> None:
    def scenario(setting: Setting) -> None:
        with pytest.raises(Incompatible, match="epoch 4"):
            setting.hears(state(4))

    within(scenario)


def test_what_earlier_runs_left_at_the_broker_is_no_news() -> None:
    def scenario(setting: Setting) -> None:
        assert not setting.hears(state(2), state(2, said="offline"))
        assert setting.refusals.counts == {}

    within(scenario, heard=False)


@pytest.mark.parametrize("left", [state(2), state(3, said="offline")], ids=["an earlier run's", "the own last will"])
def test_the_own_messages_are_published_again_when_own_ones_from_before_replace_them(
    left: Inbound, caplog: pytest.LogCaptureFixture
) -> None:
    within(lambda setting: setting.hears(left) or pytest.fail("it is not repaired"))
    assert caplog.messages == []


@pytest.mark.parametrize("message", [state(99, "thief"), of_the_thief()], ids=["state", "plan"])
def test_what_another_coordinator_replaces_is_published_again_and_told_once(
    message: Inbound, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(setting: Setting) -> None:
        assert setting.hears(message)
        setting.publish()
        await setting.hears_itself()
        assert setting.hears(message, at=9.0 + REPAIR_SECONDS)
        assert setting.refusals.counts == {"forged": 2}

    with caplog.at_level(logging.WARNING):
        within(scenario)

    [line] = caplog.messages
    assert f"key {THIEF}" in line
    assert "Stop one of the two" in line


def test_the_other_coordinator_is_named_where_its_id_is_known(caplog: pytest.LogCaptureFixture) -> None:
    within(lambda setting: setting.hears(state(99, "thief")))
    assert f"another coordinator (c1, key {THIEF})" in caplog.text


def test_the_last_will_of_one_that_was_cut_off_is_replaced_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    within(lambda setting: setting.hears(state(99, "thief", said="offline")) or pytest.fail("it is not repaired"))
    assert caplog.messages == []


@pytest.mark.parametrize("payload", [b"", b"garbage"], ids=["nothing", "garbage"])
def test_what_nobody_signed_does_not_stay_in_the_place_of_the_plan(
    payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = PLAN.path("test")
    within(lambda setting: setting.hears(Inbound(path, payload)) or pytest.fail("it is not repaired"))
    assert f"removed or overwritten what the broker keeps on {path}" in caplog.text


def test_two_coordinators_publish_over_each_other_no_more_often_than_twice_a_minute() -> None:
    async def scenario(setting: Setting) -> None:
        repairs = []
        for second in range(120):
            if setting.hears(state(99, "thief"), at=100.0 + second):
                repairs.append(second)
                setting.publish()
                await setting.hears_itself()
        assert repairs == [0, 30, 60, 90]

    within(scenario)


def test_what_another_left_at_the_broker_before_this_one_started_is_forged_and_nothing_to_repair() -> None:
    def scenario(setting: Setting) -> None:
        assert not setting.hears(state(99, "thief"))
        assert setting.refusals.counts == {"forged": 1}

    within(scenario, heard=False)


def test_a_flood_of_challenges_is_not_answered_without_end() -> None:
    async def scenario(setting: Setting) -> None:
        challenge = inbound(COORDINATOR_CHALLENGE, "", Challenge(coordinator="c1", nonce="n"), "thief")
        for _ in range(int(BURST) + 10):
            setting.hears(challenge)
        assert len(await setting.watcher.receive()) == BURST

    within(scenario)


def repairs(connections: int, seconds: float) -> list[int]:
    """Connect and be cut after some seconds, again and again; return after which connections all is published."""
    found: list[int] = []

    def scenario(setting: Setting) -> None:
        for number in range(connections):
            at = 1000.0 + number * seconds
            setting.rivals.connected(at)
            if setting.rivals.repair_is_due(at):
                found.append(number)
            setting.rivals.lost(at + seconds)

    within(scenario)
    return found


def test_everything_is_published_after_each_connection() -> None:
    assert repairs(8, seconds=CUT_SECONDS) == list(range(8))


def test_a_connection_that_comes_and_goes_does_not_make_a_storm_and_the_likely_cause_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert repairs(30, seconds=2.0) == [*range(MANY_CUTS + 1), MANY_CUTS + 15]
    assert [line for line in caplog.messages if "log in as the same user" in line] == caplog.messages
    assert len(caplog.messages) == 1
