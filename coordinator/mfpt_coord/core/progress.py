"""How far the next version is, for devices that wait for it: in a few numbers, which name no device."""

from mfpt_coord.core.schedule import fold_size, waiting_updates
from mfpt_coord.core.state import State
from mfpt_shared.protocol.messages import Progress
from mfpt_shared.protocol.status import MOST_NAMED


def progress(state: State, at: float) -> Progress:
    """Return what `coord/progress` says.

    Args:
        state: The state to summarise.
        at: Now, by the clock of the state's times.
    """
    if state.finished:
        return Progress(version=state.version, places=state.plan.aggregation.concurrency)
    indices = state.clients.by(at).indices
    behind = {language: min(1.0, round(next(iter(devices))[0], 2)) for language, devices in indices.working.items()}
    first = sorted(behind, key=lambda language: (behind[language], language))[:MOST_NAMED]
    return Progress(
        version=state.version,
        updates=waiting_updates(state),
        needed=fold_size(state),
        training=indices.whole.at_work,
        places=state.plan.aggregation.concurrency,
        at_work={language: behind[language] for language in first},
        joining=tuple(sorted(state.joining)[:MOST_NAMED]),
    )
