"""Labels of a source beside the plan's: what is the same, what is a position, and what is named as unknown."""

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from mfpt_edge.data.labels import match_labels, own_labels, unknown_reasons
from mfpt_edge.data.sources import load_split
from mfpt_shared.errors import DatasetError
from support.tables import LABELS, rows, write

TOPICS = ("politics", "sports", "health")


@pytest.mark.parametrize(
    ("found", "plan", "matched"),
    [
        (["health", "other"], LABELS, {"health": 0}),
        (["HEALTH", "Sport"], LABELS, {"HEALTH": 0, "Sport": 1}),
        (["0", "1"], LABELS, {"0": 0, "1": 1}),
        (["0", "1", "2"], LABELS, {}),
        (["0", "1", "health"], LABELS, {"health": 0}),
        (["1", "2"], ("1", "2", "3"), {"1": 0, "2": 1}),
        (["us", "US", "Us"], ("US", "us"), {"US": 0, "us": 1}),
        (["٠", "1"], LABELS, {}),
    ],
)
def test_labels_match_exactly_then_in_any_case_and_else_as_positions(
    found: list[str], plan: tuple[str, ...], matched: dict[str, int]
) -> None:
    assert match_labels(Counter(found), plan).index_of == matched


@pytest.mark.parametrize(
    ("label", "plan"),
    [
        (unicodedata.normalize("NFD", "santé"), "santé"),
        ("santé", unicodedata.normalize("NFD", "Santé")),
        ("he\u200balth", "health"),
        ("\ufeffhealth", "health"),
        ("science  and\u00a0technology", "science and technology"),
        ("Ｈｅａｌｔｈ", "health"),
        ("STRASSE", "straße"),
        ("['Health']", "health"),
        ('"health"', "health"),
        ("4.0", "4"),
        ("العـــلوم".replace("ـ", "\u200c"), "العلوم"),
    ],
)
def test_labels_that_look_the_same_are_the_same_and_a_note_says_so(label: str, plan: str) -> None:
    matched = match_labels({label: 3}, (plan, "other"))

    assert matched.index_of == {label: 0}
    assert matched.notes == (f"labels written in another way read as the plan's: {label!r} as {plan!r}",)


@pytest.mark.parametrize(
    ("found", "positions"),
    [
        ({"0": 20, "1": 20, "2": 19, "-1": 1}, "012"),
        ({"0": 20, "1": 20, "2": 19, "label": 1}, "012"),
        ({"0": 20, "1": 20, "2": 19, "1.0": 1}, "012"),
        ({"0": 20, "1": 20, "2": 19, "7": 1}, "012"),
        ({"0": 20, "1": 20, "2": 19, "NA": 200}, "012"),
        ({"0": 5, "2": 5}, "02"),
        ({"1": 30, "2": 30}, ""),
        ({"1": 30, "2": 30, "3": 30}, ""),
        ({"0": 30, "1": 30, "2": 30, "3": 30}, ""),
        ({"0": 10, "1": 10, "x": 10}, ""),
    ],
)
def test_numbers_are_positions_if_they_count_from_0_and_one_odd_label_changes_nothing(
    found: Mapping[str, int], positions: str
) -> None:
    assert match_labels(found, TOPICS).index_of == {number: int(number) for number in positions}


def test_numbers_with_a_point_are_positions_where_most_are_written_so() -> None:
    assert match_labels({"0.0": 9, "1.0": 9, "2.0": 9, "1": 1}, TOPICS).index_of == {"0.0": 0, "1.0": 1, "2.0": 2}


def test_numbers_with_the_decimals_of_a_french_spreadsheet_are_positions() -> None:
    assert match_labels({"0,0": 9, "1,0": 9, "2,00": 9}, TOPICS).index_of == {"0,0": 0, "1,0": 1, "2,00": 2}
    assert own_labels({"10,0": 9, "2,0": 9}) == ("2,0", "10,0")


