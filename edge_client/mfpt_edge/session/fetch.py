"""The newest prompt that a broker keeps, for a device that does not hold one itself."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Final

from mfpt_edge.core.events import PlanReceived, PromptReceived
from mfpt_edge.session.channel import Listener
from mfpt_edge.session.freshness import Freshness
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


def fetch(connection: Connection, federation: str, language: LanguageCode) -> Model:
    """Return what the broker keeps: the language's own prompt, or else the one for languages without one.

    Raises:
        ConnectionFailed: The broker cannot be reached.
        AuthenticationFailed: The broker refused the credentials, or does not let this user read prompts.
        TimedOut: The broker keeps no plan or no prompt of this federation.
        Incompatible: This version of mfpt cannot follow the plan.
    """
    transport = connection.transport(f"mfpt-fetch-{uuid.uuid4().hex[:12]}")
    model = asyncio.run(fetch_over(transport, federation, language))
    if model is None:
        raise TimedOut(f"{connection} keeps no prompt of federation {federation!r}; is its coordinator running?")
    return model


async def fetch_over(transport: Transport, federation: str, language: LanguageCode) -> Model | None:
    """Return what a broker keeps, over a transport that is not connected yet; None if that is nothing."""
    await transport.connect()
    try:
        transport.subscribe(
            PLAN.path(federation), PROMPT.path(federation, language), PROMPT.path(federation, UNDETERMINED)
        )
        retained = _Retained(Listener(federation, Trust(), Freshness()))
        own = await _wait_for(transport, retained, (language,), OWN_PROMPT_SECONDS)
        return own or await _wait_for(transport, retained, (language, UNDETERMINED), FETCH_SECONDS)
    finally:
        await transport.close()


@dataclass(slots=True)
class _Retained:
    """What the broker has sent so far."""

    listener: Listener
    plan: Plan | None = None
    prompts: dict[str, Prompt] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Take an event.

        Raises:
            AuthenticationFailed: The broker does not let this user read prompts.
        """
        if isinstance(event, SubscriptionRefused):
            raise AuthenticationFailed(str(event))
        match self.listener.understand(event, self.plan, at=0.0) if isinstance(event, Inbound) else None:
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
