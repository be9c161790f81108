"""Hours of the day, as people write them: `22-6`, `9:30-17`. Needs no torch."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mfpt_shared.errors import UsageError

_HOURS: Final = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*-\s*(\d{1,2})(?::(\d{2}))?", re.ASCII)
_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of every day; it may go on after midnight.

    Attributes:
        begin: First minute, counted from midnight.
        end: Minute after the last one.
    """

    begin: int
    end: int

    @classmethod
    def parse(cls, text: str) -> "Hours":
        """Return the hours in a text such as `22-6`.

        Raises:
            UsageError: The text is no such thing, or it is no time at all.
        """
        found = _HOURS.fullmatch(text.strip())
        begin, end = (_minutes(*found.groups()[:2]), _minutes(*found.groups()[2:])) if found else (_DAY, _DAY)
        is_moment = begin % _DAY == end % _DAY and (begin, end) != (0, _DAY)
        if max(begin, end) > _DAY or is_moment:
            raise UsageError(
                f"--hours {text!r}: give two different times of the day, such as 22-6 or 9:30-17, or always"
            )
        return cls(begin % _DAY, end)

    def contain(self, moment: datetime) -> bool:
        """Tell whether a moment, in local time, is within the hours."""
        minute = moment.hour * 60 + moment.minute
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end

    def __str__(self) -> str:
        """Return the hours as people read them."""
        return f"{_as_time(self.begin)} and {_as_time(self.end)}"


def _minutes(hour: str, minute: str | None) -> int:
    return _DAY + 1 if int(minute or 0) >= 60 else 60 * int(hour) + int(minute or 0)


def _as_time(minutes: int) -> str:
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}"
