"""Every study of scripts/reproduce at the size of a toy: it ends well, prints JSON, and writes table and figure."""

import json
from pathlib import Path

import pytest

from support.scripts import Reproduce


def written(folder: Path, name: str) -> tuple[dict[str, object], list[list[str]]]:
    """Return a study's JSON and the rows of its table, header first."""
    assert {path.name for path in folder.iterdir()} == {f"{name}.json", f"{name}.md", f"{name}.svg"}
    lines = (folder / f"{name}.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8")), [rows[0], *rows[2:]]


@pytest.mark.slow
def test_the_headline_compares_every_method(reproduce: Reproduce, tmp_path: Path) -> None:
    done = reproduce("headline", "--seeds", 0, "--json")
    assert done.code == 0, done.err
    methods = {"local", "local_best", "central", "fedavg", "fedbuff", "fixed", "mfpt", "mfpt_used"}
    assert set(done.answer["methods"]) == methods
    _, table = written(tmp_path / "results", "headline-toy-8")
    assert table[0] == ["method", "mean", "± seeds", "each seed", "worst language", "gain", "p"]
    assert len(table) == 1 + len(methods)


@pytest.mark.slow
def test_async_times_all_methods_to_the_same_accuracy(reproduce: Reproduce, tmp_path: Path) -> None:
    done = reproduce("async", "--seeds", 0, "--json")
    assert done.code == 0, done.err
    assert [goal["share"] for goal in done.answer["goals"]] == [0.95, 0.99]
    assert {run["method"] for run in done.answer["runs"]} == {"fedavg", "fedbuff", "mfpt"}
    _, table = written(tmp_path / "results", "async")
    assert [row[:2] for row in table[1:]] == [["95 %", "0"], ["95 %", "median"], ["99 %", "0"], ["99 %", "median"]]


@pytest.mark.slow
def test_zero_shot_holds_every_language_out_in_turn(reproduce: Reproduce, tmp_path: Path) -> None:
    done = reproduce("zero-shot", "--seeds", 0, "--json")
    assert done.code == 0, done.err
    assert set(done.answer["per_language"]) == {"swh", "zul"}
    _, table = written(tmp_path / "results", "zero-shot")
    assert [row[0] for row in table] == ["unseen language", "swh", "zul", "mean"]


@pytest.mark.slow
def test_data_efficiency_has_a_row_for_each_number_of_examples(reproduce: Reproduce, tmp_path: Path) -> None:
    done = reproduce("data-efficiency", "--seeds", 0, "--json")
    assert done.code == 0, done.err
    assert [row["examples"] for row in done.answer["rows"]] == [8]
    _, table = written(tmp_path / "results", "data-efficiency")
    assert table[0] == ["examples", "languages", "local", "fedavg", "mfpt", "gain", "p"]


@pytest.mark.slow
def test_communication_counts_the_bytes_of_an_update(reproduce: Reproduce, tmp_path: Path) -> None:
    done = reproduce("communication", "--seeds", 0, "--json")
    assert done.code == 0, done.err
    assert set(done.answer["trajectories"]) == {"fedavg", "mfpt"}
    assert min(done.answer["bytes_an_update"].values()) > 0
    _, table = written(tmp_path / "results", "communication")
    assert table[0] == ["what is sent", "kB an update", "times ours", "accuracy", "MB to goal"]


@pytest.mark.slow
def test_the_ablation_changes_one_choice_at_a_time(reproduce: Reproduce, tmp_path: Path) -> None:
    done = reproduce("ablation", "--quick", "--json")
    assert done.code == 0, done.err
    assert next(iter(done.answer["variants"])) == "default"
    _, table = written(tmp_path / "results", "ablation")
    assert len(table) == 1 + len(done.answer["variants"]) == 5


def test_a_folder_that_is_missing_is_named(reproduce: Reproduce) -> None:
    done = reproduce("headline", "--data", "nowhere")
    assert done.code == 2
    assert "nowhere: no such folder" in done.err
