"""What `mfpt-edge` shows in a terminal: a live panel while it takes part, tables for results."""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mfpt_edge.commands.asking import OwnerAtTerminal
from mfpt_edge.commands.join import Enrolled, JoinResult
from mfpt_edge.session.budget import in_words
from mfpt_edge.session.orders import Left
from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.settings import Settings
from mfpt_shared.languages import named
from mfpt_shared.sizes import readable
from mfpt_shared.terminal import PlainConsole, panel
from mfpt_shared.texts import printable

if TYPE_CHECKING:  # what reads data stays out of the process that listens
    from mfpt_edge.data.summary import DatasetSummary

_BARS = "▁▂▃▄▅▆▇█"
_LINK_STYLES = {"connected": "green", "reconnecting": "yellow", "connecting": "yellow", "no coordinator": "yellow"}
_LEVEL_STYLES = {"note": "", "warning": "yellow", "useless": "bold red"}
_SPARKLINE_CELLS = 24


class LivePanel:
    """A panel on stderr, redrawn a few times a second; log lines appear above it."""

    def __init__(self) -> None:
        self._live = Live(
            device_panel(Snapshot()), console=PlainConsole(stderr=True), refresh_per_second=4, transient=True
        )
        self.owner = OwnerAtTerminal(self._paused)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """See join.View."""
        handlers = [one for one in logging.getLogger().handlers if isinstance(one, logging.StreamHandler)]
        with self._live:
            # rich draws what is written to sys.stderr above the panel; the log must go there, not to the old stream.
            before = [handler.setStream(sys.stderr) for handler in handlers]
            try:
                yield
            finally:
                for handler, stream in zip(handlers, before, strict=True):
                    handler.setStream(stream or sys.__stderr__)

    def update(self, snapshot: Snapshot) -> None:
        """See join.View."""
        self._live.update(device_panel(snapshot))

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Show nothing that moves; somebody is asked something."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()


class NoPanel:
    """For output that nobody watches: the log lines are enough."""

    def __init__(self) -> None:
        self.owner = OwnerAtTerminal()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """See join.View."""
        yield

    def update(self, snapshot: Snapshot) -> None:
        """See join.View."""


def join_view() -> LivePanel | NoPanel:
    """Return a panel if stderr is a terminal."""
    return LivePanel() if sys.stderr.isatty() else NoPanel()


def phase_in_words(snapshot: Snapshot) -> str:
    """Return what a device is doing, for people."""
    return "done, listening for the last prompt" if snapshot.listens else snapshot.phase


def device_panel(snapshot: Snapshot) -> RenderableType:
    """Return what is shown of a device while it takes part."""
    rounds = (
        str(snapshot.rounds) if snapshot.rounds_wanted is None else f"{snapshot.rounds} of {snapshot.rounds_wanted}"
    )
    table = Table.grid(padding=(0, 2))
    table.add_row("federation", Text(f"● {snapshot.link}", _LINK_STYLES[snapshot.link]))
    table.add_row("phase", phase_in_words(snapshot))
    if snapshot.phase == "training":
        table.add_row("", ProgressBar(total=1.0, completed=snapshot.progress, width=40))
    if snapshot.waits_for:
        table.add_row("waits", _text(f"{snapshot.waits_for[0].upper()}{snapshot.waits_for[1:]}."))
    if snapshot.advice:
        table.add_row("", Text(printable(snapshot.advice), "dim"))
    table.add_row("rounds", f"{rounds}   prompt version {'-' if snapshot.version is None else snapshot.version}")
    if snapshot.phase == "training" and snapshot.loss is not None:
        table.add_row("loss now", f"{snapshot.loss:.3f}")
    if snapshot.added_up:
        table.add_row("under masks", snapshot.added_up)
    # On all examples, a loss is higher than on two thirds of them.
    table.add_row("loss", _series(snapshot.losses[snapshot.held_rounds :] or snapshot.losses))
    table.add_row("accuracy", _series(snapshot.accuracies))
    table.add_row(
        "staleness", "-" if snapshot.staleness is None else f"{snapshot.staleness} versions behind (last update)"
    )
    if snapshot.epsilon is not None:
        table.add_row("privacy", in_words(snapshot.epsilon, snapshot.epsilon_limit))
    table.add_row("traffic", f"{readable(snapshot.bytes_up)} up, {readable(snapshot.bytes_down)} down")
    if snapshot.seconds_left is not None:
        table.add_row("time left", f"about {duration(snapshot.seconds_left)}")
    return panel(table, f"mfpt-edge {snapshot.language}", expand=False)


def _series(values: Sequence[float]) -> str:
    return f"{values[-1]:.3f}  {sparkline(values)}" if values else "-"


def sparkline(values: Sequence[float]) -> str:
    """Return the newest values as a row of bars, scaled from the lowest to the highest."""
    shown = values[-_SPARKLINE_CELLS:]
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in shown)


