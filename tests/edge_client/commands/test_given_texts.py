"""The texts that a command is given."""

from pathlib import Path

from mfpt_edge.commands.given_texts import given_texts


def test_a_byte_order_mark_is_no_part_of_the_first_text(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("Habari ya asubuhi\n\nAsante\n", encoding="utf-8-sig")
    assert given_texts([], file) == ["Habari ya asubuhi", "Asante"]
