"""Which example is trained, validated or tested on: by a stable hash, the same on every machine."""

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

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


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text, one labelled pair of texts, or one prompt with its completion.

    Attributes:
        label: index into the plan's labels; 0 where there are none.
        key: the same for translations of one sentence, where the source says which these are; else empty.
        pair: the second text of a pair; else empty.
        completion: what is to follow the text, where the task is generation; else empty.
    """

    text: str
    label: int = 0
    key: str = ""
    pair: str = ""
    completion: str = ""

    @property
    def content(self) -> str:
        """All that a model is shown to answer from."""
        return f"{self.text}\n{self.pair}" if self.pair else self.text


def split_of(key: str) -> SplitName:
    """Assign a key to a split, 80/10/10, the same on every machine and in every version."""
    bucket = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) % 10
    return "test" if bucket == 0 else "validation" if bucket == 1 else "train"


def comparable(text: str) -> str:
    """Return a text without the differences that make no other sentence: Unicode form, case and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def filled(found: Mapping[SplitName, list[Example]]) -> dict[SplitName, list[Example]]:
    """Split off from the training examples what the source does not bring."""
    splits: dict[SplitName, list[Example]] = {name: list(found.get(name, ())) for name in SPLITS}
    splits["train"] = []
    for example in found["train"]:
        name = split_of(comparable(example.content))
        splits["train" if name in found else name].append(example)
    return splits


def without_leaks(splits: Mapping[SplitName, list[Example]], skipped: Counter[str]) -> dict[SplitName, list[Example]]:
    """Drop from train what validation or test hold too, and from validation what test holds; add them to `skipped`."""
    kept: dict[SplitName, list[Example]] = {}
    seen: set[str] = set()
    for name in reversed(SPLITS):
        keys = [comparable(example.content) for example in splits[name]]
        kept[name] = [example for example, key in zip(splits[name], keys, strict=True) if key not in seen]
        if len(kept[name]) < len(keys):
            skipped["text also in another split"] += len(keys) - len(kept[name])
        seen.update(keys)
    return kept


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
