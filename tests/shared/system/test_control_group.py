"""What control groups leave a process of its memory."""

from pathlib import Path

import pytest

from mfpt_shared.system.control_group import Grant, memory_grant


def mine(folder: Path, line: str) -> Path:
    file = folder / "cgroup"
    file.write_text(f"3:cpuset:/elsewhere\n{line}\n", encoding="ascii")
    return file


def second(group: Path, limit: str, used: int, kept: int) -> None:
    """Make a folder as version 2 has it."""
    group.mkdir(parents=True, exist_ok=True)
    (group / "memory.max").write_text(f"{limit}\n", encoding="ascii")
    (group / "memory.current").write_text(f"{used}\n", encoding="ascii")
    (group / "memory.stat").write_text(f"anon 1\ninactive_file {kept}\n", encoding="ascii")


def test_a_group_leaves_what_is_not_used_and_what_is_kept_of_files(tmp_path: Path) -> None:
    second(tmp_path / "fs" / "service", "1000", 700, 200)
    assert memory_grant(mine(tmp_path, "0::/service"), tmp_path / "fs") == Grant(1000, 500)


def test_the_tightest_of_the_groups_counts(tmp_path: Path) -> None:
    second(tmp_path / "fs" / "outer" / "inner", "1000", 100, 0)
    second(tmp_path / "fs" / "outer", "800", 700, 0)
    assert memory_grant(mine(tmp_path, "0::/outer/inner"), tmp_path / "fs") == Grant(800, 100)


def test_the_first_version_of_groups_is_read_too(tmp_path: Path) -> None:
    group = tmp_path / "fs" / "memory" / "box"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text("500\n", encoding="ascii")
    (group / "memory.usage_in_bytes").write_text("400\n", encoding="ascii")
    (group / "memory.stat").write_text("inactive_file 0\ntotal_inactive_file 50\n", encoding="ascii")
    assert memory_grant(mine(tmp_path, "4:memory:/box"), tmp_path / "fs") == Grant(500, 150)


@pytest.mark.parametrize("line", ["0::/service", "0::/another", "2:cpu:/service"])
def test_a_group_without_a_limit_or_out_of_sight_grants_nothing_in_particular(tmp_path: Path, line: str) -> None:
    second(tmp_path / "fs" / "service", "max", 700, 200)
    assert memory_grant(mine(tmp_path, line), tmp_path / "fs") is None


def test_where_there_are_no_groups_there_is_no_grant(tmp_path: Path) -> None:
    assert memory_grant(tmp_path / "none", tmp_path) is None
