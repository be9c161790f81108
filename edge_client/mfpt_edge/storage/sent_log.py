"""Every message that has left this device, as it left, in one file of its state folder: bounded, and the owner's alone.

A line of JSON for each message, and before them one that counts those that are not kept any more. A line that was cut
short, by a full disk or a power cut, costs that message and no other. The file need not survive anything, so no disk is
waited for. What the messages say is in `mfpt_shared.protocol.describing`.
"""

import logging
import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.storage.sent_report import MOST_SHOWN, MOST_STATES_SHOWN, SentMessage, SentReport, SentTotal
from mfpt_shared.atomic import write_durably
from mfpt_shared.environment import sentence
from mfpt_shared.errors import DecodeError
from mfpt_shared.folders import FILE_MODE
from mfpt_shared.protocol.describing import Described, describe, undescribed, without_secrets
from mfpt_shared.transport.base import packet_size

MOST_BYTES: Final = 4_000_000
"""Size of the file at which it is cut to half of that."""
MOST_STATES: Final = 200
"""States that are kept when it is cut: a device publishes one every two seconds while it trains."""
LONGEST_KEPT: Final = 1_000_000
"""Of a payload that is longer, bytes, the size alone is kept."""
LAST_WILL: Final = "last-will"
"""Kind of the state that the broker holds with every connection, to publish it when the device is gone."""
_STATE: Final = "state"
_FILE: Final = "sent.jsonl"

_log = logging.getLogger(__name__)


class _Counted(msgspec.Struct, frozen=True, tag="counted"):
    """What the messages were that are not kept any more: number of the last, when the first left, and how many."""

    last: int
    since: float
    totals: dict[str, SentTotal]


class _Left(msgspec.Struct, frozen=True, tag="message"):
    """A message that has left: with its full topic, what it took on the wire, and the length of its payload, bytes."""

    number: int
    at: float
    path: str
    kind: str
    size: int
    length: int
    payload: bytes

    @property
    def counted(self) -> _Counted:
        return _Counted(self.number, self.at, {self.kind: SentTotal(1, self.size)})


_Line = _Left | _Counted
_DECODER: Final[msgspec.json.Decoder[_Line]] = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class _Tally:
    """What some lines are about, all together.

    Attributes:
        last: Number of the newest message.
        since: When the first one left; None before there is one.
        messages: Kind -> number of messages.
        sizes: Kind -> bytes that they took.
    """

    last: int = 0
    since: float | None = None
    messages: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)

    def add(self, line: _Line) -> None:
        counted = line.counted if isinstance(line, _Left) else line
        self.last = max(self.last, counted.last)
        self.since = counted.since if self.since is None else min(self.since, counted.since)
        for kind, total in counted.totals.items():
            self.messages[kind] += total.messages
            self.sizes[kind] += total.bytes

    @property
    def totals(self) -> dict[str, SentTotal]:
        return {kind: SentTotal(self.messages[kind], self.sizes[kind]) for kind in sorted(self.messages)}


class SentLog:
    """The log of a device, for the process that owns its state folder."""

    def __init__(self, folder: Path, wall: Callable[[], float]) -> None:
        """Go on with what is there.

        Args:
            folder: State folder of the device.
            wall: Unix seconds, by the clock that people see.
        """
        self._file = folder / _FILE
        self._wall = wall
        self._last = _tally(_lines(self._file)).last
        self._complains = True

    def note(self, path: str, payload: bytes, kind: str = "") -> None:
        """Keep a message that leaves; where that fails, the message leaves all the same.

        Args:
            path: Topic on which it is published.
            payload: The payload.
            kind: Kind of message; empty: what it says of itself.
        """
        self._last += 1
        kept = without_secrets(payload)
        kind = kind or _described(path, kept).kind
        shortened = kept if len(kept) <= LONGEST_KEPT else b""
        line = _Left(self._last, self._wall(), path, kind, packet_size(path, payload), len(payload), shortened)
        try:
            if _append(self._file, msgspec.json.encode(line)) > MOST_BYTES:
                _cut(self._file)
        except OSError as error:
            if self._complains:
                _log.warning("what leaves this device is not written down from now on: %s", sentence(error))
            self._complains = False


