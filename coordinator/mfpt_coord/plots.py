"""Figures for files: heat maps, lines, bars and dots, without a display and without global state.

The functions that draw import matplotlib themselves, so that only those who draw need to install it.
"""

import html
import io
import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.environment import not_written
from mfpt_shared.errors import NotInstalled, UsageError
from mfpt_shared.folders import cache_home

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Matrix = NDArray[np.float64]

SUFFIXES: Final = (".png", ".svg", ".html")

# Okabe and Ito 2008: colours that can be told apart with any kind of colour vision; without yellow, faint on white.
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
_GREY: Final = "#666666"
_MOST_LABELLED_CELLS: Final = 20
_MOST_ABREAST: Final = 8
_PNG_DPI: Final = 150
_STYLE: Final[dict[Any, Any]] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _GREY,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
}
_HTML: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: 2rem auto; max-width: 60rem; background: #fff }} svg {{ width: 100%; height: auto }}</style>
</head>
<body>
{svg}</body>
</html>
"""


class HeatMap(NamedTuple):
    """One matrix of a figure.

    Attributes:
        matrix: [labels, labels]; NaN where a value is unknown.
        values_label: Name of the values.
        low_is_dark: Whether small values are the ones that matter, as with distances.
    """

    matrix: Matrix
    values_label: str
    low_is_dark: bool = False


class Range(NamedTuple):
    """A value, and the ends of its interval."""

    value: float
    low: float
    high: float


def check(path: Path) -> None:
    """Check that a figure can be drawn into a file of this name, before doing any work for it.

    Raises:
        UsageError: The name does not end in .png, .svg or .html, or the folder does not exist.
        NotInstalled: matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot draw {path}: the name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"cannot draw {path}: the folder {path.absolute().parent} does not exist")
    # Its list of fonts is a cache as any other.
    os.environ.setdefault("MPLCONFIGDIR", str(cache_home() / "matplotlib"))
    try:
        import matplotlib as mpl  # noqa: F401, PLC0415 - only to see whether it is there
    except ImportError as error:
        raise NotInstalled("figures need matplotlib, which is not installed: pip install 'mfpt[plot]'") from error


def heat_map(matrix: Matrix, labels: Sequence[str], title: str, values_label: str) -> "Figure":
    """Return a square matrix as a heat map; see `HeatMap`."""
    return heat_maps([HeatMap(matrix, values_label)], labels, title)


