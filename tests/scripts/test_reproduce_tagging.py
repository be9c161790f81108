"""Studies of a task in which words are labelled, at the size of a toy: numbers of examples are sentences."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mfpt_shared.plan_files import plan_to_toml
from support.backbones import tiny_spec
from support.scripts import Finished, Reproduce, run_script, toy_study_plan, write_tagged_sentences

pytestmark = pytest.mark.slow


@pytest.fixture
def reproduce_tagging(tmp_path: Path, tiny_folder: Callable[[str], Path], study_cache: Path) -> Reproduce:
    """Run a toy study with the usual languages and numbers of MasakhaPOS, as the name of the plan says."""
    write_tagged_sentences(tmp_path / "data", train=40, held_out=6)
    plan = tmp_path / "masakhapos.toml"
    plan.write_text(plan_to_toml(toy_study_plan(tiny_spec(tiny_folder("Bert")), "masakhapos")), encoding="utf-8")

    def run(study: str, *more: object) -> Finished:
        options = ["--plan", plan, "--data", tmp_path / "data", "--rounds", 1, "--jobs", 1, "--quick", "--json"]
        return run_script("reproduction", study, *options, "--out", "results", *more, cache=study_cache, cwd=tmp_path)

    return run


def test_data_efficiency_counts_sentences(reproduce_tagging: Reproduce) -> None:
    done = reproduce_tagging("data-efficiency")
    assert done.code == 0, done.err
    assert [(row["examples"], row["languages"]) for row in done.answer["rows"]] == [(5, 2), (15, 2)]


def test_zero_shot_holds_every_language_of_the_folder_out(reproduce_tagging: Reproduce) -> None:
    done = reproduce_tagging("zero-shot")
    assert done.code == 0, done.err
    assert set(done.answer["per_language"]) == {"swh", "zul"}
