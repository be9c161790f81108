"""Texts that occur more than once: copies, copies under different labels, and one text instead of many."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Final

from mfpt_edge.data.example import Example, comparable
from mfpt_edge.data.findings import Finding, share

_OFTEN: Final = 10  # a text that occurs more often, and makes a twentieth of all, stands for something else
_MUCH: Final = 0.05
_MANY_COPIES: Final = 0.1
_MANY_CONTRADICTIONS, _USELESS_CONTRADICTIONS = 0.01, 0.5


def repetition(examples: Sequence[Example]) -> list[Finding]:
    """Return what is to be said about texts that occur more than once; case and white space make no other text.

    Args:
        examples: All examples of a data set.
    """
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[comparable(example.content)].append(example)
    if len(groups) < 2:
        text = f"all {len(examples)} examples have the same text: name the right column with --text-column"
        return [Finding("one text", "useless", len(examples), text)] if len(examples) > 1 else []
    repeated = [group for group in groups.values() if len(group) > 1]
    found = (_contradictions(repeated, len(examples)), _most_frequent(repeated, len(examples)))
    return [*filter(None, (_duplicates(repeated, len(examples)), *found))]


def _answer(example: Example) -> Hashable:
    return example.completion or example.tags or example.label


def _duplicates(repeated: Sequence[Sequence[Example]], of: int) -> Finding | None:
    copies = sum(len(group) - 1 for group in repeated)
    if not copies:
        return None
    text = f"{share(copies, of)} examples are copies of another one{_first(repeated[0])}"
    return Finding("duplicates", "warning" if copies > _MANY_COPIES * of else "note", copies, text)


def _contradictions(repeated: Sequence[Sequence[Example]], of: int) -> Finding | None:
    """Say how many texts are labelled in more than one way; a prompt may well have several completions."""
    against = [group for group in repeated if not group[0].completion and len(set(map(_answer, group))) > 1]
    count = sum(map(len, against))
    if not count:
        return None
    text = (
        f"{share(count, of)} examples have a text that is also labelled in another way{_first(against[0])}; "
        "check which label is right"
    )
    if count > _USELESS_CONTRADICTIONS * of:
        return Finding("contradictions", "useless", count, text)
    return Finding("contradictions", "warning" if count > _MANY_CONTRADICTIONS * of else "note", count, text)


def _most_frequent(repeated: Sequence[Sequence[Example]], of: int) -> Finding | None:
    most = max(repeated, key=len, default=())
    if len(most) < max(_OFTEN, _MUCH * of):
        return None
    labels = len(set(map(_answer, most)))
    under = f", under {labels} labels" if labels > 1 else ""
    text = f"one text makes {share(len(most), of)} examples{under}{_first(most)}: is it a text at all?"
    return Finding("one text", "warning", len(most), text)


def _first(group: Sequence[Example]) -> str:
    place = group[0].place
    return "" if place is None else f", first: {place}"