def heat_maps(maps: Sequence[HeatMap], labels: Sequence[str], title: str) -> "Figure":
    """Return heat maps with the same labels: side by side, or one below the other if they are large."""
    side = max(3.0, 1.2 + 0.48 * len(labels))
    across = len(maps) if len(labels) <= _MOST_ABREAST else 1
    down = math.ceil(len(maps) / across)
    with _figure(title, (side + 1.0) * across, (side + 0.5) * down + 0.3) as figure:
        for position, shown in enumerate(maps, 1):
            _draw_heat_map(figure.add_subplot(down, across, position), shown, labels)
    return figure


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    x_label: str,
    y_label: str,
    title: str,
    bands: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> "Figure":
    """Return one line with markers for each series.

    Args:
        series: Name -> points (x, y), in the order of the line.
        x_label: Label of the x axis.
        y_label: Label of the y axis.
        title: Title of the figure.
        bands: Name -> (low, high) at each point of that series, drawn as a pale band.
    """
    with _figure(title, 8.0, 4.5) as figure:
        axes = _axes(figure, y_label)
        axes.set_xlabel(x_label)
        for number, (name, points) in enumerate(series.items()):
            colour = _COLOURS[number % len(_COLOURS)]
            x, y = [x for x, _ in points], [y for _, y in points]
            # Colours repeat after seven series; the style of the line tells them apart.
            style = ("-", "--", ":")[number // len(_COLOURS) % 3]
            axes.plot(x, y, style, label=name, color=colour, marker=_MARKERS[number % len(_MARKERS)], markersize=5)
            if bands is not None and name in bands:
                low, high = zip(*bands[name], strict=True)
                axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        _legend(figure, axes, len(series))
    return figure


def bars(
    groups: Sequence[str],
    series: Mapping[str, Sequence[float]],
    errors: Mapping[str, Sequence[float]] | None,
    y_label: str,
    title: str,
) -> "Figure":
    """Return groups of bars, with one bar of each series in a group.

    Args:
        groups: Names along the x axis.
        series: Name -> height in each group; NaN draws no bar.
        errors: Name -> half the length of the error bar in each group.
        y_label: Label of the y axis.
        title: Title of the figure.
    """
    wide = max(6.0, min(12.0, 2.0 + 0.3 * len(groups) * (len(series) + 1)))
    with _figure(title, wide, 4.5) as figure:
        axes = _axes(figure, y_label)
        width = 0.8 / max(1, len(series))
        middles = np.arange(len(groups))
        for number, (name, heights) in enumerate(series.items()):
            axes.bar(
                middles + (number - (len(series) - 1) / 2) * width,
                heights,
                width * 0.92,
                label=name,
                color=_COLOURS[number % len(_COLOURS)],
                yerr=None if errors is None else errors.get(name),
                error_kw={"elinewidth": 1, "capsize": 2, "ecolor": "#222222"},
            )
        axes.set_xticks(middles, groups)
        axes.tick_params(axis="x", length=0)
        _legend(figure, axes, len(series))
    return figure


def dots(groups: Mapping[str, Mapping[str, Range]], y_label: str, title: str) -> "Figure":
    """Return a dot with its interval for each value of each group, the smallest first, and a line at zero.

    Values whose interval lies below zero have a colour of their own and their name beside them.

    Args:
        groups: Name along the x axis -> name of a value -> value.
        y_label: Label of the y axis.
        title: Title of the figure.
    """
    with _figure(title, max(6.0, min(14.0, 1.5 + 1.1 * len(groups))), 4.5) as figure:
        axes = _axes(figure, y_label)
        axes.axhline(0.0, color=_GREY, linewidth=1)
        for middle, values in enumerate(groups.values()):
            places = np.linspace(-0.35, 0.35, len(values) + 2)[1:-1]
            for place, name in zip(places, sorted(values, key=values.__getitem__), strict=True):
                value, low, high = values[name]
                colour = _COLOURS[high < 0]
                axes.plot([middle + place] * 2, [low, high], color=colour, alpha=0.35, linewidth=1.5)
                axes.plot(middle + place, value, "o", color=colour, markersize=4)
                if high < 0:
                    axes.text(middle + place, low, name, ha="center", va="top", size=7, rotation=90, color=colour)
        axes.set_xticks(range(len(groups)), list(groups))
        axes.tick_params(axis="x", length=0, labelsize=9)
    return figure


def save(figure: "Figure", path: Path) -> None:
    """Write a figure to a file; the same figure always gives the same bytes.

    Args:
        figure: Figure from this module.
        path: File; its suffix says what is written: a picture (.png), a drawing (.svg), or a page with one (.html).

    Raises:
        UsageError: The suffix is another one, or there is no place of this name.
        MfptError: The file cannot be written.
    """
    check(path)
    suffix = path.suffix.lower()
    if suffix == ".png":
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=_PNG_DPI, metadata={"Software": None})
        data = content.getvalue()
    else:
        svg = _svg(figure)
        if suffix == ".html":
            svg = _HTML.format(title=html.escape(figure.get_suptitle()), svg=svg[svg.index("<svg") :])
        data = svg.encode()
    try:
        path.write_bytes(data)
    except OSError as error:
        raise not_written(path, error) from error


def _svg(figure: "Figure") -> str:
    import matplotlib as mpl  # noqa: PLC0415 - see the module

    content = io.StringIO()
    # With a random salt or a date, two drawings of the same figure would differ.
    with mpl.rc_context({"svg.hashsalt": "mfpt"}):
        figure.savefig(content, format="svg", metadata={"Date": None, "Title": figure.get_suptitle()})
    return content.getvalue()


@contextmanager
def _figure(title: str, width: float, height: float) -> Iterator["Figure"]:
    """Give an empty figure of a size in inches; what is drawn in the context has the style of this module."""
    import matplotlib as mpl  # noqa: PLC0415 - see the module
    from matplotlib.figure import Figure  # noqa: PLC0415 - see the module

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.suptitle(title, fontsize=12)
        yield figure


def _axes(figure: "Figure", y_label: str) -> "Axes":
    axes = figure.add_subplot()
    axes.set_ylabel(y_label)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    return axes


def _legend(figure: "Figure", axes: "Axes", count: int) -> None:
    if count > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")


def _draw_heat_map(axes: "Axes", shown: HeatMap, labels: Sequence[str]) -> None:
    matrix = np.asarray(shown.matrix, dtype=np.float64)
    known = matrix[~np.isnan(matrix)]
    low, high = min(0.0, known.min(initial=0.0)), known.max(initial=0.0) or 1.0
    image = axes.imshow(matrix, cmap="Blues_r" if shown.low_is_dark else "Blues", vmin=low, vmax=high)
    axes.set_facecolor("#EEEEEE")
    axes.set_xticks(range(len(labels)), labels, rotation=90 if len(labels) > 10 else 0)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(shown.values_label, fontsize=11)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.outline.set_visible(False)
    if len(labels) > _MOST_LABELLED_CELLS:
        return
    for row, column in itertools.product(range(len(labels)), repeat=2):
        value = matrix[row, column]
        darkness = (value - low) / (high - low)
        is_dark = (1 - darkness if shown.low_is_dark else darkness) > 0.55
        text = "–" if np.isnan(value) else f"{value:.2f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if is_dark else "black")
