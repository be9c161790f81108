"""Which version of a language's prompt did best on examples that devices hold out: it is kept, to go back to.

A version is judged when the next one is made, by what devices have told of it until then; each device counts once,
with its newest word, and with no more examples than count of it in a fold. A version takes the place of the best one
if it is more accurate, and has at least as many held-out examples behind it: among many versions that few examples
speak for, the best would be the luckiest. Under masks, where only means over cohorts are known, each survivor counts
as one example.
"""

from dataclasses import replace

from mfpt_coord.core.client import Client, Measured
from mfpt_coord.core.standing import Best
from mfpt_coord.core.state import State
from mfpt_coord.core.taking_part import takes_part
from mfpt_shared.languages import LanguageCode


def with_measured(client: Client, version: int, accuracy: float | None, examples: int) -> Client:
    """Return a device that has measured a version on held-out examples; None: it has not. Older ones are ignored."""
    if accuracy is None or examples < 1 or (client.measured is not None and client.measured.version > version):
        return client
    return replace(client, measured=Measured(version, accuracy, examples))


def newly_best(state: State) -> dict[LanguageCode, Best]:
    """Return language -> its newest version, where that is the best so far; for the moment in which it is replaced."""
    found = {}
    for language, measured in _measured(state).items():
        if language not in state.prompts:
            continue
        examples = sum(one.examples for one in measured)
        accuracy = sum(one.accuracy * one.examples for one in measured) / examples
        known = state.best.get(language)
        if known is None or (examples >= known.examples and accuracy > known.accuracy):
            found[language] = Best(state.version, accuracy, examples)
    return found


def _measured(state: State) -> dict[LanguageCode, list[Measured]]:
    told: dict[LanguageCode, list[Measured]] = {}
    for version, name in state.clients.indices.told:  # the newest versions come first
        if -version < state.version:
            break
        client = state.clients[name]
        if client.measured is not None and client.measured.version == state.version and takes_part(state, name):
            told.setdefault(client.language, []).append(client.measured)
    return told
