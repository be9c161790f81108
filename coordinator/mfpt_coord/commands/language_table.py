"""The table of `mfpt-coord languages`: distances between languages, and the weights that follow from them."""

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.columns import Columns
from rich.console import Group, RenderableType

from mfpt_coord.commands.heat_map import heat_map
from mfpt_coord.core.proximity import Matrix, distance, proximities
from mfpt_coord.core.relations import CUSTOM, UNKNOWN_DISTANCE, Distances, Relations, pair
from mfpt_coord.languages.distances import METRICS, cached_look_up, merged, pairs, with_custom
from mfpt_coord.plots import HeatMap, heat_maps
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import UNDETERMINED, LanguageCode, given_language
from mfpt_shared.plan import Aggregation, DistanceMetric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALL: Final = "all"
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class LanguageTable:
    """Distances between languages and their weights; every matrix is [languages, languages].

    Attributes:
        languages: Languages, in the order of rows and columns.
        distances: Metric -> distances; NaN where unknown.
        mean: Distances that count: from the user's own file, else the mean over the metrics that are known.
        weights: Share of the column's language in the prompt of the row's language; rows add up to 1.
        how: How the weights follow from the distances, in words.
    """

    languages: tuple[LanguageCode, ...]
    distances: Mapping[str, Matrix]
    mean: Matrix
    weights: Matrix
    how: str


def parse_languages(tags: Sequence[str]) -> tuple[LanguageCode, ...]:
    """Return the codes of language tags, each once.

    Raises:
        UsageError: One of them does not name a language.
    """
    codes = tuple(dict.fromkeys(given_language(tag) for tag in tags))
    if UNDETERMINED in codes:
        raise UsageError("'und' has no distances: it is the prompt for languages that no device speaks")
    return codes


def parse_metrics(names: str) -> tuple[DistanceMetric, ...]:
    """Return the metrics in a list separated by commas; `all` means all of them.

    Raises:
        UsageError: There is no metric of that name.
    """
    wanted = [name.strip() for name in names.split(",")]
    if wanted == [ALL]:
        return METRICS
    unknown = [name for name in wanted if name not in METRICS]
    if unknown:
        raise UsageError(f"--metrics {unknown[0]!r} does not exist; choose from {', '.join(METRICS)}, or {ALL}")
    return tuple(metric for metric in METRICS if metric in wanted)


async def known_distances(
    languages: Sequence[LanguageCode], metrics: Sequence[str] | None, custom: Distances, cache: Path
) -> Distances:
    """Return the known distances between languages.

    Args:
        languages: Any number of languages.
        metrics: Metrics to find for all pairs; None: the plan's default metrics, for pairs without a custom distance.
        custom: The user's own distances; URIEL+ is not asked if these are enough.
        cache: Folder in which the answers of URIEL+ are kept.
    """
    ask = functools.partial(cached_look_up, cache=cache)
    if metrics is None:
        return await with_custom(ask, custom)(languages, Aggregation().metrics)
    among = {two: custom[two] for two in pairs(languages) if two in custom}
    return merged(await ask(languages, metrics), among)


def tabulate(
    languages: Sequence[LanguageCode], known: Distances, metrics: Sequence[str], examples: int, plan: Aggregation
) -> LanguageTable:
    """Return the table of languages.

    Args:
        languages: Languages of the rows and columns.
        known: Known distances.
        metrics: Metrics to show.
        examples: Number of training examples of every language.
        plan: How weights follow from distances and examples.
    """

    def matrix(metric: str) -> Matrix:
        rows = [
            [0.0 if row == column else known.get(pair(row, column), {}).get(metric, math.nan) for column in languages]
            for row in languages
        ]
        return np.array(rows, dtype=np.float64)

    mean = [[distance(row, column, known, plan.metrics) for column in languages] for row in languages]
    near = proximities(
        languages, languages, Relations(distances=known), dict.fromkeys(languages, float(examples)), plan
    )
    how = {
        "auto": f"auto, {examples:,} examples a language",
        "fixed": f"fixed, temperature {plan.temperature:g}",
    }.get(plan.proximity, plan.proximity)
    return LanguageTable(
        tuple(languages),
        {metric: matrix(metric) for metric in metrics},
        np.array(mean, dtype=np.float64),
        near / near.sum(axis=1, keepdims=True),
        how,
    )


def shown_metrics(
    languages: Sequence[LanguageCode], metrics: Sequence[str] | None, custom: Distances
) -> tuple[str, ...]:
    """Return the metrics that have something to show; see `known_distances` for the arguments."""
    wanted = pairs(languages)
    own = [CUSTOM] if any(two in custom for two in wanted) else []
    if metrics is None:
        metrics = Aggregation().metrics if not own or any(two not in custom for two in wanted) else ()
    return (*own, *metrics)


def as_json(table: LanguageTable) -> str:
    """Return a table as one JSON object; null means unknown."""
    return json.dumps(
        {
            "languages": table.languages,
            "distances": {metric: _rounded(matrix) for metric, matrix in table.distances.items()},
            "mean": _rounded(table.mean),
            "weights": _rounded(table.weights),
        }
    )


def _rounded(matrix: Matrix) -> list[list[float | None]]:
    return [[None if math.isnan(value) else round(value, _DIGITS) for value in row] for row in matrix.tolist()]


def render(table: LanguageTable, width: int) -> RenderableType:
    """Return a table as heat maps for a terminal, `width` characters wide."""
    distances = dict(table.distances)
    is_incomplete = any(np.isnan(matrix).any() for matrix in distances.values())
    if len(distances) > 1 or is_incomplete:
        distances["mean"] = table.mean
    maps = [(title, matrix, 1 - matrix) for title, matrix in distances.items()]
    maps.append(("weight", table.weights, table.weights / table.weights.max()))
    blocks = [
        block.append("\n")
        for title, values, shades in maps
        for block in heat_map(title, table.languages, values, shades, width)
    ]
    notes = [f"Each row shows how much its language's prompt takes from the language of each column ({table.how})."]
    if CUSTOM in distances:
        notes.append(f"{CUSTOM}: your own distances; where a pair has one, it alone counts.")
    if is_incomplete:
        notes.append(f"– means unknown; a pair without any known distance counts as {UNKNOWN_DISTANCE:.2f}.")
    return Group(Columns(blocks, padding=(0, 3)), *notes)


def figure(table: LanguageTable) -> "Figure":
    """Return a figure of the distances that count, and of the weights."""
    return heat_maps(
        [
            HeatMap(table.mean, "distance", low_is_dark=True),
            HeatMap(table.weights, "weight of columns for rows"),
        ],
        table.languages,
        f"How much languages count for one another ({table.how})",
    )
