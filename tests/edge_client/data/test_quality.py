"""What is said about a data set before it is trained on, and what makes training useless."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from mfpt_edge.data.example import Example
from mfpt_edge.data.findings import Finding
from mfpt_edge.data.place import Place, SkippedRow
from mfpt_edge.data.quality import examine, useless
from mfpt_edge.data.sources import Dataset
from mfpt_shared.languages import LanguageCode

LABELS = ("politics", "sports", "health")


class Count(NamedTuple):
    """What a tokenizer makes of a text of ten characters."""

    tokens: int
    characters: int = 10
    unknown: int = 0


class Gauge:
    """Gives the same count for every example."""

    max_tokens = 128

    def __init__(self, count: Count) -> None:
        self._count = count

    def count(self, examples: Sequence[Example]) -> list[Count]:
        return [self._count] * len(examples)


def dataset(*examples: tuple[str, int], skipped: Sequence[str] = ()) -> Dataset:
    rows = tuple(Example(text, label, place=Place("a.csv", row)) for row, (text, label) in enumerate(examples, start=2))
    return Dataset(rows, (), tuple(SkippedRow(Place("a.csv", 1), reason) for reason in skipped))


def sound(count: int = 30) -> list[tuple[str, int]]:
    return [(f"sentence {number}", number % 3) for number in range(count)]


def found(data: Dataset, kind: str, labels: tuple[str, ...] = LABELS) -> Finding:
    (finding,) = [finding for finding in examine(data, labels) if finding.kind == kind]
    return finding


def test_nothing_is_said_about_data_without_a_fault() -> None:
    assert examine(dataset(*sound()), LABELS) == ()


def test_copies_are_counted_with_the_place_of_the_first_in_any_case_and_with_any_spaces() -> None:
    finding = found(dataset(*sound(), ("Sentence  3", 0)), "duplicates")

    assert (finding.level, finding.count) == ("note", 1)
    assert finding.text == "1 of 31 (3.23 %) examples are copies of another one, first: a.csv, row 5"


def test_many_copies_are_a_warning() -> None:
    assert found(dataset(*sound(), *sound(10)), "duplicates").level == "warning"


@pytest.mark.parametrize(("twice", "level"), [(1, "warning"), (30, "useless")])
def test_texts_with_two_labels_are_a_warning_and_where_most_are_so_training_is_useless(twice: int, level: str) -> None:
    against = [(text, (label + 1) % 3) for text, label in sound(twice)]

    finding = found(dataset(*sound(), *against), "contradictions")

    assert (finding.level, finding.count) == (level, 2 * twice)


def test_a_prompt_may_have_several_completions() -> None:
    rows = tuple(Example("one", completion=name) for name in ("moja", "mosi"))

    assert [finding.kind for finding in examine(Dataset((*rows, Example("two", completion="mbili")), ()), ())] == [
        "duplicates"
    ]


def test_one_text_under_many_labels_is_named_by_its_place_and_never_shown() -> None:
    finding = found(dataset(*sound(), *(("NA", number % 3) for number in range(40))), "one text")

    assert (finding.level, finding.count) == ("warning", 40)
    assert "40 of 70" in finding.text
    assert "3 labels" in finding.text
    assert "row 32" in finding.text
    assert "NA" not in finding.text


def test_one_text_alone_teaches_nothing() -> None:
    assert found(dataset(*(("NA", number % 3) for number in range(9))), "one text").level == "useless"


def test_one_label_alone_teaches_nothing() -> None:
    finding = found(dataset(*((text, 1) for text, _ in sound())), "one label")

    assert finding.level == "useless"
    assert "'sports'" in finding.text


def test_labels_of_the_plan_that_are_missing_are_named() -> None:
    finding = found(dataset(*((text, label % 2) for text, label in sound())), "labels missing")

    assert (finding.level, finding.count) == ("warning", 1)
    assert finding.text == "no example of 1 of the plan's 3 labels: 'health'"


def test_a_label_that_nearly_all_have_is_a_warning() -> None:
    mostly = [(text, 0) for text, _ in sound()]

    assert found(dataset(*mostly, ("one", 1), ("two", 2)), "imbalance").level == "warning"


def test_words_that_all_have_one_label_teach_nothing() -> None:
    outside = tuple(Example(f"jina {n}", words=("jina", str(n)), tags=(0, 0)) for n in range(5))

    assert [one.kind for one in useless(examine(Dataset(outside, ()), ("O", "B-PER")))] == ["one label"]


def test_more_rows_skipped_for_their_label_than_used_are_a_warning_that_names_the_way_out() -> None:
    finding = found(dataset(*sound(9), skipped=["label not in the plan: 'Siasa'"] * 10), "labels not in the plan")

    assert (finding.level, finding.count) == ("warning", 10)
    assert "--label-map" in finding.text


@pytest.mark.parametrize(
    ("unknown", "level"), [(0, None), (1, "note"), (2, "warning"), (5, "warning"), (6, "useless"), (10, "useless")]
)
def test_characters_that_the_backbone_does_not_know_are_worse_the_more_there_are(
    unknown: int, level: str | None
) -> None:
    findings = examine(dataset(*sound()), LABELS, gauge=Gauge(Count(12, unknown=unknown)))

    assert [one.level for one in findings if one.kind == "unknown characters"] == ([level] if level else [])


@pytest.mark.parametrize(("tokens", "cut"), [(128, 0), (129, 30)])
def test_texts_beyond_the_plans_tokens_are_counted(tokens: int, cut: int) -> None:
    findings = examine(dataset(*sound()), LABELS, gauge=Gauge(Count(tokens)))

    assert [one.count for one in findings if one.kind == "cut texts"] == ([cut] if cut else [])


@pytest.mark.parametrize(
    ("text", "language", "warned"),
    [
        ("Привет всем людям", "swh", True),
        ("Habari za asubuhi", "swh", False),
        ("መልካም ጠዋት", "amh", False),
        ("Melkam twat", "amh", True),
        ("سلام عليكم", "hau", False),
        ("Sannu da zuwa", "hau", False),
        ("ߊߟߎ߫ ߣߌ ߛߐ߰ߡߊ", "nqo", False),
        ("おはよう世界", "jpn", False),
        ("Nkyea wo", "bba", False),
    ],
)
def test_a_script_that_the_language_is_not_written_in_is_a_warning(text: str, language: str, warned: bool) -> None:
    findings = examine(dataset((text, 0), (f"{text} {text}", 1)), LABELS[:2], LanguageCode(language))

    assert [one.level for one in findings if one.kind == "script"] == ["warning"] * warned
