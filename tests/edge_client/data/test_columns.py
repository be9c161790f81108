"""Which columns of a table are read: names compared as labels are, and nothing taken that could be another."""

import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from mfpt_edge.data.columns import Columns
from mfpt_edge.data.sources import load_split
from mfpt_shared.errors import DatasetError
from support.tables import LABELS, read, write

Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")
EXPECTED = [("Habari", "health"), ("Mpira", "sport")]


def table(folder: Path, text: str, label: str, *more: str) -> Path:
    header = ",".join((text, label, *more))
    return write(folder / "a.csv", f"{header}\nHabari,health{',x' * len(more)}\nMpira,sport{',x' * len(more)}\n")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wanted", FORMS)
def test_a_column_is_found_in_either_unicode_form(tmp_path: Path, form: Form, wanted: Form) -> None:
    file = table(tmp_path, "texte", unicodedata.normalize(form, "catégorie"))

    assert read(file, Columns("texte", unicodedata.normalize(wanted, "catégorie"))) == EXPECTED


@pytest.mark.parametrize(("text", "label"), [("TEXT", "Label"), ("te\u200bxt", "\u200blabel"), (" text ", "label ")])
def test_usual_columns_are_found_whatever_their_case_and_what_nobody_sees(
    tmp_path: Path, text: str, label: str
) -> None:
    assert read(table(tmp_path, text, label)) == EXPECTED


def test_a_named_column_is_found_in_another_case_only_where_none_is_exactly_it(tmp_path: Path) -> None:
    assert read(table(tmp_path, "Maneno", "AINA"), Columns("maneno", "aina")) == EXPECTED
    assert read(table(tmp_path, "maneno", "aina", "Maneno"), Columns("maneno", "aina")) == EXPECTED


@pytest.mark.parametrize(
    ("more", "columns", "message"),
    [
        ("label", Columns(), "2 columns are called 'label': rename all but one"),
        ("label", Columns(label="label"), "2 columns are called 'label'"),
        ("text", Columns(), "2 columns are called 'text'"),
    ],
)
def test_two_columns_of_one_name_are_refused_where_they_are_needed(
    tmp_path: Path, more: str, columns: Columns, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        load_split(table(tmp_path, "text", "label", more), LABELS, columns)


def test_a_column_that_would_be_both_text_and_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"'label' cannot be both text and label: .*--text-column and --label-column"
    ):
        load_split(table(tmp_path, "text", "label"), LABELS, Columns(text="label"))


def test_a_lone_column_is_refused_without_naming_an_option(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"has one column, 'text~label': .* must stand in two; .* between them$"):
        load_split(write(tmp_path / "a.csv", "text~label\nHabari~health\n"), LABELS)


def test_a_column_that_differs_in_case_from_the_one_read_is_named(tmp_path: Path) -> None:
    loaded = load_split(table(tmp_path, "text", "label", "Text"), LABELS)

    assert loaded.notes == (f"{tmp_path / 'a.csv'}: text column 'text'; not used: 'Text'",)


def test_columns_that_could_all_be_meant_are_refused_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"'Label', 'LABEL' could all be the label column: .*--label-column"):
        load_split(table(tmp_path, "text", "Label", "LABEL"), LABELS)


def test_two_columns_of_one_name_that_nobody_needs_do_no_harm(tmp_path: Path) -> None:
    assert read(table(tmp_path, "text", "label", "note", "note")) == EXPECTED


def test_a_usual_column_that_was_not_taken_is_said(tmp_path: Path) -> None:
    file = table(tmp_path, "text", "label", "category")

    assert load_split(file, LABELS).notes == (f"{file}: label column 'label'; not used: 'category'",)


def test_a_first_line_that_is_a_row_is_not_shown(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "Timu ya taifa ilishinda mechi ya jana,michezo\nMpira,sport\n")

    with pytest.raises(DatasetError, match="put a line with the names first") as caught:
        load_split(file, LABELS)
    assert "taifa" not in str(caught.value)


def test_a_first_line_with_a_label_of_the_plan_is_called_a_row(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "Mpira,sport\nDawa,health\n")

    with pytest.raises(DatasetError, match="its first line is a row, as 'sport' is a label: put a line with names"):
        load_split(file, LABELS)


def test_columns_called_as_labels_are_no_row_where_others_have_usual_names(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,sport\nMpira,1\n")

    with pytest.raises(DatasetError, match=r"no label column .*it has 'text', 'sport'"):
        load_split(file, LABELS)


def test_a_text_that_nobody_can_see_is_empty(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\nHabari,health\n\u200b\u200d,health\n\u00a0\u2060,sport\n")

    assert load_split(file, LABELS).skipped == {"empty text": 2}
