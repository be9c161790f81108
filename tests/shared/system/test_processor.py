"""A device uses the cores that it is given, and no more; and it knows what they can do."""

import os
from pathlib import Path

import pytest

from mfpt_shared.system.processor import features, lacks_avx2, usable_cores
from support.systems import IS_LINUX, linux_only

ALLOWED = len(os.sched_getaffinity(0)) if IS_LINUX else os.cpu_count() or 1


def test_without_a_limit_all_allowed_cores_are_used(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == ALLOWED
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert usable_cores(tmp_path) == ALLOWED


@linux_only
@pytest.mark.parametrize(("limit", "cores"), [("50000 100000", 1), ("100000 100000", 1), ("10000000 100000", ALLOWED)])
def test_a_control_groups_limit_counts(limit: str, cores: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    assert usable_cores(tmp_path) == cores


@linux_only
@pytest.mark.parametrize(("quota", "cores"), [("20000", 1), ("-1", ALLOWED)])
def test_so_does_that_of_the_older_kind(quota: str, cores: int, tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize("content", ["", "nonsense", "1 2 3", "5 0"])
def test_what_cannot_be_understood_is_no_limit(content: str, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert usable_cores(tmp_path) == ALLOWED


@linux_only
@pytest.mark.parametrize(
    ("machine", "flags", "lacks"),
    [("x86_64", "fpu sse4_2 avx", True), ("x86_64", "fpu avx avx2", False), ("aarch64", "fp asimd", False)],
)
def test_an_old_processor_is_known_by_its_flags(tmp_path: Path, machine: str, flags: str, lacks: bool) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: {flags}\n", encoding="utf-8")
    assert lacks_avx2(file, machine) is lacks
    assert not lacks_avx2(tmp_path / "none", machine)


def test_what_the_processor_can_do_is_known_here_as_linux_names_it() -> None:
    known = features()
    assert known is None or known & {"sse4_2", "asimd", "neon"}
