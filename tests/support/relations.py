"""Strategies for property tests: languages, what is known about how they relate, and plans that use it."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import strategies as st

from mfpt_coord.core.relations import Comparison, OwnShare, Relations, pair
from mfpt_coord.core.shares import Active
from mfpt_coord.core.state import Contribution
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.protocol.messages import Metrics, UpdateHeader
from mfpt_shared.tensors import Array

TAGS = tuple(LanguageCode(tag) for tag in ("swh", "zul", "xho", "eng", "tam"))
TARGETS = (UNDETERMINED, *TAGS)
PAIRS = [pair(first, second) for first, second in itertools.combinations(TAGS, 2)]
VALUES = 4
PROXIMITIES = ("auto", "fixed", "observed", "uniform")
KINDS = pytest.mark.parametrize("kind", PROXIMITIES)
SHARES = st.floats(0, 1)
POSITIVE = st.floats(1e-9, 1e9)
DISTANCES = st.fixed_dictionaries(
    {},
    optional={
        two: st.fixed_dictionaries({}, optional={"genetic": SHARES, "syntactic": SHARES, "custom": SHARES})
        for two in PAIRS
    },
)
COSINES = st.floats(-1, 1) | st.sampled_from([1.0, 1 - 1e-7])
COMPARISONS = st.dictionaries(st.sampled_from(PAIRS), st.builds(Comparison, COSINES, st.integers(1, 1000)))
OWN_SHARES = st.dictionaries(
    st.tuples(st.sampled_from(TAGS), st.sampled_from("abc")), st.builds(OwnShare, SHARES, st.floats(-8, 8))
)
RELATIONS = st.builds(Relations, DISTANCES, COMPARISONS, OWN_SHARES)
EXAMPLES = st.dictionaries(st.sampled_from(TAGS), st.floats(1, 1e6), min_size=1)


def plans(kind: str) -> st.SearchStrategy[Aggregation]:
    return st.builds(
        Aggregation,
        proximity=st.just(kind),
        temperature=POSITIVE,
        staleness_exponent=st.floats(0, 4),
        example_exponent=SHARES,
        cover_exponent=SHARES,
        learning_rate=st.floats(0.01, 10),
    )


def contribution(
    language: LanguageCode,
    examples: int = 10,
    delta: Array | None = None,
    metrics: Metrics | None = None,
    base: int = 0,
) -> Contribution:
    header = UpdateHeader(
        sequence=1,
        language=language,
        base_version=base,
        examples=examples,
        plan="",
        backbone="",
        metrics=metrics or Metrics(),
    )
    return Contribution("c", header, language, 0, np.ones(VALUES, np.float32) if delta is None else delta, 0.0)


DEVICES = st.lists(st.tuples(st.sampled_from(TAGS), st.integers(0, 10**6)), min_size=1, max_size=6)


def active(devices: Sequence[tuple[LanguageCode, int]]) -> dict[LanguageCode, Active]:
    examples: dict[LanguageCode, list[int]] = {}
    for language, count in devices:
        examples.setdefault(language, []).append(count)
    return {language: Active.of(counts) for language, counts in examples.items()}
