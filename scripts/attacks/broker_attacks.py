"""Attacks on the broker: its own topics, other people's topics, other people's client ids."""

import secrets
from typing import Final

from attacks.attacker import peer
from attacks.network_attack import Harm, NetworkAttack
from attacks.raw_mqtt import may_log_in, send
from attacks.target import Target
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_UP, ROOT
from stub_federation import packets

_LISTEN_SECONDS: Final = 0.2
_STREAMS: Final = ("$MQTT_msgs", "$MQTT_rmsgs", "$MQTT_sess", "$MQTT_qos2in", "$MQTT_out")
_DELETE: Final = tuple(f"$JS/API/STREAM/{order}/{stream}" for stream in _STREAMS for order in ("DELETE", "PURGE"))


async def streams_by_a_stranger(target: Target) -> Harm:
    deletions = [packets.publish(topic) for topic in _DELETE]
    await send(target.address, packets.connect(secrets.token_hex(8), "", ""), *deletions)
    await send(target.address, *deletions)
    return None


async def streams_by_a_peer(target: Target) -> Harm:
    async with peer(target.line) as attacker:
        login = packets.connect(attacker.session.mqtt_client, attacker.id, attacker.session.password)
        await send(target.address, login, *(packets.publish(topic) for topic in _DELETE))
    return None


async def reading(target: Target) -> Harm:
    async with peer(target.line) as attacker:
        victim = target.honest[0].id
        attacker.subscribe(
            *("#", "+/#", "$JS/#", "$MQTT/#", "$SYS/#", f"{ROOT}/#", f"{ROOT}/{target.line.federation}/#"),
            *(attacker.path(topic, key) for topic in (CLIENT_UP, CLIENT_DOWN) for key in ("+", victim)),
        )
        await target.makes_versions()
        await attacker.listen(_LISTEN_SECONDS)
        own = f"/client/{attacker.id}/"
        read = {one.topic for one in attacker.came if "/client/" in one.topic and own not in one.topic}
        return f"it reads {', '.join(sorted(read))}" if read else None


async def stolen_client_ids(target: Target) -> Harm:
    victim = target.honest[0].session
    coordinator = SigningKey.from_pem((target.data / "coordinator.key").read_bytes())
    async with peer(target.line) as attacker:
        accounts = ((attacker.id, attacker.session.password), (target.line.user, target.line.secret), ("", ""))
        for client in (victim.mqtt_client, coordinator.secret("MQTT client id")):
            for user, password in accounts:
                if await may_log_in(target.address, client, user, password):
                    whose = "a device" if client == victim.mqtt_client else "the coordinator"
                    return f"{user or 'nobody'} takes the client id of {whose}"
    return None


async def stolen_names(target: Target) -> Harm:
    victim = target.honest[0].session
    for password in ("", target.line.secret, "password"):
        for user in (victim.identity.client, "coord", "sys", "auth"):
            if await may_log_in(target.address, victim.mqtt_client, user, password):
                return f"it logs in as {user}"
    if await may_log_in(target.address, secrets.token_hex(8), victim.identity.client, victim.password):
        return "an account is used from another client id"
    return None


BROKER_ATTACKS: Final = (
    NetworkAttack(
        "streams-stranger", "a stranger deletes the broker's streams ($JS), with QoS 0", streams_by_a_stranger
    ),
    NetworkAttack("streams-peer", "an invited device deletes the broker's streams ($JS)", streams_by_a_peer),
    NetworkAttack("reading", "a peer subscribes to the updates of others, and to everything", reading),
    NetworkAttack("client-ids", "leaked MQTT client ids of a device and the coordinator are taken", stolen_client_ids),
    NetworkAttack("names", "somebody logs in under the name of a device, and of the broker's own users", stolen_names),
)
