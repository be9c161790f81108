"""What `predict` answers: as many answers as texts, in their order, each with its number."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mfpt_edge.commands.answering import completed, labelled, lines
from mfpt_edge.data.example import Example
from mfpt_shared.plan import Task
from mfpt_shared.texts import escaped

LABELS = ("odd", "even")
LABELLING, GENERATING = Task(labels=LABELS), Task(labels=(), kind="generation")


class ByLength:
    """Tells whether a text has an even number of characters."""

    labels = LABELS

    def probabilities(self, examples: Sequence[Example]) -> NDArray[np.float32]:
        even = [(len(one.text) + len(one.pair)) % 2 == 0 for one in examples]
        return np.array([[0.25, 0.75] if one else [0.75, 0.25] for one in even], np.float32).reshape(-1, 2)


class Echo:
    """Completes a text with itself."""

    def complete(self, texts: Sequence[str]) -> list[str]:
        return [f"{text}\n{text}" for text in texts]


def test_a_blank_text_has_a_blank_answer_and_the_others_keep_their_numbers() -> None:
    rows = labelled(ByLength(), ["ab", "", "abc"])
    assert rows == [
        {"number": 1, "text": "ab", "label": "even", "probability": 0.75},
        {"number": 2, "text": "", "label": None, "probability": None},
        {"number": 3, "text": "abc", "label": "odd", "probability": 0.75},
    ]
    assert list(lines(rows, LABELLING)) == ["even\t0.750\tab", "", "odd\t0.750\tabc"]


def test_the_second_text_of_a_pair_stands_beside_the_first() -> None:
    rows = labelled(ByLength(), ["a\tbc", "", "a\tb"], [("a", "bc"), ("a", "b")])
    assert [(row["text"], row["label"], row["pair"]) for row in rows] == [
        ("a", "odd", "bc"),
        ("", None, ""),
        ("a", "even", "b"),
    ]
    assert list(lines(rows, LABELLING)) == ["odd\t0.750\ta\tbc", "", "even\t0.750\ta\tb"]


def test_a_completion_is_printed_on_one_line() -> None:
    rows = completed(Echo(), ["ab", ""])
    assert rows[1] == {"number": 2, "text": "", "completion": None}
    assert list(lines(rows, GENERATING)) == ["ab ab\tab", ""]


@given(st.lists(st.text() | st.sampled_from(["a\u2028b", "a\x85b", "\x1b[31m", "a\tb", "[red]", "a\x0bb"])))
def test_there_are_as_many_lines_as_texts_whatever_these_hold(texts: list[str]) -> None:
    rows = labelled(ByLength(), texts)
    printed = "".join(f"{line}\n" for line in lines(rows, LABELLING))
    assert [len(line.split("\t")) for line in printed.splitlines()] == [3 if text else 1 for text in texts]
    assert "\x1b" not in printed
    assert [row["number"] for row in rows] == list(range(1, len(texts) + 1))


@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\x85", "\x9b31m", "\x7f", "\u202e"])
def test_json_is_one_line_and_holds_the_text_as_it_is(inside: str) -> None:
    written = escaped(json.dumps({"text": f"habari{inside}ñ"}, ensure_ascii=False))
    assert written.splitlines() == [written]
    assert written.isprintable()
    assert json.loads(written) == {"text": f"habari{inside}ñ"}
