"""Which example is trained or tested on: by a stable hash, the same on every machine."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from mfpt_edge.data.example import Example, comparable
from mfpt_edge.data.place import SkippedRow
from mfpt_edge.data.table import listed
from mfpt_shared.errors import DatasetError
from mfpt_shared.languages import LanguageCode

SplitName = Literal["train", "test"]
SourceSplit = Literal["train", "validation", "test"]
"""A split as a source has it; what it validates on, a device trains on."""

IN_ANOTHER_SPLIT: Final = "text also in another split"
"""Reason for a row whose text another split holds too."""

SPLITS: Final[tuple[SplitName, ...]] = ("train", "test")
SPLIT_NAMES: Final[Mapping[str, SourceSplit]] = {
    "train": "train",
    "training": "train",
    "dev": "validation",
    "devel": "validation",
    "development": "validation",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
}
# What may follow the name of a split in one word, such as `testset2`.
_ENDING: Final = re.compile(r"(set|data|split)?[0-9]*$")
_WORD: Final = re.compile(r"[^\W_]+")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WITHOUT_LABELS: Final = frozenset({"unlabelled", "unlabeled", "unsupervised", "predictions"})


def split_in(name: str) -> SourceSplit | None:
    """Return the split that a name such as `sw_train` or `TestSet` says; None: it says none, or two."""
    words = _WORD.findall(_HUMP.sub("_", name).casefold())
    if _WITHOUT_LABELS.intersection(words):
        return None
    said = {split for word in words if (split := SPLIT_NAMES.get(word) or SPLIT_NAMES.get(_ENDING.sub("", word)))}
    return said.pop() if len(said) == 1 else None


def known_splits(source: str, names: Sequence[str]) -> dict[SourceSplit, str]:
    """Return split -> what a source calls it; other names say none.

    Args:
        source: The source, as messages name it.
        names: What it calls its splits.

    Raises:
        DatasetError: Two names say the same split, or none says what to train on.
    """
    known: dict[SourceSplit, str] = {}
    for name in names:
        split = SPLIT_NAMES.get(name.casefold())
        if split in known:
            raise DatasetError(f"{source}: {listed([known[split], name])} both claim to be the {split} split")
        if split is not None:
            known[split] = name
    if "train" not in known:
        raise DatasetError(f"{source} has no train split; it has {listed(names)}")
    return known


def split_of(key: str) -> SplitName:
    """Assign a key to a split, 90/10, the same on every machine and in every version."""
    bucket = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) % 10
    return "test" if bucket == 0 else "train"


class Divided(NamedTuple):
    """What to train and to test on, no text of which is in both.

    Attributes:
        train: Examples to train on.
        test: Examples to test on.
        left_out: Rows that were left out because another split holds their text.
        notes: What was decided.
    """

    train: Sequence[Example]
    test: Sequence[Example]
    left_out: Sequence[SkippedRow]
    notes: tuple[str, ...]


def divided(found: Mapping[SourceSplit, Sequence[Example]]) -> Divided:
    """Return what to train and to test on.

    The training examples are those of the source, then those that it validates on. Where it has nothing to test on, a
    tenth of them is split off: by what they are translations of, where the source says it, so that no language trains
    on what is another's test, translated; else by their text.
    """
    more, repeated = _apart(found.get("validation", ()), found["train"])
    train, test, notes = [*found["train"], *more], list(found.get("test", ())), list[str]()
    if not test:
        test = [example for example in train if split_of(_kept_together(example)) == "test"]
        train = [example for example in train if split_of(_kept_together(example)) == "train"]
        lack = "no usable test split" if "test" in found else "no test split"
        notes.append(f"{lack}: {len(test)} of {len(train) + len(test)} examples are kept to test on")
    train, leaks = _apart(train, test)
    left_out = [one.place for one in (*repeated, *leaks) if one.place is not None]
    return Divided(train, test, [SkippedRow(place, IN_ANOTHER_SPLIT) for place in left_out], tuple(notes))


def _kept_together(example: Example) -> str:
    return example.key or comparable(example.content)


def _apart(examples: Sequence[Example], others: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Return the examples whose text is none of the others', and the rest."""
    seen = {comparable(example.content) for example in others}
    known = [comparable(example.content) in seen for example in examples]
    return (
        [example for example, is_known in zip(examples, known, strict=True) if not is_known],
        [example for example, is_known in zip(examples, known, strict=True) if is_known],
    )


def subsample(examples: Sequence[Example], language: LanguageCode, limit: int) -> list[Example]:
    """Keep `limit` examples, in their order.

    Each label ranks its own by hash. Sorting all by rank over the label's size takes the first of every label first,
    then keeps the proportions; and a smaller limit gives a subset of what a larger one gives.
    """
    groups: dict[int, list[tuple[bytes, int]]] = defaultdict(list)
    for position, example in enumerate(examples):
        key = f"{language}\n{example.label}\n{example.content}"
        groups[example.label].append((hashlib.blake2b(key.encode(), digest_size=16).digest(), position))
    ranked = sorted(
        (rank / len(group), digest, position)
        for group in groups.values()
        for rank, (digest, position) in enumerate(sorted(group))
    )
    return [examples[position] for position in sorted(position for _, _, position in ranked[:limit])]
