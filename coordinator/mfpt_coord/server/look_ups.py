"""Looks up language distances beside the coordinator's loop, one search at a time."""

import asyncio
import itertools
import logging
from collections.abc import Iterable, Sequence

from mfpt_coord.core.events import DistancesFound
from mfpt_coord.core.proximity import needs_distances
from mfpt_coord.core.relations import pair
from mfpt_coord.core.state import State
from mfpt_coord.languages.distances import LookUp
from mfpt_shared.clock import Clock
from mfpt_shared.environment import sentence
from mfpt_shared.languages import UNDETERMINED, LanguageCode

_log = logging.getLogger(__name__)


class LookUps:
    """Runs the look-ups that the core asks for, and gives their results as events."""

    def __init__(self, look_up: LookUp, metrics: Sequence[str], clock: Clock) -> None:
        """Prepare; nothing runs yet.

        Args:
            look_up: How distances are found.
            metrics: Kinds of distances.
            clock: Unix seconds.
        """
        self._look_up = look_up
        self._metrics = metrics
        self._clock = clock
        self._found: asyncio.Queue[DistancesFound] = asyncio.Queue()
        self._wanted: frozenset[LanguageCode] = frozenset()
        self._task: asyncio.Task[None] | None = None

    def start(self, languages: Iterable[LanguageCode]) -> None:
        """Look up the distances between languages, at once or when the current search has ended."""
        self._wanted |= frozenset(languages)
        if self._wanted and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())

    async def found(self) -> DistancesFound:
        """Wait for the next result. Every search has one, even if it is empty."""
        return await self._found.get()

    async def close(self) -> None:
        """End a search that is running; one that has failed prevents nothing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        """Search until nothing is wanted any more. Every search has a result, because languages wait for it to join."""
        while self._wanted:
            languages, self._wanted = self._wanted, frozenset()
            try:
                found = await self._look_up(languages, self._metrics)
            except OSError as error:
                _log.error("language distances could not be looked up: %s", sentence(error))
                found = {}
            except (ValueError, TypeError):
                _log.exception("language distances could not be looked up")
                found = {}
            self._found.put_nowait(DistancesFound(self._clock(), languages - {UNDETERMINED}, found))


def unknown_languages(state: State) -> frozenset[LanguageCode]:
    """Return the languages to look up at the start: an earlier run may have ended before it knew their distances."""
    languages = sorted(state.prompts.keys() - {UNDETERMINED})
    pairs = itertools.combinations(languages, 2)
    if not needs_distances(state.plan.aggregation) or all(pair(*two) in state.relations.distances for two in pairs):
        return frozenset()
    return frozenset(languages)
