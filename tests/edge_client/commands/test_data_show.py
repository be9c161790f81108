"""`mfpt-edge data show`, with and without a plan, a language and a label map."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from mfpt_edge.commands.app import app
from mfpt_shared.errors import DatasetError, UsageError
from support.systems import names_are_bytes


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    topics = ("Michezo", "siasa")
    path.write_text("text,label\n" + "".join(f"habari {n},{topics[n % 2]}\n" for n in range(30)), encoding="utf-8")
    return path


def shown(*arguments: object) -> Any:
    result = CliRunner().invoke(app, ["data", "show", *map(str, arguments), "--json"], catch_exceptions=False)
    return msgspec.json.decode(result.stdout)


def test_a_file_is_shown_without_a_plan_and_without_a_language(file: Path) -> None:
    facts = shown(file)

    assert facts["counts"]["train"].keys() == {"Michezo", "siasa"}
    assert sum(sum(split.values()) for split in facts["counts"].values()) == 30
    assert facts["notes"][0].startswith("the labels are those of the data")


def test_labels_found_in_a_file_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("text,label\n" + "".join(f"habari {n},{n % 11}\n" for n in range(44)), encoding="utf-8")

    assert list(shown(file)["counts"]["train"]) == [str(n) for n in range(11)]


def test_a_label_map_is_used(file: Path, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('Michezo = "sports"\nsiasa = "politics"\n', encoding="utf-8")

    facts = shown("--data", file, "--labels", "politics,sports", "--label-map", tmp_path / "map.toml")

    assert facts["skipped"] == {}
    assert set(facts["counts"]["train"]) == {"politics", "sports"}


@names_are_bytes
def test_a_file_whose_name_is_no_text_is_shown_and_its_rows_have_a_place(file: Path) -> None:
    odd = file.rename(file.with_name("donn\udce9es.csv"))  # a byte of Windows-1252, as Python holds it
    odd.write_text(odd.read_text(encoding="utf-8") + "habari,siasa,zaidi\n", encoding="utf-8")

    assert shown(odd)["first_skipped"].popitem()[1] == f"{file.with_name('donnes.csv')}, row 32"


def test_what_was_found_is_in_the_json(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("text,label\n" + "".join(f"habari {n},siasa\n" for n in range(30)), encoding="utf-8")

    facts = shown(file, "--labels", "siasa,michezo")

    (finding,) = facts["findings"]
    assert (finding["kind"], finding["level"]) == ("one label", "useless")
    assert finding["count"] == facts["counts"]["train"]["siasa"]


def test_a_column_of_texts_is_not_taken_for_labels(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    rows = "".join(f"habari {n},a sentence that is much too long for a label number {n}\n" for n in range(30))
    file.write_text(f"text,label\n{rows}", encoding="utf-8")

    with pytest.raises(DatasetError, match="no labels can be told from its 30 different ones; name them with --labels"):
        shown(file)


def test_a_file_without_a_label_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("text,label\n", encoding="utf-8")

    with pytest.raises(DatasetError, match="it has no row with a label"):
        shown(file)


def test_one_source_is_enough(file: Path) -> None:
    with pytest.raises(UsageError, match="give one of them"):
        shown(file, "--data", file)


def test_the_embedded_data_need_a_language() -> None:
    with pytest.raises(UsageError, match="--lang"):
        shown()


def test_sentences_of_words_are_known_by_the_name_of_their_file(tmp_path: Path) -> None:
    file = tmp_path / "own.conll"
    file.write_text("".join(f"Asha{n} B-PER\nalienda O\n\n" for n in range(20)), encoding="utf-8")

    facts = shown(file)

    assert set(facts["counts"]["train"]) == {"B-PER", "O"}
    assert sum(facts["sentences"].values()) == 20
