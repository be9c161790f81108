"""The tables of `mfpt-coord status`, for people."""

from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mfpt_coord.commands.sight import Health, Sight
from mfpt_shared.protocol.messages import Alarm, FederationStatus
from mfpt_shared.terminal import panel
from mfpt_shared.texts import printable

_PHASE_STYLES: Final = {
    "training": "green",
    "uploading": "cyan",
    "evaluating": "cyan",
    "offline": "dim",
    "done": "dim",
    "unknown": "dim",
}
_MARKS: Final[dict[Health, tuple[str, str]]] = {
    "online": ("●", "green"),
    "silent": ("◌", "red"),
    "offline": ("○", "red"),
}


def render(sight: Sight, now: float) -> RenderableType:
    """Return a federation's status as rich tables; `now` is in Unix seconds."""
    status = sight.status
    counts = status.updates
    mark, colour = _MARKS[sight.health]
    head = Text.assemble(
        (f"{mark} {sight.in_words()}", colour),
        f"   version {status.version}   buffer {status.buffer}/{status.buffer_size}   plan {printable(status.plan)}\n",
        f"updates: {counts.accepted} accepted, {counts.rejected} rejected, "
        f"{counts.duplicate} duplicate, {counts.stale} stale",
    )
    parts: list[RenderableType] = [head, _languages(status), _clients(sight, now)]
    if status.more_languages or status.more_clients:
        online = f" ({status.more_online:,} of them online)" if sight.health == "online" else ""
        parts.append(
            Text(f"not listed: {status.more_languages:,} languages, {status.more_clients:,} devices{online}", "dim")
        )
    if status.alarms:
        parts.append(Text("\n".join(f"! {alarm_in_words(one)}" for one in status.alarms), "red"))
    if status.refused:
        parts.append(_refused(status.refused))
    if status.failed_logins:
        parts.append(Text(f"failed logins since the coordinator started: {status.failed_logins:,}", "yellow"))
    if status.staleness:
        parts.append(_staleness(status.staleness))
    return panel(Group(*parts), f"federation {status.federation}")


def _languages(status: FederationStatus) -> Table:
    table = Table(
        "language", "devices", "examples", "contributed", "own share", "accuracy", box=box.SIMPLE, expand=True
    )
    for tag, entry in status.languages.items():
        table.add_row(
            printable(tag),
            str(entry.clients),
            f"{entry.examples:,}",
            f"{entry.contributed:,}",
            "" if entry.own_share is None else f"{entry.own_share:.0%}",
            accuracy_bar(entry.accuracy),
        )
    return table


def _clients(sight: Sight, now: float) -> Table:
    spent = any(client.epsilon is not None for client in sight.status.clients)
    columns = ("device", "language", "phase", "last seen", "accuracy", *(["epsilon"] if spent else []), "runs on")
    table = Table(*columns, box=box.SIMPLE, expand=True)
    for client in sight.status.clients:
        phase = sight.phase_of(client.state, client.phase)
        progress = f" {client.progress:.0%}" if 0 < client.progress < 1 and phase != "unknown" else ""
        accuracy = "" if client.accuracy is None else f"{client.accuracy:.3f}"
        epsilon = "" if client.epsilon is None else f"{client.epsilon:.2f}"
        style = _PHASE_STYLES.get(phase, "")
        table.add_row(
            printable(client.id),
            printable(client.language),
            Text(printable(_in_words(client.state, phase)) + progress, style),
            ago(now - client.last_seen),
            accuracy,
            *([epsilon] if spent else []),
            printable(client.device),
        )
    return table


def _in_words(state: str, phase: str) -> str:
    """Return a phase for people: one who is done with training, and there, waits for what the others still make."""
    return "done, listening for the last prompt" if (state, phase) == ("online", "done") else phase


def alarm_in_words(alarm: Alarm) -> str:
    """Return an alarm as a line for people: what is wrong, and what to do."""
    subject = printable(alarm.subject)
    match alarm.kind:
        case "worse":
            fallen = f"its accuracy is {alarm.value:.0%}, and was {alarm.limit:.0%} at its best"
            return f"{subject} is getting worse: {fallen}; mfpt-coord history --lang {subject}"
        case "failing":
            vain = f"it was assigned {alarm.value:.0f} versions, and sent no update that counts"
            return f"device {subject} only fails: {vain}; look into its log"
        case "logins":
            return f"the broker refused {alarm.value:,.0f} logins in the last hour; look into the log"
        case "budget":
            return f"device {subject} has spent {alarm.value:.2f} of its privacy budget of {alarm.limit:.2f}"


def _refused(counts: dict[str, int]) -> Text:
    listed = ", ".join(f"{count:,} {printable(reason)}" for reason, count in sorted(counts.items()))
    return Text(f"messages refused since the coordinator started: {listed}", "yellow")


def _staleness(histogram: dict[int, int]) -> Text:
    most = max(histogram.values())
    lines = [
        f"{staleness:>4}  {'█' * max(1, round(30 * count / most))} {count}" for staleness, count in histogram.items()
    ]
    return Text("staleness of accepted updates (versions behind)\n" + "\n".join(lines))


def accuracy_bar(accuracy: float | None) -> str:
    """Return an accuracy as a number and a bar of ten characters."""
    if accuracy is None:
        return "not measured yet"
    full = round(10 * accuracy)
    return f"{accuracy:.3f} {'█' * full}{'░' * (10 - full)}"


def ago(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that fits."""
    for limit, unit in ((60, "s"), (3600, "min"), (86_400, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds * {'s': 1, 'min': 1 / 60, 'h': 1 / 3600}[unit]))} {unit} ago"
    return f"{int(seconds / 86_400)} d ago"
