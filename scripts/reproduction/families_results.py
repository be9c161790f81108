"""The study over families in figures: what holds over all rows, and JSON for scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reproduction.bootstrap import Interval, score
from reproduction.families_verdicts import Row, Verdict, below_alone
from reproduction.many_tests import LEVEL, most_by_chance


@dataclass(frozen=True, slots=True)
class Overall:
    """What holds over all rows; a cell is one language in one family at one size.

    Attributes:
        compared: Number of cells.
        below_alone: Cells below alone by more than two standard errors of their test set.
        harmed: Cells below alone after the correction for many tests.
        uncorrected: Cells below alone before it.
        rows_without_regret: Number of rows.
        means_below: Family and size of each row whose mean is below alone.
    """

    compared: int
    below_alone: int
    harmed: int
    uncorrected: int
    rows_without_regret: int
    means_below: tuple[str, ...]

    @staticmethod
    def of(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> "Overall":
        """Count over all rows."""
        harms = [harm for verdict in verdicts for harm in verdict.harms.values()]
        return Overall(
            compared=len(harms),
            below_alone=len(below_alone(rows)),
            harmed=sum(len(verdict.harmed) for verdict in verdicts),
            uncorrected=sum(harm.p < LEVEL for harm in harms),
            rows_without_regret=sum(verdict.no_regret for verdict in verdicts),
            means_below=tuple(
                f"{row.family} {row.examples}"
                for row, verdict in zip(rows, verdicts, strict=True)
                if verdict.over_alone.mean < 0
            ),
        )

    @property
    def by_chance(self) -> float:
        """Number of cells that chance alone puts below alone before the correction, at most, on average."""
        return LEVEL * self.compared

    @property
    def rarely_more(self) -> int:
        """Number that chance alone exceeds in one study of twenty; languages that share sentences vary more."""
        return most_by_chance(self.compared)

    @property
    def means_text(self) -> str:
        """Which rows have a mean below alone."""
        return f"means below alone: {', '.join(self.means_below)}" if self.means_below else "no mean is below alone"


def results(rows: Sequence[Row], verdicts: Sequence[Verdict], overall: Overall) -> dict[str, Any]:
    """Return the study as JSON values; all scores are in 0..1."""
    return {
        "cells": [cell for row in rows for cell in _cells(row)],
        "below_alone": overall.below_alone,
        "cells_compared": overall.compared,
        "harmed": overall.harmed,
        "below_alone_uncorrected": overall.uncorrected,
        "below_alone_by_chance": overall.by_chance,
        "below_alone_by_chance_rarely_more_than": overall.rarely_more,
        "means_below_alone": list(overall.means_below),
        "rows_without_regret": overall.rows_without_regret,
        "rows": [_row(row, verdict) for row, verdict in zip(rows, verdicts, strict=True)],
    }


def _cells(row: Row) -> list[dict[str, Any]]:
    """Return a cell for each method and seed."""
    return [
        {
            "family": row.family,
            "examples": row.examples,
            "method": method,
            "seed": seed,
            "accuracy": {tag: float(score(of_tag[at].sum(axis=0).astype(float))) for tag, of_tag in tallies.items()},
            "test_examples": {tag: of_tag.shape[1] for tag, of_tag in tallies.items()},
        }
        for method, tallies in row.tallies.items()
        for at, seed in enumerate(row.seeds)
    ]


def _row(row: Row, verdict: Verdict) -> dict[str, Any]:
    return {
        "family": row.family,
        "examples": row.examples,
        "seeds": list(row.seeds),
        "means": {method: row.mean(method) for method in row.tallies},
        "gain_over_alone": _interval(verdict.over_alone),
        "rival": verdict.rival,
        "gain_over_rival": _interval(verdict.over_rival),
        "no_regret": verdict.no_regret,
        "languages": {
            tag: {"gain_over_alone": _interval(harm.gain), "p": harm.p, "p_holm": harm.holm}
            for tag, harm in verdict.harms.items()
        },
    }


def _interval(found: Interval) -> dict[str, float]:
    return found._asdict()
