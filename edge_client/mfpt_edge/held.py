"""Where the newest prompt comes from: this device's folder, or the broker. Needs no torch."""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Final

from mfpt_edge.device import DeviceFolder
from mfpt_shared.codec import decode
from mfpt_shared.errors import Incompatible, TimedOut
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.messages import Prompt
from mfpt_shared.mqtt import BrokerAddress, MqttTransport
from mfpt_shared.plan import Plan
from mfpt_shared.topics import PLAN, PROMPT, parse
from mfpt_shared.transport import Inbound, Transport

FETCH_SECONDS: Final = 5.0
# All retained messages come in one burst; after so long without the language's own prompt there is none.
OWN_PROMPT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Model:
    """A plan and a prompt that belong together."""

    plan: Plan
    prompt: Prompt

    def __post_init__(self) -> None:
        """Refuse what does not belong together."""
        if self.prompt.header.plan != self.plan.digest:
            made_for = self.prompt.header.plan
            raise Incompatible(
                f"the prompt belongs to plan {made_for}, not to {self.plan.digest}; join the federation again"
            )
        if self.prompt.header.backbone != self.plan.backbone.fingerprint:
            made_for, wanted = self.prompt.header.backbone, self.plan.backbone.fingerprint
            raise Incompatible(f"the prompt was made for backbone {made_for}, the plan says {wanted}; join again")


def held(folder: DeviceFolder) -> Model:
    """Return the prompt that a device has chosen, its own or the federation's newest; works offline.

    Raises:
        UsageError: it holds nothing.
        BadData: what it holds is damaged.
    """
    plan = folder.plan()
    return Model(plan, folder.own_prompt(plan) or folder.prompt())


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
