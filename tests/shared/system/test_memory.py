"""Memory of this process, and of the machine."""

import subprocess
import sys
from pathlib import Path

from mfpt_shared.system.memory import free_bytes, peak_rss_bytes, resident_bytes, total_bytes
from support.systems import linux_only


def test_what_a_process_has_held_is_its_own_whoever_started_it() -> None:
    ours = bytearray(300_000_000)
    command = "from mfpt_shared.system.memory import peak_rss_bytes; print(peak_rss_bytes())"
    theirs = int(subprocess.run([sys.executable, "-c", command], capture_output=True, check=True).stdout)
    assert theirs < len(ours) < peak_rss_bytes()


@linux_only
def test_where_no_file_tells_the_peak_the_system_is_asked(tmp_path: Path) -> None:
    assert peak_rss_bytes(tmp_path / "none") > 10_000_000


def test_what_a_process_holds_now_is_told_by_a_file_or_by_the_system(tmp_path: Path) -> None:
    ours = bytearray(50_000_000)
    for held in (resident_bytes(), resident_bytes(tmp_path / "none")):
        assert len(ours) < held <= peak_rss_bytes()


@linux_only
def test_free_memory_is_what_a_file_says_or_the_system(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemAvailable:   700000 kB\n", encoding="ascii")
    assert free_bytes(file) == 716_800_000
    assert free_bytes(tmp_path / "none") > 10_000_000


@linux_only
def test_all_memory_is_what_a_file_says_with_what_may_be_swapped_or_the_system(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:   700000 kB\nMemFree: 1 kB\nSwapTotal:   100000 kB\n", encoding="ascii")
    assert total_bytes(file) == 819_200_000
    assert total_bytes(tmp_path / "none") > 10_000_000
