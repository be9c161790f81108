"""Which example is trained, validated or tested on: by a stable hash, the same on every machine."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from mfpt_edge.data.example import Example, comparable
from mfpt_edge.data.place import SkippedRow
from mfpt_shared.languages import LanguageCode

SplitName = Literal["train", "validation", "test"]

SPLITS: Final[tuple[SplitName, ...]] = ("train", "validation", "test")
SPLIT_NAMES: Final[Mapping[str, SplitName]] = {
    "train": "train",
    "dev": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def split_of(key: str) -> SplitName:
    """Assign a key to a split, 80/10/10, the same on every machine and in every version."""
    bucket = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) % 10
    return "test" if bucket == 0 else "validation" if bucket == 1 else "train"


def filled(found: Mapping[SplitName, list[Example]]) -> dict[SplitName, list[Example]]:
    """Split off from the training examples what the source does not bring."""
    splits: dict[SplitName, list[Example]] = {name: list(found.get(name, ())) for name in SPLITS}
    splits["train"] = []
    for example in found["train"]:
        name = split_of(comparable(example.content))
        splits["train" if name in found else name].append(example)
    return splits


def without_leaks(
    splits: Mapping[SplitName, list[Example]],
) -> tuple[dict[SplitName, list[Example]], list[SkippedRow]]:
    """Drop from train what validation or test hold too, and from validation what test holds.

    Returns:
        The splits without these examples, and the rows of the source that these came from.
    """
    kept: dict[SplitName, list[Example]] = {}
    leaks: list[Example] = []
    seen: set[str] = set()
    for name in reversed(SPLITS):
        keys = [comparable(example.content) for example in splits[name]]
        kept[name] = [example for example, key in zip(splits[name], keys, strict=True) if key not in seen]
        leaks += [example for example, key in zip(splits[name], keys, strict=True) if key in seen]
        seen.update(keys)
    return kept, [SkippedRow(one.place, "text also in another split") for one in leaks if one.place is not None]


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
