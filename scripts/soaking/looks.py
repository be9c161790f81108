"""One look at a coordinator's processes, files and books."""

from soaking.audit import Audit
from soaking.series import Sample
from stub_federation.service import Service
from stub_federation.usage import folder_size, size, usage


def look(service: Service, found: Audit, seconds: float) -> Sample:
    """Return how things stand.

    Args:
        service: The coordinator, with its broker.
        found: What became of the updates.
        seconds: Time since the beginning.
    """
    coordinator, broker = usage(service.pid), usage(service.broker_pid)
    database = service.database
    files = [database.with_name(database.name + suffix) for suffix in ("", "-wal")]
    return Sample(
        seconds=seconds,
        coordinator_life=service.starts,
        broker_life=service.broker_pid or 0,
        coordinator_rss=None if coordinator is None else coordinator.rss,
        coordinator_descriptors=None if coordinator is None else coordinator.descriptors,
        broker_rss=None if broker is None else broker.rss,
        broker_descriptors=None if broker is None else broker.descriptors,
        database=size(files),
        broker_folder=folder_size(service.data / "broker"),
        acknowledged=found.acknowledged,
        stored=found.stored,
        folded=found.folded,
        waiting=found.waiting,
        lost=found.lost,
        twice=found.twice,
    )
