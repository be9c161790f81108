"""How many examples the devices count with that are there, or have updates to be folded."""

from collections.abc import Sequence

from mfpt_coord.core.shares import counted_examples
from mfpt_coord.core.state import Counted, State
from mfpt_shared.languages import LanguageCode


def active_examples(
    state: State, updates: Sequence[Counted]
) -> tuple[dict[LanguageCode, list[float]], dict[str, float]]:
    """Return the examples that devices count with which are online or have one of these updates.

    Returns:
        Language -> those of each of its devices, and device -> its own.
    """
    online = {one.id: one for one in state.clients.values() if one.state == "online" and one.examples > 0}
    examples = {client: one.examples for client, one in online.items()}
    examples.update({update.client: update.examples for update in updates})
    folded = {client: one.folded for client, one in state.clients.items()}
    counted = counted_examples(examples, folded, state.plan.aggregation)
    # What a device with an update speaks is what the update says.
    spoken = {(update.client, update.language): None for update in updates}
    quiet = online.keys() - {update.client for update in updates}
    spoken |= {(client, one.language): None for client, one in online.items() if client in quiet}
    active: dict[LanguageCode, list[float]] = {}
    for client, language in spoken:
        active.setdefault(language, []).append(counted[client])
    return active, counted
