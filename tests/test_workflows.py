"""The files that only a hosting service reads: workflows, templates, citation. What of them can run here, runs here."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import mfpt_shared

ROOT: Final = Path(__file__).parent.parent
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEST: Final = ROOT / ".github" / "workflows" / "test.yml"
FORMS: Final = [
    *WORKFLOWS,
    *sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")),
    ROOT / ".pre-commit-config.yaml",
    ROOT / "CITATION.cff",
]


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def project() -> dict[str, Any]:
    """Return what pyproject.toml says about the package."""
    found: dict[str, Any] = pyproject()["project"]
    return found


def parsed(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def commands(file: Path) -> Iterator[list[str]]:
    """Yield the words of every command that a workflow runs."""
    for job in parsed(file)["jobs"].values():
        for step in job["steps"]:
            for line in step.get("run", "").splitlines():
                yield shlex.split(line)


def scripts(file: Path) -> list[list[str]]:
    return [command for command in commands(file) if command[0].startswith("./")]


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.name)
def test_a_form_is_a_yaml_mapping(file: Path) -> None:
    assert isinstance(parsed(file), dict)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_says_in_its_first_line_that_it_is_untested(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("# untested: ")


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_calls_scripts_that_exist_and_can_be_started(file: Path) -> None:
    called = scripts(file)

    assert called, "it runs the project's own scripts"
    for script, *_ in called:
        assert (ROOT / script).stat().st_mode & 0o111, script
        subprocess.run(["bash", "-n", str(ROOT / script)], check=True, timeout=10)


def test_the_test_workflow_covers_every_python_that_the_package_names() -> None:
    named = {
        found[1]
        for line in project()["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
    }

    assert set(parsed(TEST)["jobs"]["test"]["strategy"]["matrix"]["python"]) == named


def test_a_tag_that_does_not_name_the_version_is_not_built() -> None:
    command = [str(ROOT / "scripts" / "build"), "v0.0.0"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)

    assert result.returncode == 2
    assert f"the tag v0.0.0 does not name version {mfpt_shared.__version__}" in result.stderr


def test_the_version_of_the_package_is_the_one_in_the_source() -> None:
    assert version("mfpt") == mfpt_shared.__version__


def test_the_files_that_a_source_distribution_lists_exist() -> None:
    included = pyproject()["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]

    assert [name for name in included if not (ROOT / name).exists()] == []
