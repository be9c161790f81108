"""Machines that are made small or old, at the size of a toy."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mfpt_shared.plan_files import plan_to_toml
from support.backbones import tiny_spec
from support.scripts import run_script, toy_study_plan


@pytest.fixture
def plan(tmp_path: Path, tiny_folder: Callable[[str], Path]) -> Path:
    """A plan for names, with a tiny backbone."""
    file = tmp_path / "plan.toml"
    file.write_text(plan_to_toml(toy_study_plan(tiny_spec(tiny_folder("Bert")), "cldr")), encoding="utf-8")
    return file


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="no emulator of processors is here")
def test_a_processor_that_is_too_old_is_told_so_where_a_core_is_enough(plan: Path, tmp_path: Path) -> None:
    machines = "cores:1,processor:Penryn"
    done = run_script(
        "old_machines", "--plan", plan, "--machines", machines, "--as-installed", "--json", cache=tmp_path, cwd=tmp_path
    )

    assert done.code == 0, done.err
    found = {(one["machine"], one["command"].split()[1]): one for one in done.answer["outcomes"]}
    assert found["cores:1", "join"]["code"] == 0, found["cores:1", "join"]["said"]
    assert found["cores:1", "join"]["peak_bytes"] > 0
    for command in ("join", "predict"):
        assert found["processor:Penryn", command]["code"] == 6
        assert "no SSE4.2" in found["processor:Penryn", command]["said"]


def test_a_machine_that_nobody_knows_is_named(tmp_path: Path) -> None:
    done = run_script("old_machines", "--machines", "memory:little", cache=tmp_path, cwd=tmp_path)

    assert done.code == 2
    assert "'memory:little': give memory:1GB" in done.err
