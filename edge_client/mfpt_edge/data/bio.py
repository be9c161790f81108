"""Labels of entities, of which `B-` begins one and `I-` continues it: other ways of writing them are read as this one.

- IOB1 begins an entity with `I-`, unless another of its type ends right before it: such an `I-` becomes a `B-`.
- So does an `I-` that continues nothing for any other reason: it is a slip of the annotator, or of a cut sentence.
- BIOES and BILOU end entities with labels of their own, and have one for those of a single word.

What is read anew is counted by words.

Sources: Ramshaw and Marcus 1995 (IOB1); Tjong Kim Sang and Veenstra 1999 (IOB2, here BIO).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from mfpt_edge.data.example import Example
from mfpt_edge.data.splits import SourceSplit

IOB1: Final = "I- that begins an entity (IOB1), read as B-"
STRAY: Final = "I- without its B-, read as B-"
ENDS: Final = "label of BIOES or BILOU, read as B- or I-"

_BIO: Final = {"S": "B", "U": "B", "E": "I", "L": "I"}


class _Kinds(NamedTuple):
    """The plan's labels of entities, as indices.

    Attributes:
        begins: Label that continues an entity -> label that begins one of the same type.
        within: Label that begins or continues an entity -> label that begins one of the same type.
    """

    begins: Mapping[int, int]
    within: Mapping[int, int]


def ends(found: Iterable[str], labels: Sequence[str]) -> dict[str, int]:
    """Return label of the source -> index into the plan's labels, for labels that only BIOES and BILOU have.

    Args:
        found: Labels of the source.
        labels: The plan's labels.
    """
    index_of = {label: index for index, label in enumerate(labels)}
    others = {label: _in_bio(label) for label in found if label not in index_of}
    return {label: index_of[known] for label, known in others.items() if known in index_of}


def _in_bio(label: str) -> str:
    prefix, dash, kind = label.partition("-")
    return f"{_BIO.get(prefix, prefix)}{dash}{kind}"


def repaired(
    splits: Mapping[SourceSplit, Sequence[Example]], labels: Sequence[str]
) -> tuple[dict[SourceSplit, list[Example]], dict[str, int]]:
    """Let every entity begin with `B-`.

    Args:
        splits: Examples with tags.
        labels: The plan's labels.

    Returns:
        The same splits, and how labels were read anew -> number of words.
    """
    kinds = _kinds(labels)
    mended = {name: [replace(one, tags=_mended(one.tags, kinds)) for one in of] for name, of in splits.items()}
    words = sum(
        tag != other
        for name, of in splits.items()
        for one, new in zip(of, mended[name], strict=True)
        for tag, other in zip(one.tags, new.tags, strict=True)
    )
    is_iob1 = all(_is_iob1(one.tags, kinds) for of in splits.values() for one in of)
    return mended, {IOB1 if is_iob1 else STRAY: words} if words else {}


def _kinds(labels: Sequence[str]) -> _Kinds:
    index = {label: position for position, label in enumerate(labels)}
    starts = {label[2:]: position for label, position in index.items() if label.startswith("B-")}
    begins = {
        position: starts[label[2:]]
        for label, position in index.items()
        if label.startswith("I-") and label[2:] in starts
    }
    return _Kinds(begins, begins | {position: position for position in starts.values()})


def _mended(tags: Sequence[int], kinds: _Kinds) -> tuple[int, ...]:
    """Let a label that continues what is not there begin it."""
    before = (None, *(kinds.within.get(tag) for tag in tags))
    return tuple(
        kinds.begins[tag] if tag in kinds.begins and kinds.begins[tag] != last else tag
        for tag, last in zip(tags, before, strict=False)
    )


def _is_iob1(tags: Sequence[int], kinds: _Kinds) -> bool:
    """Whether every label that begins an entity follows one of its own type."""
    before = (None, *(kinds.within.get(tag) for tag in tags))
    return all(kinds.within.get(tag) != tag or tag == last for tag, last in zip(tags, before, strict=False))