def duration(seconds: float) -> str:
    """Return a duration as people read it."""
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def joined(result: JoinResult | Enrolled | Left) -> RenderableType:
    """Return what came of joining."""
    if isinstance(result, JoinResult):
        return result_table(result)
    if isinstance(result, Left):
        return Text(left_in_words(result))
    command = f"mfpt-edge predict --lang {result.language} --federation {result.federation}"
    return Text(f"admitted to {result.federation} as a {result.role}, which does not train; use it: {command}")


def left_in_words(left: Left) -> str:
    """Return what came of leaving."""
    if not left.forgotten:
        count = left.updates_waiting
        kept = (
            f"; {count} {'update' if count == 1 else 'updates'} that it had made {'is' if count == 1 else 'are'} kept"
        )
        return f"device {left.device} has left{kept if count else ''}; the same `mfpt-edge join` goes on from here"
    asked = (
        "its coordinator was asked to forget it too"
        if left.coordinator_asked
        else "its coordinator was not there to be asked, and still knows its id and what it said of itself"
    )
    return (
        f"device {left.device} has left, and nothing of it is kept here; {asked}. What it has contributed to versions "
        "stays in them"
    )


def settings_table(settings: Settings) -> RenderableType:
    """Return when a device trains and how much it sends."""
    limit = settings.max_upload
    return facts_table(
        {
            "paused": "yes, until `mfpt-edge resume`" if settings.paused else "no",
            "hours": settings.hours or "always",
            "max_load": "none" if settings.max_load is None else f"{settings.max_load:g}",
            "on_battery": settings.on_battery,
            "max_upload": "none" if limit is None else f"{readable(limit)} a month",
        }
    )


def result_table(result: JoinResult) -> RenderableType:
    """Return a device's result of a federation."""
    table = Table(box=box.SIMPLE, show_header=False)
    tested = f"on {result.test_examples} test examples"
    table.add_row("language", named(result.language))
    table.add_row("accepted updates", str(result.rounds))
    table.add_row("training examples", str(result.examples))
    for line in _losses(result):
        table.add_row("training loss", line)
    table.add_row("accuracy before", f"{percent(result.accuracy_before)} {tested}")
    table.add_row("accuracy alone", percent(result.accuracy_alone))
    table.add_row("accuracy federated", Text(percent(result.accuracy_after), "bold"))
    table.add_row(
        "accuracy personal",
        Text.assemble((percent(result.accuracy_personal), "bold"), f" (own share {percent(result.own_share)})"),
    )
    if result.epsilon is not None:
        table.add_row("privacy", in_words(result.epsilon, result.epsilon_limit))
    table.add_row("traffic", f"{readable(result.bytes_up)} up, {readable(result.bytes_down)} down")
    table.add_row("peak memory", readable(result.peak_rss_bytes))
    table.add_row("time", duration(result.seconds))
    return table


def _losses(result: JoinResult) -> list[str]:
    """Return what is said of the training losses; only those on the same examples can be compared."""
    held, losses = result.held_rounds, result.losses
    if not 0 < held < len(losses):
        return [_course(losses)] if losses else []
    return [
        f"{_course(losses[:held])}, without the held-out examples",
        f"{_course(losses[held:], first=held + 1)}, with them",
    ]


def _course(losses: Sequence[float], first: int = 1) -> str:
    begins = f"{losses[0]:.3f} in round {first}"
    return begins if len(losses) == 1 else f"{begins}, {losses[-1]:.3f} in round {first + len(losses) - 1}"


def percent(share: float | None) -> str:
    """Return an accuracy for a table."""
    return "-" if share is None else f"{100 * share:.1f} %"


def summary_table(summary: "DatasetSummary") -> RenderableType:
    """Return the counts of a data set by split and label, what was skipped or read anew, and some examples."""
    table = Table("label", *summary.counts, box=box.SIMPLE)
    for label in next(iter(summary.counts.values())):
        table.add_row(_text(label), *(str(counts[label]) for counts in summary.counts.values()))
    table.add_row("all", *(str(sum(counts.values())) for counts in summary.counts.values()), style="bold")
    for name, of_split in (("sentences", summary.sentences), ("words of the longest", summary.longest)):
        if of_split:
            table.add_row(name, *map(str, of_split.values()))
    notes = [
        *(
            _text(f"skipped: {count} x {reason}, first: {summary.first_skipped[reason]}")
            for reason, count in summary.skipped.items()
        ),
        *(_text(f"read anew: {count} x {how}") for how, count in summary.repaired.items()),
        *(_text(f"note: {note}") for note in summary.notes),
        *(Text(printable(f"{one.level}: {one.text}"), _LEVEL_STYLES[one.level]) for one in summary.findings),
    ]
    samples = [Text.assemble((printable(label), "dim"), f"  {printable(text)}") for label, text in summary.samples]
    return Group(table, *notes, *samples)


def _text(text: str) -> Text:
    """Return a text of others as it is: nothing in it is markup, and nothing moves the terminal."""
    return Text(printable(text))


def facts_table(facts: Mapping[str, object]) -> RenderableType:
    """Return names and values in two columns."""
    table = Table(box=box.SIMPLE, show_header=False)
    for name, value in facts.items():
        text = "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
        table.add_row(name.replace("_", " "), _text(text))
    return table
