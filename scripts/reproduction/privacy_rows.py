"""What the attack came to: rows of the study, and the table of all of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean

import msgspec

from reproduction.study import percent

COLUMNS = (
    *("family", "n", "who looks", "updates", "of", "asks", "epsilon"),
    *("AUC, first update", "AUC, later update", "accuracy"),
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One attack.

    Attributes:
        family: Family of tasks.
        group: Number of devices whose updates are seen together.
        observer: Who looks; see `privacy_views`.
        aggregation: How updates travel: open, masked, or either with noise.
        update: Which update of a device: first or later.
        examples: Training sentences of a device.
        epsilon: What the noise of all rounds is for; None: there is no noise.
        question: `held`: is the sentence among those of the group? `who`: which member has it?
        seed: Seed of the devices' sentences.
        auc: Chance that a sentence that is held scores higher than another, by who knows the label.
        auc_low: Lower end of its 95 % interval.
        auc_high: Upper end.
        auc_unlabelled: The same chance, by who does not know the label; None: not tried.
        accuracy: Test accuracy of a federation whose updates travel so, mean over languages.
        default: Whether a plan without privacy keys lets this be seen.
    """

    family: str
    group: int
    observer: str
    aggregation: str
    update: str
    examples: int
    epsilon: float | None
    question: str
    seed: int
    auc: float
    auc_low: float
    auc_high: float
    auc_unlabelled: float | None
    accuracy: float
    default: bool


class Needed(msgspec.Struct, frozen=True, kw_only=True):
    """The least noise that hides from the coordinator what is in a sum of three.

    Attributes:
        multiplier: Standard deviation of the noise of a sum, in multiples of the largest norm of an update.
        auc: AUC that is left, of the strongest attack: first, last, or all rounds together.
        epsilon: What this noise is worth by differential privacy, over all rounds.
        accuracy: Test accuracy with this noise, mean over languages.
        accuracy_without: The same without noise.
    """

    family: str
    examples: int
    seed: int
    multiplier: float
    auc: float
    epsilon: float
    accuracy: float
    accuracy_without: float


class More(msgspec.Struct, frozen=True, kw_only=True):
    """An attack beside the table.

    Attributes:
        attack: Its name; see `privacy_measure`.
        group: Number of devices whose updates are seen together.
        auc: See `Row`.
    """

    family: str
    examples: int
    seed: int
    attack: str
    group: int
    auc: float
    auc_low: float
    auc_high: float


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured in one family, with one number of examples and one seed."""

    rows: tuple[Row, ...]
    needed: tuple[Needed, ...]
    more: tuple[More, ...]


def lines(rows: Sequence[Row]) -> tuple[tuple[str, ...], ...]:
    """Return the table: a line for each thing that is seen, averaged over the seeds, with the widest interval of any.

    What a plan without privacy keys lets be seen has a star.
    """
    by_key: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        where = (row.family, row.examples, row.observer, row.aggregation)
        by_key.setdefault((*where, row.group, row.question, row.epsilon), []).append(row)
    return tuple(_line(seen) for seen in by_key.values())


def _line(rows: Sequence[Row]) -> tuple[str, ...]:
    first = rows[0]
    return (
        first.family,
        str(first.examples),
        first.observer,
        first.aggregation,
        str(first.group),
        first.question,
        "" if first.epsilon is None else f"{first.epsilon:g}",
        *(_told([row for row in rows if row.update == update]) for update in ("first", "later")),
        percent(mean(row.accuracy for row in rows)),
    )


def _told(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    low, high = min(row.auc_low for row in rows), max(row.auc_high for row in rows)
    return f"{_auc(mean(row.auc for row in rows))} {_auc(low)}..{_auc(high)}" + "*" * rows[0].default


def needed_text(found: Iterable[Needed]) -> str:
    """Say what noise it takes, and what that costs."""
    by_key: dict[tuple[str, int], list[Needed]] = {}
    for one in found:
        by_key.setdefault((one.family, one.examples), []).append(one)
    return "; ".join(
        f"{family} {examples}: noise {mean(one.multiplier for one in of_seeds):.3g} of the largest norm leaves "
        f"{_auc(mean(one.auc for one in of_seeds))} and costs "
        f"{100 * mean(one.accuracy_without - one.accuracy for one in of_seeds):.1f} points (epsilon "
        f"{mean(one.epsilon for one in of_seeds):,.0f})"
        for (family, examples), of_seeds in by_key.items()
    )


def more_text(found: Iterable[More], names: Mapping[str, str]) -> str:
    """Say what the attacks beside the table came to."""
    by_key: dict[tuple[str, int, str], list[More]] = {}
    for one in found:
        by_key.setdefault((one.attack, one.group, f"{one.family} {one.examples}"), []).append(one)
    texts: dict[str, list[str]] = {}
    for (attack, group, where), of_seeds in by_key.items():
        what = names[attack].format(group=group)
        texts.setdefault(what, []).append(
            f"{where} {_auc(mean(one.auc for one in of_seeds))} ({_auc(min(one.auc_low for one in of_seeds))}.."
            f"{_auc(max(one.auc_high for one in of_seeds))})"
        )
    return " ".join(f"{what}: {', '.join(of_attack)}." for what, of_attack in texts.items())


def _auc(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
