"""What came of a soak, and how it is shown."""

from collections.abc import Iterable

import msgspec
from rich import box
from rich.table import Table

from soaking.audit import Audit
from soaking.series import Sample, Trend


class Soak(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a soak.

    Attributes:
        faults: Faults that were done, by kind.
        disturbed: Messages of devices that were duplicated, delayed or reordered.
        updates: What became of the updates.
        in_outboxes: Updates that waited on devices at the end, and were not acknowledged.
        devices_stored: Devices of which at least one update was stored.
        ended: Devices that gave up, by reason; each was started again.
        problems: What did not work beside that.
        trends: How memory, descriptors and sizes went.
        series: All samples.
    """

    minutes: float
    devices: int
    seed: int
    faults: dict[str, int]
    disturbed: dict[str, int]
    lost_connections: int
    updates: Audit
    in_outboxes: int
    ended: dict[str, int]
    problems: list[str]
    trends: dict[str, Trend]
    series: list[Sample]
    machine: str

    @property
    def is_sound(self) -> bool:
        """Whether updates were acknowledged, none of them is lost, none counted twice, and everything else worked."""
        return self.updates.acknowledged > 0 and self.updates.lost == self.updates.twice == 0 and not self.problems


def tables(soak: Soak) -> Iterable[Table]:
    """Return the figures as tables."""
    faults = _table(f"faults in {soak.minutes:g} minutes, {soak.devices} devices, seed {soak.seed}", "times")
    for name, number in sorted(soak.faults.items()):
        faults.add_row(name, str(number))
    for name, number in sorted(soak.disturbed.items()):
        faults.add_row(f"message of a device {name}", str(number))
    faults.add_row("connections lost in all", str(soak.lost_connections))
    yield faults
    updates = _table("updates", "number")
    for name in ("acknowledged", "stored", "folded", "waiting", "lost", "twice"):
        updates.add_row(
            {"waiting": "wait for a fold", "twice": "folded twice"}.get(name, name), str(getattr(soak.updates, name))
        )
    updates.add_row("in outboxes, not acknowledged", str(soak.in_outboxes))
    yield updates
    used = _table("after the warm-up", "first", "last", "most", "an hour")
    for name, trend in soak.trends.items():
        growth = "" if trend.per_hour is None else f"{trend.per_hour:+.1f}"
        used.add_row(name, f"{trend.first:.1f}", f"{trend.last:.1f}", f"{trend.most:.1f}", growth)
    yield used
    if soak.ended or soak.problems or soak.updates.details:
        others = _table("what else happened", "times")
        for name, number in soak.ended.items():
            others.add_row(f"a device gave up: {name}", str(number))
        for problem in (*soak.problems, *(f"lost: {detail}" for detail in soak.updates.details)):
            others.add_row(problem, "1")
        yield others


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table
