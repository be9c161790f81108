"""The table of public data sets, over folders of a toy."""

from pathlib import Path

import pytest

from mfpt_coord.presets import preset_plan
from support.scripts import run_script


@pytest.mark.slow
def test_every_language_has_its_counts_its_findings_and_an_accuracy(tmp_path: Path) -> None:
    labels = preset_plan("afrisenti").task.labels
    tweets = [f"habari njema ya siku {n}\t{labels[n % 2]}" for n in range(24)]
    for language, more in (("swa", "habari\tmixed"), ("hau", "labari\tpositive")):
        folder = tmp_path / "data" / "afrisenti" / language
        folder.mkdir(parents=True)
        folder.joinpath("train.tsv").write_text("\n".join(["tweet\tlabel", *tweets, more]), encoding="utf-8")

    options = ("--data", tmp_path / "data", "--sets", "afrisenti", "--examples", 12, "--json")
    done = run_script("data_tables", *options, cache=tmp_path, cwd=tmp_path)

    assert done.code == 0, done.err
    hausa, swahili = done.answer["lines"]
    assert (hausa["language"], swahili["language"]) == ("hau", "swh")
    assert swahili["skipped"] == {"label not in the plan: 'mixed'": 1}
    assert swahili["train"] + swahili["test"] == 24
    assert [finding["kind"] for finding in swahili["findings"]] == ["labels missing"]
    assert 0 <= swahili["accuracy"] <= 1
    assert hausa["skipped"] == {}
