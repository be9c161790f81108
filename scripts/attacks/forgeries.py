"""Attacks with messages: words of the coordinator that it never said, and words in the name of a device.

A peer sends them under its own account. Whoever runs the broker, or has broken it, can send them to anybody: there, the
signatures have to hold.
"""

from typing import Any, Final

import msgspec

from attacks.attacker import Attacker, broker_itself, peer, update
from attacks.network_attack import Harm, NetworkAttack
from attacks.serving import PLAN
from attacks.target import SWAHILI, Honest, Target
from mfpt_shared.protocol.codec import Decoded
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    CoordinatorState,
    LanguageRelations,
    PlanNotice,
    Prompt,
    PromptHeader,
    Reject,
    Stop,
)
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_STATE,
    LANGUAGE_RELATIONS,
    PROMPT,
    Topic,
)
from mfpt_shared.protocol.topics import PLAN as PLAN_TOPIC
from mfpt_shared.tensors import halve, initial_state

_FUTURE: Final = 2**53
_SEQUENCES: Final = 200
_RECORD_SECONDS: Final = 1.0


def _forged(victim: Honest) -> list[tuple[Topic, str, Decoded]]:
    """Return what would do harm if it were the coordinator's: topic, key and message."""
    later: dict[str, Any] = {"epoch": _FUTURE, "version": _FUTURE, "at": 1.0}
    hostile = msgspec.structs.replace(PLAN, task=msgspec.structs.replace(PLAN.task, data="hf:evil/data"))
    prompt = PromptHeader(language=SWAHILI, plan=PLAN.digest, backbone="", **later)
    acknowledged = [Ack(sequence=sequence, **later) for sequence in range(1, _SEQUENCES)]
    down: list[Decoded] = [
        *acknowledged,
        Reject(sequence=1, reason="incompatible", detail="forged", **later),
        Assign(deadline=1.0, session=victim.session.number, ready=1, turn=_FUTURE, **later),
        Stop(reason="revoked", detail="forged", **later),
    ]
    return [
        *((CLIENT_DOWN, victim.id, message) for message in down),
        (PLAN_TOPIC, "", PlanNotice(digest=hostile.digest, plan=hostile, **later)),
        (PROMPT, SWAHILI, Prompt(prompt, halve(initial_state(PLAN)))),
        (LANGUAGE_RELATIONS, SWAHILI, LanguageRelations(language=SWAHILI, helped_by={"zul": 1.0}, **later)),
        (COORDINATOR_STATE, "", CoordinatorState(state="offline", coordinator="forged", started=1.0, **later)),
    ]


async def words_by_a_peer(target: Target) -> Harm:
    victim = target.honest[0]
    before = await victim.ignored("forged")
    async with peer(target.line) as attacker:
        for topic, key, message in _forged(victim):
            attacker.say(topic, message, key)
        await attacker.sent()
        await target.makes_versions()
    return "the broker passes them on" if await victim.ignored("forged") > before else None


async def words_by_the_broker(target: Target) -> Harm:
    victim = target.honest[0]
    before, forged = await victim.ignored("forged"), _forged(victim)
    async with broker_itself(target) as attacker:
        for topic, key, message in forged:
            attacker.say(topic, message, key)
        await attacker.sent()
    if victim.version == _FUTURE:
        return "a forged prompt is used"
    # A device hears prompts only while it asks for one: the forged one may have come when nobody listened.
    heard = sum(topic is not PROMPT for topic, _, _ in forged)
    believed = heard - (await victim.ignored("forged", before + heard) - before)
    return f"{believed} of {heard} forged messages are not refused" if believed > 0 else None


def _in_the_name(victim: Honest, attacker: Attacker) -> list[tuple[Topic, Decoded]]:
    return [
        (CLIENT_UP, update(victim.folder.outbox().last_sequence + 1, victim.version)),
        (CLIENT_UP, update(_FUTURE, victim.version)),
        (CLIENT_UP, attacker.ready()),
        (CLIENT_STATE, msgspec.structs.replace(attacker.online(), state="offline", session=_FUTURE)),
    ]


async def names_by_a_peer(target: Target) -> Harm:
    victim = target.honest[0]
    before = await target.refused("forged")
    async with peer(target.line) as attacker:
        for topic, message in _in_the_name(victim, attacker):
            attacker.say(topic, message, victim.id)
        await attacker.sent()
        await target.makes_versions()
    return "the broker passes them on" if await target.refused("forged") > before else None


async def names_by_the_broker(target: Target) -> Harm:
    victim = target.honest[0]
    before = await target.refused("forged")
    async with broker_itself(target) as attacker:
        forged = _in_the_name(victim, attacker)
        for topic, message in forged:
            attacker.say(topic, message, victim.id)
        await attacker.sent()
    believed = len(forged) - (await target.refused("forged", before + len(forged)) - before)
    return f"{believed} of {len(forged)} forged messages are not refused" if believed else None


async def sequence_that_jumps(target: Target) -> Harm:
    async with peer(target.line) as attacker:
        attacker.say(CLIENT_UP, attacker.ready(), attacker.id)
        assigned = await attacker.answers(Assign)
        if not assigned:
            return "an invited device is not assigned"
        version = assigned[-1].version if isinstance(assigned[-1], Assign) else 0
        attacker.say(CLIENT_UP, update(_FUTURE, version), attacker.id)
        refused = await attacker.answers(Reject)
        attacker.say(CLIENT_UP, update(1, version), attacker.id)
        accepted = await attacker.answers(Ack)
    if not refused:
        return "the sequence number 2^53 is accepted"
    return None if accepted else "the device is silenced for good"


async def replay(target: Target) -> Harm:
    victim = target.honest[0]
    async with broker_itself(target) as attacker:
        up, down = (attacker.path(topic, victim.id) for topic in (CLIENT_UP, CLIENT_DOWN))
        attacker.subscribe(up, down)
        await attacker.listen(_RECORD_SECONDS)
        counted, ignored = (await target.status()).updates.duplicate, await victim.ignored("replayed")
        old = list(attacker.came)
        for one in old:
            attacker.publish(one.topic, one.payload)
        await attacker.sent()
        await target.makes_versions()
        again = (await target.status()).updates.duplicate - counted
    updates = sum(one.topic == up and not one.payload.startswith(b"{") for one in old)
    orders = sum(one.topic == down and b'"assign"' in one.payload for one in old)
    if not updates or not orders:
        return "there was nothing to be recorded"
    if again < updates:
        return f"{updates - again} of {updates} updates count twice"
    obeyed = orders - (await victim.ignored("replayed", ignored + orders) - ignored)
    return f"{obeyed} of {orders} old assignments are obeyed" if obeyed > 0 else None


FORGERIES: Final = (
    NetworkAttack("words-peer", "a peer forges ack, reject, assign, stop, plan, prompt and offline", words_by_a_peer),
    NetworkAttack("words-broker", "the broker itself forges them", words_by_the_broker),
    NetworkAttack("names-peer", "a peer sends updates and states in another device's name", names_by_a_peer),
    NetworkAttack("names-broker", "the broker itself sends them, with sequence 2^53 among them", names_by_the_broker),
    NetworkAttack("sequence", "an invited device sends sequence 2^53, to be silent for good", sequence_that_jumps),
    NetworkAttack("replay", "the broker sends again what a device and the coordinator said", replay),
)
