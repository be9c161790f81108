"""The study over families at the size of a toy: two families, two languages each, a tiny backbone, one round."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mfpt_shared.plan_files import plan_to_toml
from support.backbones import tiny_spec
from support.scripts import Finished, run_script, toy_study_plan, write_sentences

RUNS = 7


@pytest.fixture
def families(tmp_path: Path, tiny_folder: Callable[[str], Path]) -> Callable[..., Finished]:
    """Run the study; its results go to `tmp_path / "results"`."""
    write_sentences(tmp_path / "data" / "sib200", train=90, held_out=7)
    plan = tmp_path / "toy.toml"
    plan.write_text(plan_to_toml(toy_study_plan(tiny_spec(tiny_folder("Bert")))), encoding="utf-8")
    options = ["--plan", plan, "--languages", "swh,zul", "--rounds", 1, "--jobs", 1, "--quick", "--out", "results"]

    def run(*more: object) -> Finished:
        cache = tmp_path / "cache"
        return run_script("reproduction", "families", "--data", "data", *options, *more, cache=cache, cwd=tmp_path)

    return run


@pytest.mark.slow
def test_the_study_compares_every_method_and_goes_on_where_it_was(
    families: Callable[..., Finished], tmp_path: Path
) -> None:
    first = families("--families", "sib200", "--json")
    assert first.code == 0, first.err
    partial = families("--json", "--partial")
    assert partial.code == 0, partial.err
    assert {cell["family"] for cell in partial.answer["cells"]} == {"sib200"}
    assert "cldr 50: seed 0: local (2), central (1), fedavg (1), fedbuff (1), fixed (1), mfpt (1)" in partial.err

    done = families("--json")
    assert done.code == 0, done.err
    cells = {(cell["family"], cell["examples"], cell["method"]) for cell in done.answer["cells"]}
    methods = {"local_best", "central", "fedavg", "fedbuff", "fixed", "mfpt", "mfpt_used"}
    assert cells == {(family, size, method) for family, size in (("sib200", 35), ("cldr", 50)) for method in methods}
    assert done.answer["cells_compared"] == 4
    assert "families: masakhapos is left out: it lacks the folder masakhapos" in done.err
    written = json.loads((tmp_path / "results" / "families.json").read_text(encoding="utf-8"))
    assert written["reused_runs"] == RUNS
    assert (tmp_path / "results" / "families.svg").exists()


def test_without_any_family_nothing_is_run(families: Callable[..., Finished]) -> None:
    done = families("--families", "masakhapos")
    assert done.code == 2
    assert "nothing is left to run" in done.err
