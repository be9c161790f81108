"""Tables of text as people, spreadsheets and programs write them: the separator, the names of columns, the rows."""

import pytest

from mfpt_shared.errors import DatasetError
from mfpt_shared.separated.rows import HALF, MISPLACED, NOT_CLOSED, TOO_MANY
from mfpt_shared.separated.table import Separated, read_separated
from mfpt_shared.text_files import NOT_UTF8, NUL

USUAL = frozenset({"text", "label"})
WANTED = [["Habari, dunia", "health"], ["Mpira; leo", "sports"]]


def table(text: str, expected: str = ",") -> Separated:
    return read_separated(text, "data.csv", expected, USUAL)


def cells(found: Separated) -> list[list[str] | None]:
    return [row.cells for row in found.rows if row.fault is None]


def faults(found: Separated) -> list[tuple[int, str | None]]:
    return [(row.line, row.fault) for row in found.rows if row.fault is not None]


# ---- separators


@pytest.mark.parametrize("expected", [",", "\t"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param('text,label\n"Habari, dunia",health\nMpira; leo,sports\n', id="commas"),
        pytest.param('text;label\nHabari, dunia;health\n"Mpira; leo";sports\n', id="semicolons"),
        pytest.param("text\tlabel\nHabari, dunia\thealth\nMpira; leo\tsports\n", id="tabs"),
        pytest.param("text|label\nHabari, dunia|health\nMpira; leo|sports\n", id="bars"),
        pytest.param('sep=;\r\ntext;label\r\nHabari, dunia;health\r\n"Mpira; leo";sports\r\n', id="named"),
        pytest.param('\n \r\n"sep=;"\r\n"text";"label"\r\n"Habari, dunia";health\r\n"Mpira; leo";sports', id="blank"),
        pytest.param("text\tlabel\rHabari, dunia\thealth\rMpira; leo\tsports\r", id="old Mac"),
        pytest.param("text\tlabel\r\r\nHabari, dunia\thealth\r\r\nMpira; leo\tsports\r\r\n", id="line ends twice"),
        pytest.param('text , label\n "Habari, dunia" , health\nMpira; leo,sports\n', id="spaces"),
    ],
)
def test_the_same_rows_come_back_whatever_is_between_them(text: str, expected: str) -> None:
    found = table(text, expected)

    assert found.columns == ("text", "label")
    assert [[cell.strip() for cell in row or ()] for row in cells(found)] == WANTED
    assert faults(found) == []


def test_a_separator_that_the_file_names_counts_unless_it_separates_nothing() -> None:
    assert table("sep=;\nmaneno;aina,mada\na,b;c\n").columns == ("maneno", "aina,mada")
    assert table("sep=,\ntext;label\na;b\n").columns == ("text", "label")


def test_a_file_without_separators_is_one_column_and_says_so() -> None:
    assert table("text\nHabari\n").notes == ("one column: nothing that separates cells was found",)


def test_a_comma_in_the_name_of_a_column_does_not_make_commas_the_separator() -> None:
    found = table("text;label, topic\nHabari, dunia;health\nMpira, leo;sports\n")

    assert found.columns == ("text", "label, topic")
    assert cells(found) == [["Habari, dunia", "health"], ["Mpira, leo", "sports"]]


def test_where_two_separators_name_columns_the_one_that_rows_have_counts() -> None:
    found = table("maneno;aina,mada\nHabari;a\nMpira;b\nLeo;c\n")

    assert found.columns == ("maneno", "aina,mada")
    assert found.notes == ("cells between semicolons",)


def test_a_separator_that_the_name_of_the_file_says_is_no_guess() -> None:
    assert table("text\tlabel\na\tb\n", "\t").notes == ()


def test_a_line_break_in_a_cell_is_kept_where_lines_end_as_on_an_old_mac() -> None:
    assert cells(table('text,label\r"a\nb\n\nc",health\r')) == [["a\nb\n\nc", "health"]]


def test_a_file_of_blank_lines_is_empty() -> None:
    with pytest.raises(DatasetError, match=r"data\.csv is empty"):
        table("\n \r\n\ufeff\n")


def test_a_quotation_that_begins_in_the_names_of_the_columns_and_does_not_end_is_an_error() -> None:
    with pytest.raises(DatasetError, match=r"data\.csv, line 2: a quotation mark in the names of the columns"):
        table('\n"text,label\na,b\n')


def test_quotation_marks_around_whole_lines_are_left_out() -> None:
    found = table('"text,label"\n"""Habari, dunia"",health"\n"Mpira; leo,sports"\n')

    assert cells(found) == WANTED
    assert found.notes == ("quotation marks around whole lines left out",)


def test_titles_above_the_names_of_the_columns_are_left_out() -> None:
    found = table("Redio yetu;;\nJulai 2025;;\n\ntext;label;\nHabari, dunia;health;\nMpira, leo;sports;\n")

    assert [row.line for row in found.rows] == [5, 6]
    assert found.notes == ("columns are named in line 4; what is above is left out", "cells between semicolons")


def test_a_row_that_repeats_the_names_of_the_columns_is_a_row() -> None:
    assert cells(table("text,label\na,health\ntext,label\nb,sports\n")) == [
        ["a", "health"],
        ["text", "label"],
        ["b", "sports"],
    ]


# ---- rows


