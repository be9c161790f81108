"""A summary of the state, for people and for scripts: small enough for every broker, however many devices there are."""

import heapq
from collections.abc import Mapping
from typing import Final

from mfpt_coord.core.consensus import kept_by_language
from mfpt_coord.core.schedule import fold_size, waiting_updates
from mfpt_coord.core.state import Client, State
from mfpt_coord.core.taking_part import counting
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import ClientStatus, FederationStatus, LanguageStatus
from mfpt_shared.texts import printable

MAX_CLIENTS: Final = 200
MAX_LANGUAGES: Final = 200
_MAX_STALENESS: Final = 200
_DEVICE_CHARACTERS: Final = 80


def federation_status(state: State, started: float, at: float, ahead: float = 0.0) -> FederationStatus:
    """Return what `coord/status` says, at most 256 KiB of JSON.

    Args:
        state: The state to summarise.
        started: When the coordinator started, Unix seconds.
        at: Now, by the clock of the state's times.
        ahead: How far the wall clock is ahead of that one, seconds.
    """
    by_language = _by_language(state)
    kept = kept_by_language(counting(state).shares)
    most = heapq.nsmallest(MAX_LANGUAGES, by_language, key=lambda language: (-len(by_language[language]), language))
    shown = heapq.nsmallest(
        MAX_CLIENTS, state.clients.values(), key=lambda one: (not one.is_online(at), -one.last_seen, one.id)
    )
    more_online = sum(one.is_online(at) for one in state.clients.values()) - sum(one.is_online(at) for one in shown)
    return FederationStatus(
        federation=state.plan.federation,
        plan=state.plan.digest,
        version=state.version,
        folds=state.version,
        buffer=waiting_updates(state),
        buffer_size=fold_size(state),
        started=started,
        at=at + ahead,
        updates=state.counts,
        staleness=dict(sorted(state.staleness.items())[:_MAX_STALENESS]),
        languages={language: _language(state, language, by_language[language], kept) for language in sorted(most)},
        clients=[_client(client, at, ahead) for client in sorted(shown, key=lambda one: (one.language, one.id))],
        more_languages=len(by_language) - len(most),
        more_clients=len(state.clients) - len(shown),
        more_online=more_online,
    )


def accuracies(state: State) -> dict[LanguageCode, float]:
    """Return language -> newest accuracy on held-out examples, if there is one: its devices' mean, by examples."""
    means = {language: _accuracy(clients) for language, clients in _by_language(state).items()}
    return {language: mean for language, mean in means.items() if mean is not None}


def _by_language(state: State) -> dict[LanguageCode, list[Client]]:
    by_language: dict[LanguageCode, list[Client]] = {}
    for client in state.clients.values():
        by_language.setdefault(client.language, []).append(client)
    return dict(sorted(by_language.items()))


def _language(
    state: State, language: LanguageCode, clients: list[Client], kept: Mapping[LanguageCode, float]
) -> LanguageStatus:
    return LanguageStatus(
        clients=len(clients),
        examples=sum(client.examples for client in clients),
        accuracy=_accuracy(clients),
        contributed=state.contributed.get(language, 0),
        own_share=kept.get(language),
    )


def _accuracy(clients: list[Client]) -> float | None:
    measured = [(client.accuracy, max(client.examples, 1)) for client in clients if client.accuracy is not None]
    weight = sum(examples for _, examples in measured)
    return sum(accuracy * examples for accuracy, examples in measured) / weight if measured else None


def _client(client: Client, at: float, ahead: float) -> ClientStatus:
    is_online = client.is_online(at)
    return ClientStatus(
        id=client.id,
        language=client.language,
        state="online" if is_online else "offline",
        phase=client.phase if is_online else "offline",
        progress=client.progress,
        last_seen=max(0.0, client.last_seen + ahead),
        examples=client.examples,
        accuracy=client.accuracy,
        device=printable(client.device, _DEVICE_CHARACTERS),
        epsilon=client.epsilon,
    )
