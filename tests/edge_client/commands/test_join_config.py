"""What people write on the command line, read into values."""

import pytest

from mfpt_edge.commands.join_config import (
    CONNECT_ATTEMPTS,
    Limits,
    Retries,
    parse_duration,
    parse_limits,
    parse_retries,
    parse_size,
)
from mfpt_shared.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1048576", 1_048_576),
        ("600MB", 600_000_000),
        ("1.5 GB", 1_500_000_000),
        ("2GiB", 2 * 2**30),
        (" 64 kib ", 65_536),
        ("0.5mb", 500_000),
        ("12B", 12),
    ],
)
def test_a_size_is_a_number_and_a_unit(text: str, size: int) -> None:
    assert parse_size(text, "--memory") == size


@pytest.mark.parametrize(
    "text", ["", "much", "-1MB", "1,5GB", "5 apples", "MB", "1e9", "\u0661MB", "1.GB", "nan", "2 K"]
)
def test_anything_else_is_a_usage_error_that_names_the_option(text: str) -> None:
    with pytest.raises(UsageError, match="--memory"):
        parse_size(text, "--memory")


@pytest.mark.parametrize(
    ("text", "retries"),
    [
        (None, Retries(CONNECT_ATTEMPTS, None)),
        ("forever", Retries(None, None)),
        ("0", Retries(0, 0)),
        ("12", Retries(12, 12)),
    ],
)
def test_retry_takes_a_number_or_forever(text: str | None, retries: Retries) -> None:
    assert parse_retries(text) == retries


@pytest.mark.parametrize("text", ["", "-1", "often", "1.5"])
def test_any_other_retry_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--retry"):
        parse_retries(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("1.5 min", 90.0), ("30MIN", 1800.0), ("2h", 7200.0)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text, "--max-round-time") == seconds


@pytest.mark.parametrize("text", ["", "0", "0h", "-1h", "2 days", "h", "1,5h", "nan", "\u0661h", "1e9"])
def test_any_other_duration_is_a_usage_error_that_names_the_option(text: str) -> None:
    with pytest.raises(UsageError, match="--max-round-time"):
        parse_duration(text, "--max-round-time")


def test_limits_are_read_in_bytes_and_seconds() -> None:
    read = parse_limits("cpu", 2, "1GB", "600MB", "2h", "2GiB")
    assert read == Limits("cpu", 2, 10**9, 600_000_000, 7200.0, 2 * 2**30)
    assert parse_limits("cpu", None, "0", None, "90s", "0").memory is None
