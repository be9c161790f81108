"""Two columns whose names are those of somebody's own language."""

from pathlib import Path

import pytest

from mfpt_edge.data.columns import Columns
from mfpt_edge.data.sources import load_split
from mfpt_shared.errors import DatasetError
from support.tables import write

LABELS = ("santé", "sport")


def rows(separator: str = ";", swapped: bool = False, number: int = 12) -> str:
    pairs = [(f"La phrase numéro {row} est assez longue", LABELS[row % 2]) for row in range(number)]
    return "".join(separator.join(reversed(pair) if swapped else pair) + "\n" for pair in pairs)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_column_whose_values_come_back_is_the_label(tmp_path: Path, swapped: bool) -> None:
    header = "Étiquette;Texte\n" if swapped else "Texte;Étiquette\n"
    split = load_split(write(tmp_path / "a.csv", header + rows(swapped=swapped)), LABELS)
    assert len(split.examples) == 12
    assert split.examples[1].text == "La phrase numéro 1 est assez longue"
    assert any("'Texte' read as the text, 'Étiquette' as the label" in note for note in split.notes)


@pytest.mark.parametrize(
    "content",
    [
        "Texte;Étiquette\n" + rows(number=4),
        "Texte;Étiquette;Date\n" + rows().replace("\n", ";2024\n"),
        "Un;Deux\n" + "".join(f"phrase {row};autre {row}\n" for row in range(12)),
        "Un;Deux\n" + "".join(f"{row % 2};{row % 3}\n" for row in range(12)),
    ],
    ids=["few rows", "three columns", "no labels", "no texts"],
)
def test_what_cannot_be_told_is_asked_for(tmp_path: Path, content: str) -> None:
    with pytest.raises(DatasetError, match="--text-column"):
        load_split(write(tmp_path / "a.csv", content), LABELS)


def test_a_first_line_that_is_a_row_is_no_header(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        load_split(write(tmp_path / "a.csv", "La phrase;sport\n" + rows()), LABELS)


def test_a_column_that_is_named_is_believed_and_nothing_is_guessed(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "Texte;Étiquette\n" + rows())
    with pytest.raises(DatasetError, match="--label-column"):
        load_split(file, LABELS, Columns(text="Texte"))
    assert len(load_split(file, LABELS, Columns("Texte", "Étiquette")).examples) == 12
