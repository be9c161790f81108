"""Labels of a source matched with the plan's, and the reasons for rows whose label is none of them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mfpt_edge.data.names import comparable_name, may_be_name
from mfpt_edge.data.table import listed

UNKNOWN: Final = "label not in the plan"
"""Reason for a row whose label is none of the plan's; where labels can be named, theirs follows."""

# A number as programs write it, also with the point or the comma that spreadsheets add.
_WHOLE: Final = re.compile(r"(0|[1-9][0-9]{0,3})([.,]0+)?")
_QUOTED: Final = re.compile(r"""\[?\s*(['"])(.+)\1\s*\]?""")
# What stands where a label is missing. It says nothing about how the other rows are labelled.
_MISSING: Final = frozenset({"-1", "-1.0", "na", "n/a", "nan", "null", "none", "-", "?"})
_NAMED: Final = 10
_MOST_OWN: Final = 200


class Matched(NamedTuple):
    """How the labels of a source are read.

    Attributes:
        index_of: Label of the source -> index into the plan's labels, for those that match.
        notes: How labels were read that are not written as the plan writes them.
    """

    index_of: Mapping[str, int]
    notes: tuple[str, ...] = ()


def match_labels(found: Mapping[str, int], labels: Sequence[str]) -> Matched:
    """Match the labels of a source with the plan's.

    A label matches exactly or, where none does and only one would, as `comparable_name` compares. So does what stands
    in quotation marks or as a list of one, `['health']`, and a number with a point or a comma, `1.0` or `1,0`.

    Whole numbers are positions in the plan, counted from 0, where no label of the plan is a number, 0 is among them, at
    least four rows in five have such a position, and at most one in twenty a number beyond the last.

    Args:
        found: Label of the whole source, stripped -> number of times that it occurs.
        labels: The plan's labels.
    """
    exact = {label.strip(): index for index, label in enumerate(labels)}
    spellings = Counter(comparable_name(label) for label in exact)
    alike = {comparable_name(label): index for label, index in exact.items() if spellings[comparable_name(label)] == 1}
    respelt = {label: alike[name] for label in found if label not in exact and (name := _bare(label)) in alike}
    named = {label: index for label, index in exact.items() if label in found} | respelt
    positions = {} if any(map(_WHOLE.fullmatch, exact)) else _positions(found, len(labels))
    return Matched(positions | named, (*_respelt_note(respelt, labels), *_positions_note(positions, labels)))


def _bare(label: str) -> str:
    """Return a label as it is compared: without the brackets of a list of one; a number without its decimals."""
    quoted, number = _QUOTED.fullmatch(label), _WHOLE.fullmatch(label)
    return number[1] if number else comparable_name(quoted[2] if quoted else label)


def number_hint(found: Mapping[str, int], labels: Sequence[str]) -> str:
    """Return what to do about labels that are numbers but no positions in the plan, as a line; empty: they are not."""
    given = [label for label in found if not is_missing(label)]
    if not given or not all(map(_WHOLE.fullmatch, given)) or any(map(_WHOLE.fullmatch, labels)):
        return ""
    return (
        f"\nnumbers are read as positions in the plan only if they count from 0 to {len(labels) - 1} and 0 is "
        "among them: write the names of the labels into the file"
    )


def unknown_reasons(found: Mapping[str, int], known: Mapping[str, int]) -> dict[str, str]:
    """Return label -> why its rows are skipped, for the labels of a source that match none of the plan's.

    The most frequent ones are named, unless they look like texts: long, or many that occur once.
    """
    unknown = {label: count for label, count in found.items() if label not in known}
    named = nameable(unknown)[:_NAMED]
    return dict.fromkeys(unknown, UNKNOWN) | {label: f"{UNKNOWN}: {listed([label])}" for label in named}


def nameable(found: Mapping[str, int]) -> list[str]:
    """Return the labels of a source that a message may name, the most frequent first.

    A column of texts taken for labels has long ones, or many that occur once; no text may be named.
    """
    return [
        label
        for label, count in Counter(found).most_common()
        if may_be_name(label) and (count > 1 or len(found) <= _NAMED)
    ]


def own_labels(found: Mapping[str, int]) -> tuple[str, ...]:
    """Return the labels of a source where no plan says which there are, in order; none where they look like texts.

    Args:
        found: As for `match_labels`.
    """
    given = {label: count for label, count in found.items() if not is_missing(label)}
    names = nameable(given)
    if 2 * sum(given[name] for name in names) < sum(given.values()) or len(names) > _MOST_OWN:
        return ()
    spelt: dict[str, str] = {}
    for name in names:
        spelt.setdefault(_bare(name), name)
    whole = all(map(_WHOLE.fullmatch, spelt.values()))
    return tuple(sorted(spelt.values(), key=(lambda name: (int(re.split("[.,]", name)[0]), name)) if whole else None))


def _positions(found: Mapping[str, int], plan_labels: int) -> dict[str, int]:
    """Return number as the source writes it -> index; none where numbers mean something else."""
    numbers = {label: match for label in found if (match := _WHOLE.fullmatch(label))}
    fractions = sum(found[label] if match[2] else -found[label] for label, match in numbers.items()) > 0
    alike = {label: int(match[1]) for label, match in numbers.items() if bool(match[2]) == fractions}
    within = {label: number for label, number in alike.items() if number < plan_labels}
    rows = sum(count for label, count in found.items() if not is_missing(label))
    fitting = sum(found[label] for label in within)
    beyond = sum(found[label] for label in alike.keys() - within.keys())
    surely = 0 in within.values() and 5 * fitting >= 4 * rows and 20 * beyond <= rows
    return within if surely else {}


def is_missing(label: str) -> bool:
    """Tell whether a label is what people write where there is none."""
    return comparable_name(label) in _MISSING


def _respelt_note(respelt: Mapping[str, int], labels: Sequence[str]) -> list[str]:
    pairs = [f"{listed([label])} as {listed([labels[index]])}" for label, index in sorted(respelt.items())]
    more = [f"{len(pairs) - _NAMED} more"] if len(pairs) > _NAMED else []
    return [f"labels written in another way read as the plan's: {', '.join(pairs[:_NAMED] + more)}"] if pairs else []


def _positions_note(positions: Mapping[str, int], labels: Sequence[str]) -> list[str]:
    if not positions:
        return []
    ordered = sorted(positions, key=positions.__getitem__)
    span = " to ".join(listed([label]) for label in dict.fromkeys((ordered[0], ordered[-1])))
    meant = [labels[positions[label]] for label in ordered]
    return [f"labels {span} read as positions in the plan, counted from 0: {listed(meant, _NAMED)}"]
