"""Which example is trained or tested on: by a stable hash, the same on every machine."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from mfpt_edge.data.example import Example, comparable
from mfpt_edge.data.place import SkippedRow
from mfpt_shared.languages import LanguageCode

SplitName = Literal["train", "test"]
SourceSplit = Literal["train", "validation", "test"]
"""A split as a source has it; what it validates on, a device trains on."""

SPLITS: Final[tuple[SplitName, ...]] = ("train", "test")
SPLIT_NAMES: Final[Mapping[str, SourceSplit]] = {
    "train": "train",
    "dev": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def split_of(key: str) -> SplitName:
    """Assign a key to a split, 90/10, the same on every machine and in every version."""
    bucket = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) % 10
    return "test" if bucket == 0 else "train"


def divided(
    found: Mapping[SourceSplit, Sequence[Example]],
) -> tuple[dict[SplitName, list[Example]], list[SkippedRow]]:
    """Return what to train and to test on, no text of which is in both.

    The training examples are those of the source, then those that it validates on; where it has nothing to test on, a
    tenth of them is split off.

    Returns:
        The splits, and the rows of the source that were left out because another split holds their text.
    """
    train, repeated = _apart(found.get("validation", ()), found["train"])
    train = [*found["train"], *train]
    if "test" in found:
        test = list(found["test"])
    else:
        test = [example for example in train if split_of(comparable(example.content)) == "test"]
        train = [example for example in train if split_of(comparable(example.content)) == "train"]
    train, leaks = _apart(train, test)
    left_out = [one.place for one in (*repeated, *leaks) if one.place is not None]
    return {"train": train, "test": test}, [SkippedRow(place, "text also in another split") for place in left_out]


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