def read_sent(folder: Path, after: int = 0, most: int = MOST_SHOWN) -> SentReport:
    """Return what has left a device; another process may own its folder, and go on writing.

    Args:
        folder: State folder of the device.
        after: Number of a message; only later ones are listed.
        most: Largest number of messages to list, the newest ones, without states.
    """
    tally, listed, states = _Tally(), deque[_Left](maxlen=most), deque[_Left](maxlen=MOST_STATES_SHOWN)
    for line in _lines(folder / _FILE):
        tally.add(line)
        if isinstance(line, _Left) and line.number > after:
            (states if line.kind == _STATE else listed).append(line)
    newest = sorted((*listed, *states), key=lambda line: line.number)
    return SentReport(messages=tuple(map(_shown, newest)), last=tally.last, since=tally.since, totals=tally.totals)


def read_message(folder: Path, number: int) -> SentMessage | None:
    """Return a message that has left the device of a state folder, by its number; None where it is not kept."""
    lines = _lines(folder / _FILE)
    return next((_shown(line) for line in lines if isinstance(line, _Left) and line.number == number), None)


def _tally(lines: Iterable[_Line]) -> _Tally:
    tally = _Tally()
    for line in lines:
        tally.add(line)
    return tally


def _shown(line: _Left) -> SentMessage:
    described = _described(line.path, line.payload)
    return SentMessage(
        number=line.number,
        at=line.at,
        kind=line.kind,
        topic=_below_the_federation(line.path),
        bytes=line.size,
        payload_bytes=line.length,
        parts=described.parts,
    )


def _below_the_federation(path: str) -> str:
    return "/".join(path.split("/")[3:])


def _described(path: str, payload: bytes) -> Described:
    try:
        return describe(path, payload)
    except DecodeError:
        return undescribed(path, payload)


def _lines(file: Path) -> Iterator[_Line]:
    """Yield the lines that can be read; none where there is no file, or one that cannot be read."""
    try:
        with file.open("rb") as stream:
            yield from filter(None, map(_read, stream))
    except OSError:
        return


def _read(line: bytes) -> _Line | None:
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _append(file: Path, line: bytes) -> int:
    """Write a line at the end, after the end of the one before it; return the size of the file.

    Raises:
        OSError: It cannot be written.
    """
    with os.fdopen(os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, FILE_MODE), "r+b", buffering=0) as stream:
        end = stream.seek(0, os.SEEK_END)
        if end:
            stream.seek(end - 1)
            line = line if stream.read(1) == b"\n" else b"\n" + line
        stream.write(line + b"\n")
        return end + len(line) + 1


def _cut(file: Path) -> None:
    """Write the file anew with the newest messages, in half of the room that it may take.

    Raises:
        OSError: It cannot be written.
    """
    lines = list(_lines(file))
    kept = _newest([line for line in lines if isinstance(line, _Left)])
    numbers = {line.number for line in kept}
    gone = _tally(line for line in lines if isinstance(line, _Counted) or line.number not in numbers)
    head = [] if gone.since is None else [_Counted(gone.last, gone.since, gone.totals)]
    write_durably(file, b"".join(msgspec.json.encode(line) + b"\n" for line in (*head, *kept)))


def _newest(lines: Sequence[_Left]) -> list[_Left]:
    room, left = MOST_BYTES // 2, defaultdict[str, int](lambda: len(lines), {_STATE: MOST_STATES})
    kept = []
    for line in reversed(lines):
        if left[line.kind] <= 0:
            continue
        room -= len(msgspec.json.encode(line))
        if room < 0:
            break
        left[line.kind] -= 1
        kept.append(line)
    return kept[::-1]
