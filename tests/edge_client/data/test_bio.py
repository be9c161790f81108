"""Labels of entities, however they are written: IOB1, BIOES, and slips."""

from pathlib import Path

import pytest

from mfpt_edge.data.bio import ENDS, IOB1, STRAY
from mfpt_edge.data.sources import load_split
from mfpt_shared.errors import DatasetError
from support.tables import write

LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def read_anew(folder: Path, *sentences: str, labels: tuple[str, ...] = LABELS) -> tuple[list[str], dict[str, int]]:
    lines = ["\n".join(f"w{number}\t{tag}" for number, tag in enumerate(one.split())) for one in sentences]
    split = load_split(write(folder / "a.conll", "\n\n".join(lines)), labels, kind="tagging")
    return [" ".join(labels[tag] for tag in one.tags) for one in split.examples], dict(split.repaired)


def test_sound_labels_stay_as_they_are(tmp_path: Path) -> None:
    sound = ["B-PER I-PER I-PER O B-LOC", "B-PER B-PER I-PER B-LOC", "O O"]
    assert read_anew(tmp_path, *sound) == (sound, {})


def test_in_iob1_every_entity_gets_its_beginning(tmp_path: Path) -> None:
    found = read_anew(tmp_path, "I-PER I-PER O I-LOC", "I-PER B-PER I-PER I-LOC")
    assert found == (["B-PER I-PER O B-LOC", "B-PER B-PER I-PER B-LOC"], {IOB1: 4})


def test_a_slip_in_sound_labels_is_mended_and_counted(tmp_path: Path) -> None:
    found = read_anew(tmp_path, "O B-PER I-PER", "O I-PER I-PER", "B-LOC I-PER")
    assert found == (["O B-PER I-PER", "O B-PER I-PER", "B-LOC B-PER"], {STRAY: 2})


@pytest.mark.parametrize("given", ["S-PER O B-LOC I-LOC E-LOC", "U-PER O B-LOC I-LOC L-LOC"])
def test_labels_that_end_entities_become_those_of_bio(tmp_path: Path, given: str) -> None:
    assert read_anew(tmp_path, given) == (["B-PER O B-LOC I-LOC I-LOC"], {ENDS: 2})


def test_an_entity_of_another_kind_makes_its_sentence_unusable(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="1 x label not in the plan"):
        read_anew(tmp_path, "B-PER B-ORG")


def test_labels_without_beginnings_are_left_alone(tmp_path: Path) -> None:
    assert read_anew(tmp_path, "I-X O I-X", labels=("O", "I-X")) == (["I-X O I-X"], {})
