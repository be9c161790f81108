"""What systems do differently, and what needs no torch: the unit tests of it, on Windows under Wine."""

from pathlib import Path

import pytest

from support.windows import Windows, windows_path

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TESTS = ("tests/shared/system", "tests/shared/test_atomic.py", "tests/edge_client/host", "tests/edge_client/storage")


def test_the_unit_tests_of_what_needs_no_torch_pass(windows: Windows) -> None:
    options = (
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow and not network",
        "-c",
        windows_path(ROOT / "pyproject.toml"),
    )
    ended = windows.run("pytest", *options, *(windows_path(ROOT / path) for path in TESTS))

    assert ended.code == 0, ended.out
    assert "passed" in ended.out
