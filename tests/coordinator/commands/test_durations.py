"""Durations on the command line."""

import pytest

from mfpt_coord.commands.durations import seconds_of
from mfpt_shared.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30.0), ("90m", 5400.0), ("12h", 43_200.0), ("7d", 604_800.0), ("never", None)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "7 d", "7D", "1w", "1.5h", "forever", "99999999d", "٧d"])
def test_anything_else_is_a_usage_error_that_says_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match="such as 7d"):
        seconds_of(text)


def test_the_word_for_no_end_is_the_options_own() -> None:
    assert seconds_of("forever", endless="forever") is None
    with pytest.raises(UsageError, match="or forever"):
        seconds_of("never", endless="forever")
