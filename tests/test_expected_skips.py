"""What the continuous integration does with tests that are skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.expected_skips import expected_reasons

ROOT = Path(__file__).parent.parent
SKIPPED_TEST = "import pytest\n\n@pytest.mark.skip(reason='no broker here')\ndef test_broker(): ...\n"
SKIPPED_MODULE = "import pytest\n\npytest.importorskip('no_such_module', reason='no broker here')\n"
EXPECTED_FAILURE = "import pytest\n\n@pytest.mark.xfail(reason='no broker here')\ndef test_broker(): assert False\n"


def run_pytest(folder: Path, module: str, *, ci: bool = False) -> "subprocess.CompletedProcess[str]":
    """Run pytest with the plugin alone, on one module."""
    (folder / "test_module.py").write_text(module, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if name != "CI"} | ({"CI": "true"} if ci else {})
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "support.expected_skips", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env=variables | {"PYTHONPATH": str(ROOT / "tests")},
    )


def write_reasons(folder: Path, *reasons: str) -> None:
    file = folder / ".ci" / "expected_skips.txt"
    file.parent.mkdir()
    file.write_text("\n".join(("# why", "", *reasons)), encoding="utf-8")


@pytest.mark.parametrize("module", [SKIPPED_TEST, SKIPPED_MODULE], ids=["test", "module"])
def test_an_unexpected_skip_fails_in_continuous_integration_and_is_named(module: str, tmp_path: Path) -> None:
    write_reasons(tmp_path, "another reason")

    result = run_pytest(tmp_path, module, ci=True)

    assert result.returncode != 0
    assert "unexpected skip: no broker here" in result.stdout
    assert "skipped" not in result.stdout.splitlines()[-1]


@pytest.mark.parametrize("module", [SKIPPED_TEST, EXPECTED_FAILURE], ids=["listed", "an expected failure"])
def test_an_expected_skip_passes_in_continuous_integration(module: str, tmp_path: Path) -> None:
    write_reasons(tmp_path, *(["no broker here"] if module == SKIPPED_TEST else []))

    result = run_pytest(tmp_path, module, ci=True)

    assert result.returncode == 0, result.stdout


def test_elsewhere_any_skip_passes(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, SKIPPED_TEST).returncode == 0


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    result = run_pytest(tmp_path, SKIPPED_TEST, ci=True)

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "expected_skips.txt" in result.stderr


def test_every_expected_reason_is_one_that_some_test_gives() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))

    assert [reason for reason in expected_reasons(ROOT / ".ci" / "expected_skips.txt") if reason not in tests] == []
