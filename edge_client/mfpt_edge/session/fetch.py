"""The newest prompt that a broker keeps, for a device that does not hold one itself."""

import asyncio
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Final

from mfpt_edge.core.events import PlanReceived, PromptReceived
from mfpt_edge.session.channel import Listener, Understood
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.session.hearing import Hearing
from mfpt_edge.session.trust import Trust
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.errors import AuthenticationFailed, TimedOut
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Prompt
from mfpt_shared.protocol.topics import PLAN, PROMPT
from mfpt_shared.transport.base import Event, Inbound, SubscriptionRefused, Transport
from mfpt_shared.transport.connection import Connection

FETCH_SECONDS: Final = 5.0
"""Longest time to wait for a plan and any prompt."""
OWN_PROMPT_SECONDS: Final = 1.0
"""Longest time to wait for the language's own prompt: all retained messages come in one burst."""


def fetch(
    connection: Connection,
    federation: str,
    language: LanguageCode,
    *,
    trust: Trust | None = None,
    freshness: Freshness | None = None,
    client_id: str | None = None,
    seconds: float | None = None,
) -> Model:
    """Return what the broker keeps: the language's own prompt, or else the one for languages without one.

    Args:
        connection: How to reach the broker, and as whom.
        federation: Name of the federation.
        language: Language of the prompt.
        trust: Whose word counts as the coordinator's; None: the first key's that is seen.
        freshness: What was seen before; None: nothing.
        client_id: MQTT client id; None: a random one, for users whom the broker does not bind to one.
        seconds: Longest time to take in all; None: as long as each step may take.

    Raises:
        ConnectionFailed: The broker cannot be reached.
        AuthenticationFailed: The broker refused the credentials, or does not let this user read prompts.
        TimedOut: The broker keeps no plan or no prompt of this federation.
        Incompatible: This version of mfpt cannot follow the plan.
    """
    transport = connection.transport(client_id or f"mfpt-fetch-{uuid.uuid4().hex[:12]}")
    listener = Listener(federation, trust or Trust(), freshness or Freshness())
    model = asyncio.run(_within(seconds, fetch_over(transport, listener, language)))
    if model is None:
        raise TimedOut(f"{connection} keeps no prompt of federation {federation!r}; is its coordinator running?")
    return model


async def _within(seconds: float | None, fetching: Coroutine[None, None, Model | None]) -> Model | None:
    try:
        async with asyncio.timeout(seconds):
            return await fetching
    except TimeoutError:
        return None


async def fetch_over(transport: Transport, listener: Listener, language: LanguageCode) -> Model | None:
    """Return what a broker keeps, over a transport that is not connected yet; None if that is nothing."""
    await transport.connect()
    try:
        name = listener.federation
        plan, own_prompt, any_prompt = PLAN.path(name), PROMPT.path(name, language), PROMPT.path(name, UNDETERMINED)
        retained = _Retained(Hearing(listener))
        transport.subscribe(plan, own_prompt, qos=PROMPT.qos)
        own = await _wait_for(transport, retained, (language,), OWN_PROMPT_SECONDS)
        if own is not None:
            return own
        # All three: what was published just as this client subscribed may not have come.
        transport.subscribe(plan, own_prompt, any_prompt, qos=PROMPT.qos)
        return await _wait_for(transport, retained, (language, UNDETERMINED), FETCH_SECONDS)
    finally:
        await transport.close()


@dataclass(slots=True)
class _Retained:
    """What the broker has sent so far."""

    hearing: Hearing
    plan: Plan | None = None
    prompts: dict[str, Prompt] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Take an event; what is damaged, forged or old changes nothing.

        Raises:
            AuthenticationFailed: The broker does not let this user read prompts.
            Incompatible: This version of mfpt cannot follow the plan.
        """
        match event:
            case SubscriptionRefused():
                raise AuthenticationFailed(str(event))
            case Inbound() as inbound:
                self._keep(self.hearing.take(inbound, self.plan, time.time()))

    def _keep(self, understood: Understood | None) -> None:
        match understood:
            case PlanReceived(plan=plan):
                self.plan = plan
            case PromptReceived(prompt=prompt):
                self.prompts[prompt.header.language] = prompt

    def model(self, *languages: LanguageCode) -> Model | None:
        """Return the prompt of the first of these languages that has one."""
        prompt = next((self.prompts[language] for language in languages if language in self.prompts), None)
        return Model(self.plan, prompt) if self.plan is not None and prompt is not None else None


async def _wait_for(
    transport: Transport, retained: _Retained, languages: tuple[LanguageCode, ...], seconds: float
) -> Model | None:
    try:
        async with asyncio.timeout(seconds):
            while (model := retained.model(*languages)) is None:
                for event in await transport.receive():
                    retained.add(event)
            return model
    except TimeoutError:
        return None
