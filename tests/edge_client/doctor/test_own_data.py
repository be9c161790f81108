"""Data against a plan: counted, odd, too few, useless, or not to be read at all."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from mfpt_edge.data.findings import Finding
from mfpt_edge.data.sources import Dataset, load_dataset
from mfpt_edge.doctor.examination import Answer
from mfpt_edge.doctor.own_data import OwnData
from mfpt_shared.errors import BadData, DatasetError, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan, Privacy, Task

PLAN = Plan(task=Task(labels=("good", "bad")), privacy=Privacy(min_examples=4))
ROWS = [f"habari njema ya leo {number},{('good', 'bad')[number % 2]}" for number in range(40)]
USELESS = Finding("one class", "useless", 40, "all examples are 'good'; add others")


def looked_at(
    source: Path | str | None, plan: Plan | None = PLAN, *findings: Finding, answers: tuple[str, ...] = ()
) -> Answer:
    def read(name: str, plan: Plan | None) -> tuple[Dataset, Sequence[Finding]]:
        return load_dataset(name, LanguageCode("swh"), (plan or PLAN).task.labels), findings

    named = None if source is None else str(source)
    return asyncio.run(OwnData(lambda: plan, named, is_language_known=True, read=read, answers=answers)())


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return file(tmp_path, *ROWS)


def file(folder: Path, *rows: str) -> Path:
    path = folder / "mine.csv"
    path.write_text("\n".join(("text,label", *rows)), encoding="utf-8")
    return path


def test_data_that_fit_are_counted(mine: Path) -> None:
    answer = looked_at(mine)
    assert answer.level == "ok"
    assert answer.found.startswith("mine.csv has ")


def test_rows_that_are_skipped_and_what_is_odd_are_said(tmp_path: Path) -> None:
    odd = Finding("script", "warning", 3, "the letters are others")
    note = Finding("balance", "note", 3, "one label has more")
    answer = looked_at(file(tmp_path, *ROWS, ",good"), PLAN, odd, note)
    assert answer.level == "warning"
    assert answer.found.endswith("1 x empty text, the letters are others")


def test_data_that_teach_nothing_do_not_fit_unless_the_owner_has_said_yes(mine: Path) -> None:
    with pytest.raises(DatasetError, match="nothing: all examples are 'good', add others; join with --yes"):
        looked_at(mine, PLAN, USELESS)
    assert looked_at(mine, PLAN, USELESS, answers=(f"useless one class {mine}",)).level == "warning"


def test_data_of_other_labels_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        looked_at(file(tmp_path, *(f"{row}x" for row in ROWS)))


def test_too_few_examples_are_bad_data(mine: Path) -> None:
    with pytest.raises(BadData, match="the plan asks for 400 to train on; add more rows"):
        looked_at(mine, msgspec.structs.replace(PLAN, privacy=Privacy(min_examples=400)))


def test_a_file_that_is_missing_is_a_mistake_in_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        looked_at(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="no such file or folder"):
        looked_at(tmp_path / "none.csv", None)


def test_without_a_plan_data_are_read_for_their_own_labels(mine: Path) -> None:
    answer = looked_at(mine, None)
    assert answer.level == "ok"
    assert answer.found.endswith("by their own labels, as those of the plan are not known yet")


def test_where_nobody_names_data_nothing_is_read() -> None:
    assert looked_at(None).level == "skipped"
