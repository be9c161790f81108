"""What an operator should see to: said of a state, without a walk through all devices."""

import math
from collections.abc import Iterator
from itertools import islice
from typing import Final

from mfpt_coord.core.client import FAILURES
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import takes_part
from mfpt_shared.protocol.messages import Alarm

MOST_ALARMS: Final = 10
"""Alarms of a kind that are said unless more are asked for."""
LEAST_DROP: Final = 0.02
"""A language is not worse as long as its accuracy has fallen by no more than this, however many examples there are."""
FEW_LOGINS: Final = 20
"""Refused logins in an hour that are nothing to be alarmed about: devices mistype, and try again."""
NEARLY: Final = 0.9
"""Share of a privacy budget from which on it is nearly spent."""
FORGOTTEN_SECONDS: Final = 7 * 86_400.0
"""A device that fails, and was not heard for so long, has gone."""


def alarms(state: State, at: float, logins: int, most: int = MOST_ALARMS) -> list[Alarm]:
    """Return what an operator should see to, the worst of each kind first.

    Args:
        state: The state.
        at: Now, by the clock of the state's times.
        logins: Number of logins that the broker refused in the last hour.
        most: Largest number of alarms of a kind.
    """
    found = [Alarm(kind="logins", value=logins, limit=FEW_LOGINS)] if logins > FEW_LOGINS else []
    for kind in (sorted(_worse(state), key=lambda one: one.value - one.limit), _failing(state, at), _spent(state)):
        found += islice(kind, most)
    return found


def worst_drop(accuracy: float, examples: int) -> float:
    """Return by how much an accuracy may fall by chance: two standard errors of a difference.

    Args:
        accuracy: Accuracy before, 0 to 1.
        examples: Number of held-out examples behind it.
    """
    return max(LEAST_DROP, 2 * math.sqrt(2 * accuracy * (1 - accuracy) / max(examples, 1)))


def _worse(state: State) -> Iterator[Alarm]:
    """Compare every language with its best version: a drop that the number of examples cannot explain."""
    known = state.clients.indices.by_language
    for language, best in state.best.items():
        now = known[language].accuracy if language in known else None
        if now is not None and best.accuracy - now > worst_drop(best.accuracy, best.examples):
            yield Alarm(kind="worse", subject=language, value=now, limit=best.accuracy)


def _failing(state: State, at: float) -> Iterator[Alarm]:
    for number, name in state.clients.indices.failing:
        if takes_part(state, name) and at - state.clients[name].last_seen < FORGOTTEN_SECONDS:
            yield Alarm(kind="failing", subject=name, value=-number, limit=FAILURES)


def _spent(state: State) -> Iterator[Alarm]:
    budget = state.plan.privacy.epsilon
    for epsilon, name in state.clients.indices.spent if budget else ():
        if -epsilon < NEARLY * budget:
            return
        if takes_part(state, name):
            yield Alarm(kind="budget", subject=name, value=-epsilon, limit=budget)
