"""Goes back to earlier prompts as the operator orders: finds them in the store, and lets the core make a version."""

from collections.abc import Mapping

from mfpt_coord.core.audit import Actor
from mfpt_coord.core.events import RolledBack
from mfpt_coord.core.state import State
from mfpt_coord.server.coordinator import Coordinator
from mfpt_coord.server.orders import WentBack
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import Array

_SHOWN = "`mfpt-coord history` shows which versions can be gone back to"


async def roll_back(coordinator: Coordinator, language: str | None, to: int | None, by: Actor) -> WentBack:
    """Make earlier prompts the newest ones again.

    Args:
        coordinator: The coordinator.
        language: Language that goes back; None: all that can.
        to: Version to go back to; None: the best one of each language.
        by: Who wants it.

    Raises:
        UsageError: No such prompt is kept.
        MfptError: It cannot be saved.
    """
    wanted = _wanted(coordinator.state, language, to)
    found: dict[LanguageCode, tuple[int, Array]] = {}
    for one, version in wanted.items():
        vector = coordinator.kept_prompt(one, version)
        if vector is not None:
            found[one] = (version, vector)
    if not found:
        what = f"version {to}" if to is not None else "the best version"
        raise UsageError(f"no prompt{'' if language is None else f' of {language}'} is kept of {what}; {_SHOWN}")
    await coordinator.apply(RolledBack(coordinator.clock(), found, by))
    return WentBack(version=coordinator.state.version, languages={one: version for one, (version, _) in found.items()})


def _wanted(state: State, language: str | None, to: int | None) -> Mapping[LanguageCode, int]:
    """Return language -> version that it should go back to.

    Raises:
        UsageError: The language has no prompt, or no version of it is known as the best.
    """
    if language is not None and language not in state.prompts:
        raise UsageError(f"{language} is not a language of this federation")
    if to is not None and to >= state.version:
        raise UsageError(f"version {to} is not an earlier one: the newest is {state.version}; {_SHOWN}")
    languages = list(state.prompts) if language is None else [LanguageCode(language)]
    if to is not None:
        return dict.fromkeys(languages, to)
    best = {one: state.best[one].version for one in languages if one in state.best}
    if not best:
        raise UsageError("no device has told an accuracy of a version that was replaced since: name one with --to")
    return best
