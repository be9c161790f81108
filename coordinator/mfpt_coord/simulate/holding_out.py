"""Which of its training examples a device alone holds out, to choose on them for how many rounds it trains."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from mfpt_shared.device.trainer import Laboratory, Share
from mfpt_shared.errors import UsageError

_HELD_SHARE: Final = 0.2


def apart(shares: Sequence[Share], laboratory: Laboratory, seed: int) -> tuple[list[Share], list[Share]]:
    """Split each share into what is trained on and what is held out: a fifth, and at least one example.

    Args:
        shares: Examples to split.
        laboratory: What knows their labels.
        seed: Seed of the choice, which is the same for every plan.

    Raises:
        UsageError: A share is a single example.
    """
    kept, held = [], []
    for place, share in enumerate(shares):
        if len(share.rows) < 2:
            raise UsageError(f"{share.language}: a device alone needs two examples, of which it holds one out")
        labels = laboratory.content(share.language).labels
        out = held_out(share.rows, labels, np.random.default_rng([seed, 4, place]))
        kept.append(Share(share.language, [row for row in share.rows if row not in out]))
        held.append(Share(share.language, sorted(out)))
    return kept, held


def held_out(rows: Sequence[int], labels: Sequence[int], rng: np.random.Generator) -> set[int]:
    """Choose a fifth of some rows, at least one, in which every label has its share as far as possible.

    Args:
        rows: Rows to choose from.
        labels: Label of every row of the language.
        rng: Source of randomness.
    """
    shuffled: list[int] = rng.permutation(np.asarray(rows, np.int64)).tolist()
    order = {row: at for at, row in enumerate(shuffled)}
    by_label: dict[int, list[int]] = defaultdict(list)
    for row in shuffled:
        by_label[labels[row]].append(row)
    # Where a row stands among those of its label: sorted by this, every beginning has the mixture of all.
    ranked = sorted(
        ((at + 0.5) / len(group), order[row]) for group in by_label.values() for at, row in enumerate(group)
    )
    return {shuffled[at] for _, at in ranked[: max(1, round(_HELD_SHARE * len(rows)))]}
