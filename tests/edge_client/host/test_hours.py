"""Hours of the day as people write them, which may go on after midnight."""

from datetime import datetime

import pytest

from mfpt_edge.host.hours import Hours
from mfpt_shared.errors import UsageError


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 29, hour, minute)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22-6", [at(22), at(23, 59), at(0), at(5, 59)], [at(6), at(12), at(21, 59)]),
        ("9:30-17", [at(9, 30), at(16, 59)], [at(9, 29), at(17), at(0)]),
        (" 0 - 24 ", [at(0), at(23, 59)], []),
        ("24-6", [at(0), at(5)], [at(6), at(23)]),
    ],
)
def test_a_moment_is_within_the_hours_from_the_first_minute_to_the_last(
    text: str, inside: list[datetime], outside: list[datetime]
) -> None:
    hours = Hours.parse(text)
    assert [moment for moment in inside if not hours.contain(moment)] == []
    assert [moment for moment in outside if hours.contain(moment)] == []


@pytest.mark.parametrize("text", ["", "22", "6-6", "25-3", "9:60-10", "9-10-11", "night", "24:01-3", "-1-5", "٢-٥"])
def test_what_is_no_hours_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="22-6"):
        Hours.parse(text)
