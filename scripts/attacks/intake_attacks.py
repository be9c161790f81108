"""Attacks on what counts: invented devices, several updates for one assignment, claims of many examples."""

from typing import Final

from attacks.attacker import Attacker, broker_itself, new_session, peer, update
from attacks.network_attack import Harm, NetworkAttack
from attacks.target import Target
from mfpt_shared.protocol.messages import Ack, Assign, Reject
from mfpt_shared.protocol.topics import CLIENT_UP

_INVENTED: Final = 120
_TOO_MANY: Final = 10
_CLAIMED: Final = 10_000
_ALLOWED: Final = 20
_NEVER_SECONDS: Final = 1.0


async def invented_ids(target: Target) -> Harm:
    """Under the attacker's own account the broker drops them, and so the broker itself sends them as well."""
    before = await target.refused("uninvited")
    async with peer(target.line) as attacker, broker_itself(target) as broker:
        for sender in (attacker, broker):
            for _ in range(_INVENTED):
                invented = new_session()
                sender.say(CLIENT_UP, sender.ready(), invented.identity.client, invented.key)
            await sender.sent()
        await target.makes_versions()
        status = await target.status()
    refused = status.refused.get("uninvited", 0) - before
    known = len(status.clients) + status.more_clients
    if refused < _INVENTED:
        return f"{_INVENTED - refused} of {_INVENTED} invented devices are not refused; {known} are known"
    return "what is in nobody's name passes the broker" if refused > _INVENTED else None


async def many_updates(target: Target) -> Harm:
    async with peer(target.line) as attacker:
        version = await _assigned_version(attacker)
        for sequence in range(1, _TOO_MANY + 1):
            attacker.say(CLIENT_UP, update(sequence, version), attacker.id)
        refused = await attacker.is_told(Reject, _TOO_MANY - 1)
        accepted = await attacker.is_told(Ack)
    if len(accepted) != 1:
        return f"{len(accepted)} updates for one assignment are accepted"
    return None if len(refused) == _TOO_MANY - 1 else f"{len(refused)} of {_TOO_MANY - 1} are refused"


async def never_assigned(target: Target) -> Harm:
    async with peer(target.line) as attacker:
        attacker.say(CLIENT_UP, update(1, target.honest[0].version), attacker.id)
        refused = await attacker.is_told(Reject)
        accepted = await attacker.is_told(Ack, seconds=_NEVER_SECONDS)
    return None if refused and not accepted else "an update that was not assigned is accepted"


async def many_examples(target: Target) -> Harm:
    line = await target.invite(max_examples=_ALLOWED)
    async with peer(line) as attacker:
        version = await _assigned_version(attacker, examples=_CLAIMED)
        attacker.say(CLIENT_UP, update(1, version, examples=_CLAIMED), attacker.id)
        if not await attacker.is_told(Ack):
            return "the device is not heard at all"
        counted = [client.examples for client in (await target.status()).clients if client.id == attacker.id]
    return None if max(counted) <= _ALLOWED else f"{max(counted):,} examples count where {_ALLOWED} were agreed"


async def _assigned_version(attacker: Attacker, examples: int = 10) -> int:
    attacker.say(CLIENT_UP, attacker.ready(examples=examples), attacker.id)
    assigned = await attacker.is_told(Assign)
    return next((message.version for message in assigned if isinstance(message, Assign)), 0)


INTAKE_ATTACKS: Final = (
    NetworkAttack("invented-ids", f"{_INVENTED} invented devices say that they are ready", invented_ids),
    NetworkAttack("many-updates", f"a device sends {_TOO_MANY} updates for one assignment", many_updates),
    NetworkAttack("never-assigned", "a device sends an update without having been assigned", never_assigned),
    NetworkAttack("many-examples", f"a device claims n = {_CLAIMED:,} where {_ALLOWED} were agreed", many_examples),
)
