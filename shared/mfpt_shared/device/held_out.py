"""Which of its examples a device leaves out of its first rounds, to measure on them what these made.

A hash gives every example its place in an order, and the first third of each label is held out. So an example that was
trained on is hardly ever held out later, when the device has got more of them: only at the border, which moves little.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Final

HELD_ROUNDS: Final = 3
"""Number of a device's rounds that leave the held-out examples out; later ones train on all."""
# One of so many examples is held out.
_ONE_OF: Final = 3


def held_out(labels: Sequence[int], keys: Sequence[str], seed: int = 0, one_of: int = _ONE_OF) -> list[int]:
    """Return the rows of a third of the examples, at least one, spread evenly over the labels; none of less than two.

    Args:
        labels: Label of every example, or any other number over which to spread.
        keys: What every example is known by, whatever other examples there are: its content, or its row in a source.
        seed: Decides which examples of a label these are.
        one_of: Another share than a third: one of so many.
    """
    wanted = Counter(sorted(labels)[1::one_of])
    of_label: dict[int, list[int]] = {label: [] for label in labels}
    for row in sorted(range(len(labels)), key=lambda row: _place(keys[row], seed)):
        of_label[labels[row]].append(row)
    return sorted(row for label, rows in of_label.items() for row in rows[: wanted[label]])


def kept_in(labels: Sequence[int], keys: Sequence[str], seed: int = 0) -> list[int]:
    """Return the rows of the other examples; arguments as for `held_out`."""
    return sorted(set(range(len(labels))) - set(held_out(labels, keys, seed)))


def _place(key: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}\n{key}".encode(), digest_size=16).digest()
