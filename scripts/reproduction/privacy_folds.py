"""What a fold shows to whoever reads the prompts of all languages.

Every language's prompt moves by a mixture of its own of a fold's updates, and what is in the mixtures follows from the
plan and from public distances. Whoever reads the prompts of several languages can therefore solve for what each
language brought: sums over single languages, and single updates where a fold has one of a language.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core.combine import combine, parts
from mfpt_coord.core.proximity import proximities
from mfpt_coord.core.relations import Distances, Relations
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import Array, PromptState, dense, flatten, halve, layout, unflatten
from reproduction.membership import Head, Values
from reproduction.privacy_federation import head_of

# What half precision rounds away of a head, in sizes of an update.
_ROUNDING: Final = 2e-3


class Entry(NamedTuple):
    """What a fold has of one language: an update, or a sum of several.

    Attributes:
        members: Places of the devices that it was made by.
        delta: The update, or the mean of those in the sum.
    """

    language: LanguageCode
    members: tuple[int, ...]
    delta: PromptState


class Shown(NamedTuple):
    """What a fold shows of a language.

    Attributes:
        change: What somebody makes of the prompts, for the head.
        members: Places of the devices whose updates it shows.
        parts: How much of each entry of the fold is in it.
    """

    change: Head
    members: tuple[int, ...]
    parts: Values


@dataclass(frozen=True, slots=True)
class Folding:
    """How a federation folds.

    Attributes:
        plan: Plan of the federation.
        languages: Languages of the devices, of which all have as many.
        distances: Distances between them.
        devices: Number of devices.
        examples: Sentences of each.
    """

    plan: Plan
    languages: Sequence[LanguageCode]
    distances: Distances
    devices: int
    examples: int

    def shown(self, before: PromptState, entries: Sequence[Entry], *, rounded: bool) -> list[Shown]:
        """Return what a fold shows of each language in it.

        Args:
            before: Prompt of all languages before the fold.
            entries: What is folded.
            rounded: Whether prompts are seen as they travel, in half precision.
        """
        shapes, weights = layout(self.plan), self._weights(entries)
        deltas = np.stack([flatten(entry.delta, shapes) for entry in entries])
        steps = combine(weights, deltas, self.plan.aggregation, parts(shapes))
        old = flatten(before, shapes)
        changes = np.stack([_travelled(old + step) - _travelled(old) if rounded else step for step in steps])
        found = []
        for language in dict.fromkeys(entry.language for entry in entries):
            mixed = _solved(weights, np.array([entry.language == language for entry in entries]), entries)
            members = tuple(place for entry in entries if entry.language == language for place in entry.members)
            vector = (mixed @ changes).astype(np.float32)
            found.append(Shown(head_of(unflatten(vector, shapes)), members, mixed @ weights))
        return found

    def _weights(self, entries: Sequence[Entry]) -> Values:
        """Return how much each entry moves each prompt, [languages, entries]; as `core.weights` has it.

        All devices hold equally many examples, no update is late, and nothing is known but distances.
        """
        aggregation = self.plan.aggregation
        counts = {tag: self.examples * self.devices / len(self.languages) for tag in self.languages}
        near = proximities(self.languages, self.languages, Relations(self.distances), counts, aggregation)
        columns = near[:, [self.languages.index(entry.language) for entry in entries]]
        sizes = np.array([len(entry.members) for entry in entries], np.float64)
        weights = columns * sizes / sizes.sum() / near.mean(axis=1, keepdims=True)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
        found: Values = weights * (sizes.sum() / self.devices) ** aggregation.cover_exponent
        return found


def without(shown: Shown, entries: Sequence[Entry], own: int, update: PromptState) -> Shown | None:
    """Return what the device at a place makes of what it is shown: it takes its own update out.

    Args:
        shown: What a fold shows of a language.
        entries: What was folded.
        own: Place of the device, which is in the fold.
        update: Its own update.

    Returns:
        What is left; None where it is the only one.
    """
    members = tuple(place for place in shown.members if place != own)
    if not members:
        return None
    [part] = [
        part / len(entry.members) for part, entry in zip(shown.parts, entries, strict=True) if own in entry.members
    ]
    weight, bias = (seen - part * mine for seen, mine in zip(shown.change, head_of(update), strict=True))
    return Shown(Head(weight, bias), members, shown.parts)


def _solved(weights: Values, wanted: NDArray[np.bool_], entries: Sequence[Entry]) -> Values:
    """Return how much of each language's prompt gives best what one language brought: [languages].

    Least squares, where what half precision rounds away counts as noise.

    Args:
        weights: How much each entry moves each prompt, [languages, entries].
        wanted: Which entries are of the language.
        entries: What is folded.
    """
    spoken = list(dict.fromkeys(entry.language for entry in entries))
    indicator = np.array([[entry.language == language for language in spoken] for entry in entries], np.float64)
    brought = weights @ indicator
    goal = indicator[wanted.argmax()]
    found: Values = np.linalg.solve(brought @ brought.T + _ROUNDING**2 * np.eye(len(brought)), brought @ goal)
    return found


def _travelled(vector: Array) -> Array:
    return dense(halve({"all": vector}))["all"]
