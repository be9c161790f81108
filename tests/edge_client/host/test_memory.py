"""What a device gives of its memory unless its owner says otherwise."""

from pathlib import Path

import pytest

from mfpt_edge.host.memory import spare_bytes
from support.systems import linux_only


@linux_only
@pytest.mark.parametrize(
    ("available_kb", "given"), [(16_000_000, 8_192_000_000), (1_000_000, 1_000_000_000), (0, 1_000_000_000)]
)
def test_half_of_what_is_free_is_given_and_enough_for_the_bundled_backbone(
    tmp_path: Path, available_kb: int, given: int
) -> None:
    file = tmp_path / "meminfo"
    file.write_text(f"MemTotal:       32000000 kB\nMemAvailable:   {available_kb} kB\n", encoding="ascii")
    assert spare_bytes(file) == given


def test_where_the_system_does_not_tell_a_share_of_all_memory_is_given(tmp_path: Path) -> None:
    assert spare_bytes(tmp_path / "none") >= 1_000_000_000
