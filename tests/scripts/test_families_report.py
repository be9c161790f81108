"""The table, JSON and figure of the study over families, on made-up answers."""

import json
from typing import Any

import pytest
from rich.console import Console

from mfpt_coord.presets import preset_plan
from mfpt_shared.languages import LanguageCode
from reproduction.families_report import METHODS, report
from reproduction.families_table import FAMILIES
from reproduction.runner import Runner
from reproduction.setting import Setting
from reproduction.study import Study, table
from support.made_up_rows import SWAHILI, ZULU, made_up_row

LANGUAGES = tuple(map(LanguageCode, ("hau", "swh", "zul")))


@pytest.fixture(scope="module")
def study() -> Study:
    """A study of every family and size, with a harmed language in the first row."""
    setting = Setting(
        name="toy",
        plan=preset_plan("cldr"),
        languages=LANGUAGES,
        examples=None,
        rounds=6,
        seeds=(0, 1),
        methods=(),
        parallel=False,
        quick=False,
        runner=Runner("cldr", LANGUAGES, device="cpu", jobs=1, threads=1),
    )
    rows = [
        made_up_row(family.name, size, languages=LANGUAGES, sentences=80, harmed={ZULU: 0.2 if at == 0 else 0.6})
        for at, (family, size) in enumerate((family, size) for family in FAMILIES for size in family.sizes)
    ]
    return report(setting, rows)


def test_the_table_is_readable_in_a_terminal_of_a_hundred_columns(study: Study) -> None:
    with (console := Console(width=100)).capture() as shown:
        console.print(table(study))
    lines = [line for line in shown.get().splitlines() if line.strip(" ─")]
    assert len(lines) == 1 + len(study.rows)
    assert all(cell in line for line, cells in zip(lines[1:], study.rows, strict=True) for cell in cells)


def test_the_json_has_a_cell_for_every_family_size_method_and_seed(study: Study) -> None:
    cells: list[dict[str, Any]] = json.loads(json.dumps(study.results))["cells"]
    assert len(cells) == len(study.rows) * len(METHODS) * 2
    assert set(cells[0]) == {"family", "examples", "method", "seed", "accuracy", "test_examples"}
    assert {cell["method"] for cell in cells} == {
        "local_best", "central", "fedavg", "fedbuff", "fixed", "mfpt", "mfpt_used",
    }  # fmt: skip
    assert cells[0]["test_examples"][SWAHILI] == 80
    assert 0.3 < cells[0]["accuracy"][SWAHILI] < 0.9


def test_the_counts_of_harm_can_be_computed_again_from_the_cells(study: Study) -> None:
    """Two standard errors of a share, as the caption says."""
    scores: dict[tuple[str, int, str], dict[str, list[float]]] = {}
    for cell in study.results["cells"]:
        for tag, value in cell["accuracy"].items():
            of_cell = scores.setdefault((cell["family"], cell["examples"], tag), {})
            of_cell.setdefault(cell["method"], []).append(value)
    below = 0
    for of_cell in scores.values():
        used, alone = (sum(of_cell[name]) / len(of_cell[name]) for name in ("mfpt_used", "local_best"))
        below += used < alone - 2 * (alone * (1 - alone) / 80) ** 0.5
    assert study.results["below_alone"] == below == 1
    assert study.results["cells_compared"] == len(scores)


def test_the_figure_names_the_language_that_is_harmed(study: Study) -> None:
    assert study.figure is not None
    [axes] = study.figure.axes
    assert [text.get_text() for text in axes.texts] == ["zul"]
