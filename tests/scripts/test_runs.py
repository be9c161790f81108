"""The store of finished runs."""

from pathlib import Path

import msgspec
import pytest

from mfpt_coord.simulate.experiment import Experiment, Outcome
from mfpt_shared.languages import LanguageCode
from reproduction.runs import RunStore, circumstances
from support.laboratory import toy_plan

SWAHILI = LanguageCode("swh")
OUTCOME = Outcome(method="mfpt", seed=0, accuracy={SWAHILI: 0.5})


@pytest.fixture
def experiment() -> Experiment:
    return Experiment(plan=toy_plan(), method="mfpt", languages=(SWAHILI,), examples=10)


def test_a_run_is_read_back(experiment: Experiment, tmp_path: Path) -> None:
    RunStore(tmp_path, "a").write(experiment, OUTCOME)
    assert RunStore(tmp_path, "a").read(experiment) == OUTCOME


def test_another_experiment_has_not_been_run(experiment: Experiment, tmp_path: Path) -> None:
    store = RunStore(tmp_path, "a")
    store.write(experiment, OUTCOME)
    assert store.read(msgspec.structs.replace(experiment, seed=1)) is None


def test_a_run_under_other_circumstances_does_not_count(experiment: Experiment, tmp_path: Path) -> None:
    RunStore(tmp_path, "a").write(experiment, OUTCOME)
    assert RunStore(tmp_path, "b").read(experiment) is None


def test_a_damaged_file_counts_as_not_run(experiment: Experiment, tmp_path: Path) -> None:
    store = RunStore(tmp_path, "a")
    store.write(experiment, OUTCOME)
    store.path(experiment).write_bytes(store.path(experiment).read_bytes()[:-20])
    assert store.read(experiment) is None


def test_circumstances_change_with_the_data(tmp_path: Path) -> None:
    (tmp_path / "swh.tsv").write_text("text\tlabel\n", encoding="utf-8")
    before = circumstances(str(tmp_path), "cpu")
    assert circumstances(str(tmp_path), "cpu") == before
    (tmp_path / "swh.tsv").write_text("label\ttext\n", encoding="utf-8")
    assert circumstances(str(tmp_path), "cpu") != before


def test_circumstances_change_with_the_device() -> None:
    assert circumstances("cldr", "cpu") != circumstances("cldr", "cuda")
