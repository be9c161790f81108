"""The table, caption and figure of the study over families."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from mfpt_coord import plots
from reproduction.families_results import Overall, results
from reproduction.families_verdicts import ALONE, MARGIN, USED, Row, Verdict, judge
from reproduction.setting import Setting
from reproduction.study import Study, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Method -> its column; in the order of the table.
METHODS: Final = {
    ALONE: "alone",
    "central": "central",
    "fedavg": "fedavg",
    "fedbuff": "fedbuff",
    "fixed": "fixed",
    "mfpt": "mfpt",
    USED: "used",
}
_COLUMNS: Final = ("family", "n", *METHODS.values(), "used - *", "regret", "below")


def report(setting: Setting, rows: Sequence[Row]) -> Study:
    """Return the study."""
    verdicts = judge(rows)
    overall = Overall.of(rows, verdicts)
    return Study(
        "families",
        _caption(setting, rows, overall),
        _COLUMNS,
        tuple(_cells(row, verdict) for row, verdict in zip(rows, verdicts, strict=True)),
        results(rows, verdicts, overall),
        _figure(rows, verdicts),
    )


def _cells(row: Row, verdict: Verdict) -> tuple[str, ...]:
    scores = [percent(row.mean(name)) + "*" * (name == verdict.rival) for name in METHODS]
    low, high = verdict.over_rival.low, verdict.over_rival.high
    return (
        row.family,
        str(row.examples),
        *scores,
        f"{100 * low:+.1f}..{100 * high:+.1f}",
        "no" if verdict.no_regret else "yes",
        f"{len(verdict.harmed)}/{len(row.languages)}",
    )


def _caption(setting: Setting, rows: Sequence[Row], overall: Overall) -> str:
    partly = ", not yet all in every row" if any(row.seeds != setting.seeds for row in rows) else ""
    regrets = f"{overall.rows_without_regret} of {len(rows)} rows are without regret"
    return (
        f"Test accuracy in % (F1 for masakhaner2), mean over languages, after training on the same n labelled examples "
        f"of each language in seven ways, {setting.rounds} rounds, {setting.seeds_text}{partly}. "
        "alone: each language at its best of a grid; used: what the devices of mfpt use, mfpt: what they share; "
        "mixed: SIB-200 with 100 examples of eng, fra, ind each. *: best of alone, fedavg, fedbuff and fixed, in "
        "hindsight; used - *: 95 % interval of the difference over resampled test sentences, in points; "
        f"regret: its lower end is not above {100 * MARGIN:.1f}; below: languages below alone, p < .05 one-sided "
        f"after Holm's correction over all {overall.compared}. "
        f"In all, {regrets}; {overall.harmed} of {overall.compared} languages are below alone after the correction, "
        f"{overall.uncorrected} before it, where chance gives {overall.by_chance:.1f} and rarely more than "
        f"{overall.rarely_more}; {overall.below_alone} are below by more than two standard errors of their test set; "
        f"{overall.means_text}."
    )


def _figure(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> "Figure":
    groups: dict[str, Mapping[str, plots.Range]] = {
        f"{row.family}\n{row.examples}": {language: plots.Range(*harm.gain) for language, harm in verdict.harms.items()}
        for row, verdict in zip(rows, verdicts, strict=True)
    }
    title = "What each language gains over being alone, with 95 % intervals"
    return plots.dots(groups, "gain over alone", title)
