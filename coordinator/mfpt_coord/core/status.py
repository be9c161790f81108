"""A summary of the state, for people and for scripts."""

from mfpt_coord.core.schedule import fold_size
from mfpt_coord.core.state import Client, State
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import ClientStatus, FederationStatus, LanguageStatus


def federation_status(state: State, started: float, at: float) -> FederationStatus:
    """Return what `coord/status` says.

    Args:
        state: The state to summarise.
        started: When the coordinator started, Unix seconds.
        at: Now, Unix seconds.
    """
    return FederationStatus(
        federation=state.plan.federation,
        plan=state.plan.digest,
        version=state.version,
        folds=state.version,
        buffer=len(state.buffer),
        buffer_size=fold_size(state),
        started=started,
        at=at,
        updates=state.counts,
        staleness=dict(sorted(state.staleness.items())),
        languages={language: _language(state, language, clients) for language, clients in _by_language(state).items()},
        clients=[_client(client) for client in sorted(state.clients.values(), key=lambda one: (one.language, one.id))],
    )


def accuracies(state: State) -> dict[LanguageCode, float]:
    """Return the newest validation accuracy of every language that has one: the mean over its devices, by examples."""
    means = {language: _accuracy(clients) for language, clients in _by_language(state).items()}
    return {language: mean for language, mean in means.items() if mean is not None}


def _by_language(state: State) -> dict[LanguageCode, list[Client]]:
    by_language: dict[LanguageCode, list[Client]] = {}
    for client in state.clients.values():
        by_language.setdefault(client.language, []).append(client)
    return dict(sorted(by_language.items()))


def _language(state: State, language: LanguageCode, clients: list[Client]) -> LanguageStatus:
    return LanguageStatus(
        clients=len(clients),
        examples=sum(client.examples for client in clients),
        accuracy=_accuracy(clients),
        contributed=state.contributed.get(language, 0),
    )


def _accuracy(clients: list[Client]) -> float | None:
    measured = [(client.accuracy, max(client.examples, 1)) for client in clients if client.accuracy is not None]
    weight = sum(examples for _, examples in measured)
    return sum(accuracy * examples for accuracy, examples in measured) / weight if measured else None


def _client(client: Client) -> ClientStatus:
    return ClientStatus(
        id=client.id,
        language=client.language,
        state=client.state,
        phase=client.phase if client.state == "online" else "offline",
        progress=client.progress,
        last_seen=client.last_seen,
        examples=client.examples,
        accuracy=client.accuracy,
        device=client.device,
    )
