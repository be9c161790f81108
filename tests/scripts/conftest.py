"""Toy studies: two languages, a tiny backbone, one round."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mfpt_shared.plan_files import plan_to_toml
from support.backbones import tiny_spec
from support.scripts import Finished, Reproduce, run_script, toy_study_plan, write_sentences


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder of sentences for each of two languages."""
    folder = tmp_path_factory.mktemp("sentences")
    write_sentences(folder, train=30, held_out=7)
    return folder


@pytest.fixture(scope="session")
def study_arguments(
    tmp_path_factory: pytest.TempPathFactory, tiny_folder: Callable[[str], Path], sentences: Path
) -> list[object]:
    """What every toy study is started with, beside its name, seeds and folder for results."""
    plan = tmp_path_factory.mktemp("plan") / "toy.toml"
    plan.write_text(plan_to_toml(toy_study_plan(tiny_spec(tiny_folder("Bert")))), encoding="utf-8")
    options = ["--plan", plan, "--data", sentences, "--languages", "swh,zul"]
    return [*options, "--examples", 8, "--rounds", 1, "--jobs", 1]


@pytest.fixture(scope="session")
def study_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all toy studies keep their runs."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def reproduce(study_arguments: list[object], study_cache: Path, tmp_path: Path) -> Reproduce:
    """Run a toy study; its results go to `tmp_path / "results"`."""

    def run(study: str, *more: object) -> Finished:
        options = [*study_arguments, "--out", "results", *more]
        return run_script("reproduction", study, *options, cache=study_cache, cwd=tmp_path)

    return run
