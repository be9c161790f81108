"""What the owner has set stays set, and what the command line says goes before it, until he sets it anew."""

from pathlib import Path

import pytest

from mfpt_edge.storage.settings import SETTINGS_FILE, Said, Settings, read_settings, write_settings
from mfpt_shared.errors import Damaged

SET = Settings(paused=True, hours="22-6", max_load=0.5, on_battery="pause", max_upload=50_000_000)


def test_settings_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == Settings()
    write_settings(tmp_path, SET)
    assert read_settings(tmp_path) == SET


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"hours":7}', b'{"on_battery":"explode"}', b'{"max_upload":-1}', b"\xff"]
)
def test_damaged_settings_are_not_taken_for_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(content)
    with pytest.raises(Damaged, match="remove it"):
        read_settings(tmp_path)


def test_the_command_line_goes_before_what_was_set_even_where_it_takes_a_limit_away() -> None:
    said = Said(hours="", max_upload=None)
    assert said.over(SET) == Settings(paused=True, max_load=0.5, on_battery="pause")


def test_what_the_owner_changes_is_no_longer_said_by_the_command_line() -> None:
    said, before = Said(hours="1-2", max_load=3.0), Settings(hours="1-2", max_load=3.0)
    assert said.without(before, Settings(hours="5-6", max_load=3.0)) == Said(max_load=3.0)
