"""What the coordinator wants done. Durable effects are committed, all together, before anything goes on the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mfpt_coord.core.relations import Comparison, Distances, Judgement, Pair
from mfpt_coord.core.state import Client, Contribution
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Down, UpdateCounts
from mfpt_shared.tensors import Array


@dataclass(frozen=True, slots=True)
class SaveClient:
    """A device is new, or what is durable of it has changed."""

    client: Client


@dataclass(frozen=True, slots=True)
class SaveUpdate:
    """An update was accepted."""

    contribution: Contribution
    payload: bytes


@dataclass(frozen=True, slots=True)
class SavePrompt:
    """A language has its first prompt, at this version."""

    language: LanguageCode
    version: int
    vector: Array


@dataclass(frozen=True, slots=True)
class SaveFold:
    """The buffer became a new version.

    Attributes:
        weights: [languages, updates] float64; how much of each update went into each language's step.
        prompts: of every language, in the order of the rows.
        updates: (client, sequence) of every update, in the order of the columns.
        moments: of the server optimiser, for every language; empty where it has none.
        directions, comparisons, judgements: what the fold has changed in them; see `evidence`.
    """

    version: int
    at: float
    weights: NDArray[np.float64]
    prompts: Mapping[LanguageCode, Array]
    updates: Sequence[tuple[str, int]]
    moments: Mapping[LanguageCode, Array] = field(default_factory=dict)
    directions: Mapping[LanguageCode, Array] = field(default_factory=dict)
    comparisons: Mapping[Pair, Comparison] = field(default_factory=dict)
    judgements: Mapping[LanguageCode, Judgement] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SaveCounts:
    """The number of refused updates has changed."""

    counts: UpdateCounts


@dataclass(frozen=True, slots=True)
class SaveDistances:
    """Language distances were found."""

    distances: Distances


@dataclass(frozen=True, slots=True)
class Send:
    """Publish a message to one device."""

    client: str
    message: Down


@dataclass(frozen=True, slots=True)
class PublishPrompt:
    """Publish the newest prompt of a language."""

    language: LanguageCode


@dataclass(frozen=True, slots=True)
class LookUpDistances:
    """Find the distances between all these languages, and answer with `DistancesFound` whatever comes of it."""

    languages: frozenset[LanguageCode]


Durable = SaveClient | SaveUpdate | SavePrompt | SaveFold | SaveCounts | SaveDistances
Effect = Durable | Send | PublishPrompt | LookUpDistances
