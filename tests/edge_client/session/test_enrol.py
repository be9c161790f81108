"""A device asks to be admitted, on a broker inside the process; the desk that answers is the test's own."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from mfpt_edge.session import enrol, lost_connection
from mfpt_edge.session.enrol import ask, request
from mfpt_edge.session.lost_connection import REFUSALS
from mfpt_shared.base64url import encoded
from mfpt_shared.errors import AuthenticationFailed, TimedOut
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.keys import fingerprint
from mfpt_shared.protocol.codec import understand
from mfpt_shared.protocol.messages import Admitted, Enrol, EnrolAnswer, Refused
from mfpt_shared.protocol.topics import ENROL_DOWN, ENROL_UP
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.base import Disconnected, Event, Inbound, SubscriptionRefused
from mfpt_shared.transport.in_process import MemoryBroker, MemoryTransport
from support.sealing import inbound, key_of
from support.session import COORDINATOR, FEDERATION, IDENTITY, SESSION

REFUSED: Final = Disconnected("Not authorized", 1, refused=True)
LINE: Final = InvitationLine(
    (BrokerAddress("radio.example", 8883, "mqtts"),),
    FEDERATION,
    encoded(bytes(8)),
    encoded(bytes(16)),
    key_of(COORDINATOR).public,
)
NONCE: Final = "nonce"
Desk = Callable[[Enrol], Sequence[Inbound]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrol, "REPEAT_SECONDS", 0.02)


def answer(message: EnrolAnswer, signer: str = COORDINATOR, token: str = LINE.token) -> Inbound:
    return inbound(ENROL_DOWN, token, message, signer, FEDERATION)


def admitted(nonce: str = NONCE) -> Admitted:
    return Admitted(epoch=1, nonce=nonce, role="device", language="swh", max_examples=5)


def refused(nonce: str = NONCE) -> Refused:
    return Refused(epoch=1, nonce=nonce, reason="used", detail="this invitation is used up")


def asked_of(desk: Desk, *events: Event) -> Admitted:
    """Ask a desk; these events come to the device before anything else does."""

    async def serve(transport: MemoryTransport) -> None:
        transport.subscribe(ENROL_UP.path(FEDERATION))
        while True:
            for event in await transport.receive():
                if isinstance(event, Inbound):
                    received = understand(event.topic, event.payload, FEDERATION)
                    assert received is not None
                    assert isinstance(received.message, Enrol)
                    assert received.signer == SESSION.key.public
                    for reply in desk(received.message):
                        transport.publish(reply.topic, reply.payload)

    async def scenario() -> Admitted:
        broker = MemoryBroker()
        coordinator, device = MemoryTransport(broker), MemoryTransport(broker)
        await coordinator.connect()
        await device.connect()
        serving = asyncio.create_task(serve(coordinator))
        await asyncio.sleep(0)  # the desk subscribes
        for event in events:
            device.put(event)
        try:
            return await ask(device, request(LINE, SESSION, NONCE))
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    return asyncio.run(asyncio.wait_for(scenario(), 10))


def test_a_device_says_who_it_wants_to_be_and_is_told_as_what_it_was_admitted() -> None:
    came: list[Enrol] = []

    def desk(asked: Enrol) -> Sequence[Inbound]:
        came.append(asked)
        return [answer(admitted())]

    assert asked_of(desk) == admitted()
    (asked,) = came
    assert (asked.user, asked.language, asked.nonce) == (IDENTITY.client, IDENTITY.language, NONCE)
    assert (asked.password, asked.client) == (SESSION.password, SESSION.mqtt_client)


def test_a_device_whose_answer_was_lost_asks_again_with_the_same_words() -> None:
    came: list[Enrol] = []

    def desk(asked: Enrol) -> Sequence[Inbound]:
        came.append(asked)
        return [answer(admitted())] if len(came) == 3 else []

    assert asked_of(desk) == admitted()
    assert came == [came[0]] * 3


def test_answers_to_other_holders_of_the_invitation_are_not_taken_for_its_own() -> None:
    assert asked_of(lambda _: [answer(refused("another")), answer(admitted())]) == admitted()


def test_another_coordinators_answer_is_refused_and_both_keys_are_named() -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        asked_of(lambda _: [answer(admitted(), signer="thief")])
    assert caught.value.exit_code == 5
    assert fingerprint(key_of("thief").public) in str(caught.value)
    assert fingerprint(LINE.key) in str(caught.value)


def test_the_reason_of_a_refusal_is_told() -> None:
    with pytest.raises(AuthenticationFailed, match="not admitted: this invitation is used up"):
        asked_of(lambda _: [answer(refused())])


def test_what_is_damaged_or_of_another_topic_is_no_answer() -> None:
    whole = answer(refused())
    nonsense = [
        Inbound(whole.topic, b""),
        Inbound(whole.topic, b"\xff"),
        Inbound(whole.topic, whole.payload[:-1]),
        Inbound(whole.topic, answer(refused(), token="another").payload),
    ]
    assert asked_of(lambda _: [*nonsense, answer(admitted())]) == admitted()


@pytest.mark.parametrize("events", [[SubscriptionRefused((LINE.token,))], [REFUSED] * REFUSALS])
def test_an_invitation_that_the_broker_does_not_let_ask_is_no_good(
    events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_connection, "REFUSED_SECONDS", 0.0)
    with pytest.raises(AuthenticationFailed, match="get a new one"):
        asked_of(lambda _: [], *events)


@pytest.mark.parametrize("lost", [Disconnected("connection lost", 0), REFUSED])
def test_a_connection_that_is_lost_for_a_moment_does_no_harm(lost: Disconnected) -> None:
    assert asked_of(lambda _: [answer(admitted())], lost) == admitted()


def test_a_coordinator_that_does_not_answer_is_waited_for_and_then_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrol, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(TimedOut, match="mfpt-coord serve"):
        asked_of(lambda _: [])
