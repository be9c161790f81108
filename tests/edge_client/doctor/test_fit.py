"""A plan against what a device gives, and data against a plan."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from mfpt_edge.data.columns import Columns
from mfpt_edge.doctor.examination import Answer
from mfpt_edge.doctor.fit import Owner, Work
from mfpt_edge.session.limits import Given
from mfpt_shared.errors import BadData, DatasetError, Incompatible, NotAllowed, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, Task

SWAHILI = LanguageCode("swh")
PLAN = Plan(task=Task(labels=("good", "bad")), privacy=Privacy(min_examples=4))
ROWS = [f"habari njema ya leo {number},{('good', 'bad')[number % 2]}" for number in range(40)]


def work(
    plan: Plan | None = PLAN, *, memory: int = 2 * 10**9, data: str | None = None, backbones: tuple[str, ...] = ()
) -> Work:
    owner = Owner(Given(memory, 7200.0, 10**9, 10**9), data, Columns(), backbones, frozenset())
    return Work(None, plan, SWAHILI, owner)


def with_backbone(uri: str, fingerprint: str = "") -> Plan:
    return msgspec.structs.replace(PLAN, backbone=BackboneSpec(uri=uri, fingerprint=fingerprint))


def plan(of: Work) -> Answer:
    return asyncio.run(of.plan())


def data(of: Work) -> Answer:
    return asyncio.run(of.data())


def file(folder: Path, *rows: str) -> str:
    path = folder / "mine.csv"
    path.write_text("\n".join(("text,label", *rows)), encoding="utf-8")
    return str(path)


def test_a_plan_with_the_bundled_backbone_fits() -> None:
    answer = plan(work())
    assert answer.level == "ok"
    assert "for 2 labels (classification), with bundled:multilingual-e5-small" in answer.found


def test_a_plan_that_takes_more_memory_than_the_device_gives_does_not_fit() -> None:
    with pytest.raises(NotAllowed, match="raise --memory, or leave this federation"):
        plan(work(memory=1000))


def test_a_plan_that_wants_a_file_of_this_device_does_not_fit() -> None:
    with pytest.raises(NotAllowed, match="only its owner can allow that"):
        plan(work(with_backbone("path:/models/mine")))


def test_a_file_that_the_owner_names_and_that_is_missing_is_told() -> None:
    with pytest.raises(UsageError, match="does not exist"):
        plan(work(with_backbone("path:/models/mine"), backbones=("path:/models/mine",)))


def test_what_join_would_ask_about_is_said_before() -> None:
    answer = plan(work(with_backbone("hf:org/model")))
    assert (answer.level, answer.found) == ("warning", "the plan asks for backbone hf:org/model, to be downloaded")


def test_another_backbone_than_the_plans_is_incompatible() -> None:
    with pytest.raises(Incompatible, match="get the same model as the operator"):
        plan(work(with_backbone(PLAN.backbone.uri, f"sha256:{'0' * 64}")))


def test_without_a_plan_there_is_nothing_to_compare() -> None:
    assert plan(work(None)).level == "skipped"
    assert data(work(None)).level == "skipped"


def test_data_that_fit_are_counted(tmp_path: Path) -> None:
    answer = data(work(data=file(tmp_path, *ROWS)))
    assert answer.level == "ok"
    assert answer.found.startswith("mine.csv has ")


def test_rows_that_are_skipped_and_labels_that_are_missing_are_said(tmp_path: Path) -> None:
    answer = data(work(data=file(tmp_path, *ROWS[::2], ",good")))
    assert answer.level == "warning"
    assert "no example to train on of bad" in answer.found
    assert "1 x " in answer.found


def test_data_of_other_labels_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        data(work(data=file(tmp_path, *(f"{row}x" for row in ROWS))))


def test_too_few_examples_are_bad_data(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="the plan asks for 400 to train on; add more rows"):
        data(
            work(
                msgspec.structs.replace(PLAN, privacy=Privacy(min_examples=400)),
                data=file(tmp_path, *ROWS),
            )
        )


def test_a_file_that_is_missing_is_a_mistake_in_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        data(work(data=str(tmp_path / "none.csv")))


def test_where_nobody_names_data_nothing_is_read() -> None:
    assert data(work()).level == "skipped"
