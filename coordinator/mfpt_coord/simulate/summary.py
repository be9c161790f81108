"""Summaries of simulations, for people and for scripts."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import METHODS, Method, Outcome, mean
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One method over all seeds; accuracies, or F1 where the task has it, in 0..1.

    Attributes:
        mean: Mean over languages, then seeds.
        deviation: Standard deviation of the seeds' means; 0 for a single seed.
        worst: Lowest mean of a language over the seeds.
        per_language: Language -> mean over the seeds.
        seeds: Mean over languages for each seed, in order.
    """

    mean: float
    deviation: float
    worst: float
    per_language: dict[LanguageCode, float]
    seeds: list[float]


def score_name(task: Task) -> str:
    """Return what answers are judged by, as tables and figures name it."""
    return "F1" if task.metric == "f1" else task.metric


def summarise(accuracies: Sequence[dict[LanguageCode, float]]) -> Summary:
    """Summarise accuracies: one mapping from languages for each seed."""
    per_language = {tag: statistics.mean(one[tag] for one in accuracies) for tag in accuracies[0]}
    seeds = [mean(one) for one in accuracies]
    return Summary(
        mean=statistics.mean(seeds),
        deviation=statistics.stdev(seeds) if len(seeds) > 1 else 0.0,
        worst=min(per_language.values()),
        per_language=per_language,
        seeds=seeds,
    )


def by_method(outcomes: Sequence[Outcome]) -> dict[Method, list[Outcome]]:
    """Group outcomes by method, in the usual order of the methods."""
    return {method: found for method in METHODS if (found := [one for one in outcomes if one.method == method])}


def as_json(outcomes: Sequence[Outcome], task: Task) -> str:
    """Return what answers are judged by, summaries of the methods and all outcomes as JSON."""
    methods = {method: summarise([one.accuracy for one in found]) for method, found in by_method(outcomes).items()}
    return msgspec.json.encode({"metric": task.metric, "methods": methods, "outcomes": list(outcomes)}).decode()


def figure(outcomes: Sequence[Outcome], task: Task) -> "Figure":
    """Return a figure with a bar for each language and method."""
    summaries = {method: summarise([one.accuracy for one in found]) for method, found in by_method(outcomes).items()}
    tags = list(next(iter(summaries.values())).per_language)
    series = {str(method): [summary.per_language[tag] for tag in tags] for method, summary in summaries.items()}
    score = score_name(task)
    return plots.bars(tags, series, None, f"test {score}", f"{score[0].upper()}{score[1:]} by language")
