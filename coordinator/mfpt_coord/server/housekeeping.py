"""What a coordinator sees to once a day: devices that nobody has heard of for long are forgotten."""

import asyncio
import logging
from typing import Final

from mfpt_coord.core.audit import Actor
from mfpt_coord.core.client import GONE_SECONDS
from mfpt_coord.core.events import DevicesUnheard
from mfpt_coord.server.coordinator import Coordinator
from mfpt_shared.errors import MfptError

_DAY: Final = 86_400.0

_log = logging.getLogger(__name__)


async def keep_house(coordinator: Coordinator, unheard: float, by: Actor, first: float = GONE_SECONDS) -> None:
    """Let devices be forgotten soon after the start, and then once a day, until this is cancelled.

    Args:
        coordinator: The coordinator.
        unheard: After how long without a word a device is forgotten, seconds.
        by: Who has started the coordinator.
        first: Time until the first look, seconds; until then, whoever is there has said something.
    """
    wait = first
    while True:
        await asyncio.sleep(wait)
        wait = _DAY
        try:
            await coordinator.apply(DevicesUnheard(coordinator.clock(), unheard, by))
        except MfptError as error:
            _log.warning("devices that were not heard of are forgotten a day later: %s", error)
