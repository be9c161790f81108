"""Where the newest prompt comes from: this device's folder, or the broker. Needs no torch."""

import asyncio
import uuid
from typing import Final

from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.errors import TimedOut
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import decode
from mfpt_shared.protocol.messages import Prompt
from mfpt_shared.protocol.topics import PLAN, PROMPT, parse
from mfpt_shared.transport.base import Inbound, Transport
from mfpt_shared.transport.mqtt import BrokerAddress, MqttTransport

FETCH_SECONDS: Final = 5.0
# All retained messages come in one burst; after so long without the language's own prompt there is none.
OWN_PROMPT_SECONDS: Final = 1.0


def fetch(address: BrokerAddress, federation: str, language: LanguageCode) -> Model:
    """Return what the broker keeps: the language's own prompt, or the one for languages not yet seen.

    Raises:
        ConnectionFailed: no broker.
        TimedOut: the broker keeps no plan or no prompt of this federation.
    """
    return asyncio.run(
        _fetch(MqttTransport(address, f"mfpt-fetch-{uuid.uuid4().hex[:12]}"), federation, language, address)
    )


async def _fetch(transport: Transport, federation: str, language: LanguageCode, address: BrokerAddress) -> Model:
    plan: Plan | None = None
    prompts: dict[str, Prompt] = {}

    async def until(seconds: float, own_only: bool) -> None:
        nonlocal plan
        async with asyncio.timeout(seconds):
            while plan is None or not (language in prompts or (prompts and not own_only)):
                for event in await transport.receive():
                    if isinstance(event, Inbound):
                        message = decode(parse(event.topic, federation).topic, event.payload)
                        if isinstance(message, Plan):
                            plan = message
                        elif isinstance(message, Prompt):
                            prompts[message.header.language] = message

    await transport.connect()
    try:
        transport.subscribe(
            PLAN.path(federation), PROMPT.path(federation, language), PROMPT.path(federation, UNDETERMINED)
        )
        try:
            await until(OWN_PROMPT_SECONDS, own_only=True)
        except TimeoutError:
            try:
                await until(FETCH_SECONDS, own_only=False)
            except TimeoutError as error:
                raise TimedOut(f"{address} keeps no prompt of federation {federation!r}") from error
    finally:
        await transport.close()
    assert plan is not None
    return Model(plan, prompts.get(language) or prompts[UNDETERMINED])