def test_a_note_says_what_the_positions_mean() -> None:
    (note,) = match_labels({"2": 1, "0": 1, "1": 1}, TOPICS).notes

    assert note == "labels '0' to '2' read as positions in the plan, counted from 0: 'politics', 'sports', 'health'"


@pytest.mark.parametrize("odd", ["-1", "label2", "1.0", "NA", "sportss"])
def test_one_odd_label_skips_its_row_by_name_and_no_other(tmp_path: Path, odd: str) -> None:
    file = write(tmp_path / "a.tsv", f"text\tlabel\n{rows(59)}Timu ilishinda\t{odd}\n")

    split = load_split(file, LABELS)

    assert len(split.examples) == 59
    assert split.skipped == {f"label not in the plan: '{odd}'": 1}


def test_a_repeated_header_is_skipped_even_where_every_text_is_a_label(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "prompt,completion\nuna,moja\nprompt,Completion\nmbili,tatu\n")

    split = load_split(file, (), kind="generation")

    assert [example.text for example in split.examples] == ["una", "mbili"]
    assert [(one.place.row, one.reason) for one in split.skipped_rows] == [(3, "header again")]


def test_labels_counted_from_1_are_refused_with_what_to_do(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\na,1\nb,2\n")

    with pytest.raises(DatasetError, match=r"from 0 to 2 and 0 is among them: write the names"):
        load_split(file, TOPICS)


def test_names_of_labels_are_bounded_and_no_text_is_among_them() -> None:
    texts = {f"Maneno ya mtu {number}": 1 for number in range(99)}
    sentence = {"Timu ilishinda mechi ya jana usiku": 2, "x" * 41: 5}
    named = {f"topic {number}": 100 - number for number in range(30)}

    reasons = unknown_reasons(texts | sentence | named, {})

    assert {reasons[text] for text in texts | sentence} == {"label not in the plan"}
    assert {reason for reason in reasons.values() if ":" in reason} == {
        f"label not in the plan: 'topic {number}'" for number in range(10)
    }


def test_texts_taken_for_labels_are_not_shown(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\n" + "".join(f"health,siri {number}\n" for number in range(20)))

    with pytest.raises(DatasetError, match="its labels: 20 that look like texts") as caught:
        load_split(file, LABELS)
    assert "siri" not in str(caught.value)


def test_what_a_label_would_do_to_a_terminal_is_escaped() -> None:
    assert unknown_reasons({"\x1b[2J": 1}, {}) == {"\x1b[2J": r"label not in the plan: '\x1b[2J'"}


@pytest.mark.parametrize(
    ("cell", "plan", "label"),
    [
        (["health"], LABELS, 0),
        ({"choices": ["sport"]}, LABELS, 1),
        (1.0, ("no", "yes"), 1),
        (True, ("false", "true"), 1),
        (False, ("True", "False"), 1),
        ([0], ("no", "yes"), 0),
    ],
)
def test_cells_of_json_are_read_as_the_label_that_they_hold(
    tmp_path: Path, cell: object, plan: tuple[str, ...], label: int
) -> None:
    lines = [{"text": "Habari", "label": cell}, *({"text": f"a{number}", "label": 0} for number in range(5))]
    split = load_split(write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines))), plan)

    assert (split.examples[0].text, split.examples[0].label) == ("Habari", label)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (["health", "sport"], "'label' holds a list of 2"),
        (list(range(50)), "'label' holds a list of 10 or more"),
        ({"a": 1}, "'label' holds an object"),
        ([[0, 5, "PER"]], "'label' holds a list of 3"),
        (0.5, "'label' holds a number that is not whole"),
        (float("inf"), "empty label"),
        (True, "label not in the plan: 'true'"),
        ([], "empty label"),
        (float("nan"), "empty label"),
        (None, "empty label"),
    ],
)
def test_cells_that_are_no_label_are_refused_by_column_and_type(tmp_path: Path, cell: object, reason: str) -> None:
    lines = [{"text": "Habari", "label": "health"}, {"text": "Dunia", "label": cell}]
    split = load_split(write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines))), LABELS)

    assert split.skipped == {reason: 1}
    assert len(split.examples) == 1
