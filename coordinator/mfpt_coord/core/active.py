"""How many examples the devices count with that are there, or have updates to be folded."""

from collections.abc import Sequence

from mfpt_coord.core.shares import counted_examples
from mfpt_coord.core.state import Counted, State
from mfpt_shared.languages import LanguageCode


def active_examples(
    state: State, updates: Sequence[Counted]
) -> tuple[dict[LanguageCode, list[float]], dict[str, float]]:
    """Return the examples that devices count with which are online or have one of these updates.

    This looks at every device, which takes less than all else that a fold does.

    Returns:
        Language -> those of each of its devices, and device -> its own.
    """
    online = {name: one for name, one in state.clients.items() if one.state == "online" and one.examples > 0}
    examples = {name: one.examples for name, one in online.items()}
    examples.update({update.client: update.examples for update in updates})
    folded = {name: one.folded for name, one in online.items()}
    folded.update({update.client: _folded(state, update.client) for update in updates})
    counted = counted_examples(examples, folded, state.plan.aggregation)
    active: dict[LanguageCode, list[float]] = {}
    # What a device with an update speaks is what the update says.
    for client, language in dict.fromkeys((update.client, update.language) for update in updates):
        active.setdefault(language, []).append(counted[client])
        online.pop(client, None)
    for name, one in online.items():
        active.setdefault(one.language, []).append(counted[name])
    return active, counted


def _folded(state: State, client: str) -> int:
    known = state.clients.get(client)
    return 0 if known is None else known.folded
