"""A summary of the state, for people and for scripts: small enough for every broker, however many devices there are."""

import heapq
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

from mfpt_coord.core.alarms import alarms
from mfpt_coord.core.client import GONE_SECONDS, Client
from mfpt_coord.core.indices import Indices
from mfpt_coord.core.schedule import fold_size, waiting_updates
from mfpt_coord.core.state import State
from mfpt_coord.core.tally import Tally
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import ClientStatus, FederationStatus, LanguageStatus
from mfpt_shared.texts import printable

MAX_CLIENTS: Final = 200
MAX_LANGUAGES: Final = 200
_MAX_STALENESS: Final = 200
_DEVICE_CHARACTERS: Final = 80


def federation_status(state: State, started: float, at: float, ahead: float = 0.0, logins: int = 0) -> FederationStatus:
    """Return what `coord/status` says, at most 256 KiB of JSON.

    Args:
        state: The state to summarise.
        started: When the coordinator started, Unix seconds.
        at: Now, by the clock of the state's times.
        ahead: How far the wall clock is ahead of that one, seconds.
        logins: Number of logins that the broker refused in the last hour.
    """
    indices = state.clients.indices
    by_language = indices.by_language
    most = heapq.nsmallest(MAX_LANGUAGES, by_language, key=lambda language: (-by_language[language].devices, language))
    shown = [state.clients[name] for name in islice(_newest_first(indices, at), MAX_CLIENTS)]
    more_online = indices.heard_by(at) - sum(one.is_online(at) for one in shown)
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
        languages={language: _language(state, language, by_language[language]) for language in sorted(most)},
        clients=[_client(client, at, ahead) for client in sorted(shown, key=lambda one: (one.language, one.id))],
        alarms=alarms(state, at, logins),
        more_languages=len(by_language) - len(most),
        more_clients=len(state.clients) - len(shown),
        more_online=more_online,
    )


def accuracies(state: State) -> dict[LanguageCode, float]:
    """Return language -> newest accuracy on held-out examples, if there is one: its devices' mean, by examples."""
    by_language = state.clients.indices.by_language
    return {language: mean for language in sorted(by_language) if (mean := by_language[language].accuracy) is not None}


def _newest_first(indices: Indices, at: float) -> Iterator[str]:
    """Go through the devices, those that are online first, and of both whoever was heard from last."""
    limit = GONE_SECONDS - at
    there = [devices for kind, devices in indices.recent.items() if kind.is_online]
    gone = [devices for kind, devices in indices.recent.items() if not kind.is_online]
    online = [islice(devices, devices.below((limit, ""))) for devices in there]
    silent = [islice(devices, devices.below((limit, "")), None) for devices in there]
    return (name for _, name in chain(heapq.merge(*online), heapq.merge(*silent, *gone)))


def _language(state: State, language: LanguageCode, tally: Tally) -> LanguageStatus:
    return LanguageStatus(
        clients=tally.devices,
        examples=tally.examples,
        accuracy=tally.accuracy,
        contributed=state.contributed.get(language, 0),
        own_share=state.kept.get(language),
    )


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