def test_cells_that_are_trimmed_at_the_end_are_empty() -> None:
    found = table("text,label,note,source\na,health\nb,sports,,\nc,sports,x\n")

    assert cells(found) == [["a", "health", "", ""], ["b", "sports", "", ""], ["c", "sports", "x", ""]]


def test_a_separator_in_a_text_without_quotation_marks_costs_its_row() -> None:
    found = table("text,label\nHabari, dunia,health\nMpira,sports,,\n")

    assert cells(found) == [["Mpira", "sports", "", ""]]
    assert faults(found) == [(2, TOO_MANY)]


def test_what_is_not_text_costs_its_row() -> None:
    found = table("text,label\na\0,health\nb\udcff,sports\nc,sports\n")

    assert cells(found) == [["c", "sports"]]
    assert faults(found) == [(2, NUL), (3, NOT_UTF8)]


def test_a_row_is_at_the_line_on_which_it_begins() -> None:
    found = table('\nsep=,\n\ntext,label\n"a\n\nb",health\n\nc,d,e\n')

    assert [row.line for row in found.rows] == [5, 9]
    assert found.header == 4


def test_a_cell_beside_the_columns_that_have_names_is_one_too_many() -> None:
    found = table("label,text,,\nhealth,Habari,,\nhealth,Habari, dunia,\n")

    assert found.columns == ("label", "text")
    assert [row.fault for row in found.rows] == [None, TOO_MANY]


def test_a_row_that_ends_unlike_the_others_is_a_row() -> None:
    found = table("text,label\r\na,health\r\nb,sports\rc,health\r\nd \r e,sports\r\n")

    assert cells(found) == [["a", "health"], ["b", "sports"], ["c", "health"], ["d \r e", "sports"]]


# ---- quotation marks


def test_a_quotation_that_takes_in_good_rows_is_counted_where_it_opens() -> None:
    found = table('text\tlabel\n"Siamini\tpolitics\nTimu ilishinda\tsports\nakasema basi"\tsports\n', "\t")

    assert cells(found) == [["Timu ilishinda", "sports"]]
    assert faults(found) == [(2, NOT_CLOSED), (4, HALF)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ['"{}', '{}"', 'a"{}', '"{}"b'])
def test_one_broken_quotation_mark_costs_at_most_its_row(separator: str, mark: str) -> None:
    good = [[f"sentensi {number}", "health" if number % 3 else "sports"] for number in range(60)]
    lines = [separator.join(row) for row in [["text", "label"], *good]]
    lines[31] = separator.join([mark.format("sentensi 30"), "sports"])

    found = table("\n".join(lines), separator)

    assert [row for row in good if row not in cells(found)] == [good[30]]
    assert len(found.rows) == 60


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(("opens", "closes"), [(0, 59), (0, 58), (1, 59), (20, 57)])
def test_a_quotation_that_takes_in_nearly_all_rows_costs_two_at_most(separator: str, opens: int, closes: int) -> None:
    lines = [f"sentence {number}{separator}{('health', 'sports')[number % 2]}" for number in range(60)]
    lines[opens] = f'"{lines[opens]}'
    lines[closes] = lines[closes].replace(separator, f'"{separator}')
    found = table(f"text{separator}label\n" + "\n".join(lines), separator)

    assert len(found.rows) == 60
    assert faults(found) == [(opens + 2, NOT_CLOSED), (closes + 2, HALF)]


def test_a_broken_quotation_costs_no_row_beside_those_that_are_quoted() -> None:
    lines = [f'"sentensi, {number}",{"health" if number % 2 else "sports"}' for number in range(20)]
    lines[7] = '"sentensi 7,health'
    lines[12] = '"sentensi" 12,health'

    found = table("\n".join(["text,label", *lines]))

    assert len(cells(found)) == 18
    assert faults(found) == [(9, NOT_CLOSED), (14, MISPLACED)]


def test_a_text_of_several_lines_is_whole_even_if_its_lines_hold_separators() -> None:
    text = 'text,label\n"Habari, dunia\nya leo",health\n"a\nb,c\nd, e",sports\nMpira,sports\n'

    assert cells(table(text)) == [["Habari, dunia\nya leo", "health"], ["a\nb,c\nd, e", "sports"], ["Mpira", "sports"]]


def test_texts_of_several_lines_are_whole_where_many_others_are_alike() -> None:
    good = ["NA,health", "NA,sports"] * 10

    found = table("\n".join(["text,label", *good, '"Habari\nza leo, bwana",sports']))

    assert cells(found)[-1] == ["Habari\nza leo, bwana", "sports"]
    assert faults(found) == []


def test_quotation_marks_that_stand_as_letters_are_letters() -> None:
    found = table('text\tlabel\n"Sasa" alisema\thealth\n"Mpira\tsports\ninchi 5" tu\thealth\n', "\t")

    assert cells(found) == [['"Sasa" alisema', "health"], ['"Mpira', "sports"], ['inchi 5" tu', "health"]]
    assert found.notes == ("quotation marks read as part of the texts",)


@pytest.mark.parametrize("inner", ['"leo"', '\\"leo\\"', '""leo""'])
def test_quotation_marks_within_a_quoted_text_may_be_doubled_or_not(inner: str) -> None:
    found = table(f'text,label\n"Alisema, {inner} bwana",health\n"Habari, dunia",health\n')

    assert cells(found) == [['Alisema, "leo" bwana', "health"], ["Habari, dunia", "health"]]
