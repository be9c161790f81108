"""A pytest plugin: with CI=true, a test that is skipped for a reason that nobody expects fails.

Otherwise nobody would notice that tests have not run for months because something could not be installed.
"""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

_FILE: Final = Path(".ci") / "expected_skips.txt"
_REASONS: Final = pytest.StashKey[frozenset[str]]()


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI") == "true":
        config.stash[_REASONS] = expected_reasons(config.rootpath / _FILE)


def expected_reasons(file: Path) -> frozenset[str]:
    """Return the lines of a file that are neither empty nor comments."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise pytest.UsageError(f"with CI=true there must be a list of the skips that are expected: {error}") from error
    return frozenset(line for line in lines if line and not line.startswith("#"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):  # pytest counts an expected failure as skipped, too
        _fail_an_unexpected_skip(report, item.config)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_an_unexpected_skip(report, collector.config)
    return report


def _fail_an_unexpected_skip(report: pytest.TestReport | pytest.CollectReport, config: pytest.Config) -> None:
    expected = config.stash.get(_REASONS, None)
    if expected is None or not report.skipped or not isinstance(report.longrepr, tuple):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if reason not in expected:
        report.outcome = "failed"
        report.longrepr = f"unexpected skip: {reason}"
