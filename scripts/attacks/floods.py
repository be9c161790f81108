"""Attacks with numbers: states, languages, connections, passwords."""

import asyncio
import contextlib
import itertools
import secrets
import sqlite3
import string
import time
from collections.abc import AsyncIterator
from typing import Final

from attacks.attacker import broker_itself, peer
from attacks.network_attack import Harm, NetworkAttack
from attacks.raw_mqtt import may_log_in
from attacks.serving import Serving
from attacks.target import Target
from mfpt_coord.access.desk import DELAY_SECONDS, MOST_FAILURES
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.topics import CLIENT_STATE, CLIENT_UP

_STATES: Final = 3000
_STATUS_BYTES: Final = 256 * 1024
_LANGUAGES: Final = 1000
_SILENT: Final = 400
_NEWCOMER_SECONDS: Final = 10.0
_GUESSES: Final = 5


async def states(target: Target) -> Harm:
    """Its own, as fast as it can; and as many of invented devices, which only the broker itself can send."""
    before = await target.refused("uninvited")
    async with peer(target.line) as attacker, broker_itself(target) as broker:
        for _ in range(_STATES):
            attacker.say(CLIENT_STATE, attacker.online(device="x" * 500), attacker.id)
            broker.say(CLIENT_STATE, broker.online(device="x" * 500), secrets.token_hex(6))
        await attacker.sent()
        await broker.sent()
        missing = _STATES - (await target.refused("uninvited", before + _STATES) - before)
        status = await target.status()
    if len(encode(status)) > _STATUS_BYTES:
        return f"the status has {len(encode(status)):,} bytes"
    return f"{missing} of {_STATES} states of invented devices are not refused" if missing > 0 else None


async def languages(target: Target) -> Harm:
    before = _prompts(target)
    codes = ["".join(letters) for letters in itertools.product("qxyz", string.ascii_lowercase, "abcdefghij")]
    async with peer(target.line) as attacker:
        for code in codes[:_LANGUAGES]:
            attacker.say(CLIENT_STATE, attacker.online(LanguageCode(code)), attacker.id)
            attacker.say(CLIENT_UP, attacker.ready(LanguageCode(code)), attacker.id)
        await attacker.sent()
        await target.makes_versions()
    more = _prompts(target) - before
    return f"{more} invented languages have a prompt" if more else None


def _prompts(server: Serving) -> int:
    uri = f"{(server.data / DATABASE_FILE).as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
        return int(database.execute("SELECT COUNT(DISTINCT language) FROM prompts").fetchone()[0])


async def silent_connections(target: Target) -> Harm:
    async with _silent(target, _SILENT):
        try:
            async with asyncio.timeout(_NEWCOMER_SECONDS), peer(target.line):
                return None
        except (MfptError, TimeoutError):
            return "nobody else can connect"


@contextlib.asynccontextmanager
async def _silent(server: Serving, number: int) -> AsyncIterator[None]:
    """Hold connections on which nothing is said."""
    address = server.address
    opened = await asyncio.gather(*(asyncio.open_connection(address.host, address.port) for _ in range(number)))
    try:
        yield
    finally:
        for _, writer in opened:
            writer.close()


async def passwords(target: Target) -> Harm:
    async def guess() -> bool:
        return await may_log_in(target.address, secrets.token_hex(8), target.honest[0].id, secrets.token_hex(8))

    for _ in range(MOST_FAILURES + 1):
        if await guess():
            return "a guess is right"
    began = time.monotonic()
    if any(await asyncio.gather(*(guess() for _ in range(_GUESSES)))):
        return "a guess is right"
    if time.monotonic() - began < DELAY_SECONDS:
        return f"after {MOST_FAILURES} wrong passwords the next is tried at once"
    return None if "failed logins" in target.said() else "the log says nothing of it"


FLOODS: Final = (
    NetworkAttack("states", f"{_STATES:,} states of one device, and as many of invented ones", states),
    NetworkAttack("languages", f"an invited device brings {_LANGUAGES:,} invented languages", languages),
    NetworkAttack("silence", f"{_SILENT} connections that say nothing", silent_connections),
    NetworkAttack("passwords", "passwords of a device are guessed", passwords),
)
