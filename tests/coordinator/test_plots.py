"""Figures: kinds of files, the same bytes every time, and messages where a figure cannot be drawn."""

import os
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mfpt_coord import plots
from mfpt_shared.errors import UsageError
from support.programs import run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LANGUAGES = ("swh", "zul", "yor")
TITLE = "Near & far"


def heat_map() -> "Figure":
    matrix = np.array([[0.0, 0.25, np.nan], [0.25, 0.0, 0.5], [np.nan, 0.5, 0.0]])
    return plots.heat_map(matrix, LANGUAGES, TITLE, "distance")


def lines() -> "Figure":
    points = [(1.0, 0.4), (2.0, 0.6)]
    bands = {"swh": [(0.3, 0.5), (0.5, 0.7)]}
    return plots.lines({"swh": points, "zul": points}, "version", "accuracy", TITLE, bands)


def bars() -> "Figure":
    heights = {"alone": [0.7, 0.6, float("nan")], "federated": [0.72, 0.65, 0.6]}
    return plots.bars(LANGUAGES, heights, {"alone": [0.03, 0.03, 0.03]}, "accuracy", TITLE)


def dots() -> "Figure":
    gains = {"swh": plots.Range(0.1, 0.05, 0.15), "zul": plots.Range(-0.1, -0.15, -0.05)}
    return plots.dots({"topics": gains, "words": {"yor": plots.Range(0.0, -0.1, 0.1)}}, "gain", TITLE)


drawings = pytest.mark.parametrize("draw", [heat_map, lines, bars, dots])


@drawings
def test_a_png_is_a_picture_wide_enough_to_read(draw: Callable[[], "Figure"], tmp_path: Path) -> None:
    file = tmp_path / "figure.png"
    plots.save(draw(), file)

    content = file.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert 600 <= int.from_bytes(content[16:20], "big") <= 2000


@drawings
def test_the_same_figure_gives_the_same_drawing(draw: Callable[[], "Figure"], tmp_path: Path) -> None:
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    plots.save(draw(), first)
    plots.save(draw(), second)

    assert first.read_bytes() == second.read_bytes()


@drawings
def test_a_page_holds_its_drawing_and_title_and_asks_for_nothing_else(
    draw: Callable[[], "Figure"], tmp_path: Path
) -> None:
    file = tmp_path / "figure.html"
    plots.save(draw(), file)

    page = file.read_text(encoding="utf-8")
    assert "<title>Near &amp; far</title>" in page
    assert "<?xml" not in page
    assert "src=" not in page
    drawing = ET.fromstring(page[page.index("<svg") : page.index("</svg>") + len("</svg>")])
    assert drawing.tag.endswith("svg")


def test_many_languages_are_drawn_without_values_on_top_of_one_another() -> None:
    labels = [f"l{number:02}" for number in range(40)]
    figure = plots.heat_map(np.eye(40), labels, TITLE, "weight")

    assert not figure.axes[0].texts


@pytest.mark.parametrize("name", ["figure.pdf", "figure", "missing/figure.png"])
def test_a_file_that_cannot_be_drawn_is_a_usage_error_that_names_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=name):
        plots.check(tmp_path / name)


def test_without_matplotlib_it_is_said_how_to_install_it_before_any_work(tmp_path: Path) -> None:
    # A package of that name that cannot be imported comes before the real one.
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not installed')\n", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])

    command = ("mfpt_coord", "languages", "sw", "zu", "--plot", str(tmp_path / "out.png"))
    result = run(tmp_path, *command, extra={"PYTHONPATH": path, "MFPT_CACHE": str(tmp_path / "cache")})

    assert result.returncode == 6
    assert result.stderr.splitlines() == [
        "mfpt-coord: figures need matplotlib, which is not installed: pip install 'mfpt[plot]'"
    ]


def test_dots_name_the_values_that_surely_are_below_zero() -> None:
    [axes] = dots().axes
    assert [text.get_text() for text in axes.texts] == ["zul"]
