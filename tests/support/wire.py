"""Any valid message of the protocol, for property tests, and when two messages are the same."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mfpt_shared import plan as plans
from mfpt_shared.protocol.codec import Decoded
from mfpt_shared.protocol.messages import (
    Ack,
    Assign,
    ClientState,
    ClientStatus,
    CoordinatorState,
    EvaluationReport,
    FederationStatus,
    LanguageStatus,
    Metrics,
    Prompt,
    PromptHeader,
    Ready,
    Reject,
    Resync,
    Stop,
    Tensors,
    Update,
    UpdateCounts,
    UpdateHeader,
)
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    PLAN,
    PROMPT,
    Topic,
)
from mfpt_shared.tensors import Quantised

VERSIONS = st.integers(0, 2**53)
SEQUENCES = st.integers(1, 2**53)
EXAMPLES = st.integers(0, 10**12)
SECONDS = st.floats(0, 1e12)
SHARES = st.floats(0, 1)
TAGS = st.sampled_from(["swh", "zul", "und", "eng"])
IDENTIFIERS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
DIGESTS = st.text("0123456789abcdef:", max_size=80)
TEXTS = st.text(max_size=40)
PHASES = st.sampled_from(["idle", "preparing", "training", "uploading", "evaluating", "done"])
ONLINE = st.sampled_from(["online", "offline"])
COUNTS = st.integers(0, 2**53)


def messages(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **fields)


COORDINATOR_STATES = messages(
    CoordinatorState, state=ONLINE, coordinator=IDENTIFIERS, version=VERSIONS, started=SECONDS
)
CLIENT_STATES = messages(
    ClientState, state=ONLINE, language=TAGS, phase=PHASES, progress=SHARES, version=VERSIONS, device=TEXTS
)
READIES = messages(Ready, language=TAGS, examples=EXAMPLES, plan=DIGESTS, backbone=DIGESTS)
EVALUATIONS = messages(EvaluationReport, language=TAGS, version=VERSIONS, accuracy=SHARES, examples=EXAMPLES)
DOWNS = st.one_of(
    messages(Assign, version=VERSIONS, deadline=SECONDS),
    messages(Ack, sequence=SEQUENCES, staleness=VERSIONS),
    messages(Reject, sequence=SEQUENCES, reason=st.sampled_from(["incompatible", "diverged"]), detail=TEXTS),
    messages(Resync, sequence=SEQUENCES, version=VERSIONS),
    messages(Stop, reason=st.sampled_from(["finished", "incompatible"]), version=VERSIONS, detail=TEXTS),
)
STATUSES = messages(
    FederationStatus,
    federation=TEXTS,
    plan=DIGESTS,
    version=COUNTS,
    folds=COUNTS,
    buffer=COUNTS,
    buffer_size=COUNTS,
    started=SECONDS,
    at=SECONDS,
    updates=messages(UpdateCounts, accepted=COUNTS, rejected=COUNTS, duplicate=COUNTS, stale=COUNTS),
    staleness=st.dictionaries(st.integers(0, 1000), COUNTS, max_size=3),
    languages=st.dictionaries(
        TAGS,
        messages(LanguageStatus, clients=COUNTS, examples=COUNTS, accuracy=st.none() | SHARES, contributed=COUNTS),
        max_size=3,
    ),
    clients=st.lists(
        messages(
            ClientStatus,
            id=IDENTIFIERS,
            language=TAGS,
            state=ONLINE,
            phase=PHASES,
            progress=SHARES,
            last_seen=SECONDS,
            examples=COUNTS,
            accuracy=st.none() | SHARES,
            device=TEXTS,
        ),
        max_size=2,
    ),
)
PLANS = messages(
    plans.Plan,
    task=messages(
        plans.Task, labels=st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=5, unique=True).map(tuple)
    ),
    federation=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True),
    prompt=messages(
        plans.PromptSpec, method=st.sampled_from(["late", "prompt", "p-tuning"]), tokens=st.integers(1, 512)
    ),
    aggregation=messages(plans.Aggregation, temperature=st.floats(0, 1e9, exclude_min=True)),
)

SHAPES = hnp.array_shapes(min_dims=1, max_dims=2, max_side=4)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
HALVES = st.floats(allow_nan=False, allow_infinity=False, width=16)


@st.composite
def quantised(draw: st.DrawFn) -> Quantised:
    values = draw(hnp.arrays(np.int8, SHAPES))
    rows = len(values) if values.ndim > 1 else 1
    scale = draw(hnp.arrays(np.float32, (rows,), elements=st.floats(0, 2.0**120, width=32)))
    return Quantised(values, scale)


TENSORS = st.dictionaries(
    st.sampled_from(["prompt", "head.weight", "head.bias", "encoder.0.weight", "a:b", "ñ", ""]),
    hnp.arrays(np.float32, SHAPES, elements=FLOATS) | hnp.arrays(np.float16, SHAPES, elements=HALVES) | quantised(),
    max_size=4,
)
PROMPTS = st.builds(
    Prompt,
    messages(PromptHeader, language=TAGS, version=VERSIONS, plan=DIGESTS, backbone=DIGESTS, examples=EXAMPLES),
    TENSORS,
)
UPDATES = st.builds(
    Update,
    messages(
        UpdateHeader,
        sequence=SEQUENCES,
        language=TAGS,
        base_version=VERSIONS,
        examples=EXAMPLES,
        plan=DIGESTS,
        backbone=DIGESTS,
        metrics=messages(Metrics, loss=st.none() | st.floats(0, 1e9), accuracy=st.none() | SHARES),
        seconds=SECONDS,
    ),
    TENSORS,
)
ON_TOPIC: list[tuple[Topic, st.SearchStrategy[Any]]] = [
    (COORDINATOR_STATE, COORDINATOR_STATES),
    (COORDINATOR_STATUS, STATUSES),
    (PLAN, PLANS),
    (PROMPT, PROMPTS),
    (CLIENT_STATE, CLIENT_STATES),
    (CLIENT_UP, READIES | EVALUATIONS | UPDATES),
    (CLIENT_DOWN, DOWNS),
]


def assert_same_tensors(first: Tensors, second: Tensors) -> None:
    assert first.keys() == second.keys()
    for name in first:
        one, other = first[name], second[name]
        if isinstance(one, Quantised):
            assert isinstance(other, Quantised)
            pairs = list(zip(one, other, strict=True))
        else:
            assert not isinstance(other, Quantised)
            pairs = [(one, other)]
        for left, right in pairs:
            assert isinstance(left, np.ndarray) and isinstance(right, np.ndarray)
            # Bytes, not values: 0.0 and -0.0 differ on the wire.
            assert (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())


def assert_same(first: Decoded, second: Decoded) -> None:
    assert type(first) is type(second)
    if isinstance(first, Prompt) and isinstance(second, Prompt):
        assert first.header == second.header
        assert_same_tensors(first.state, second.state)
    elif isinstance(first, Update) and isinstance(second, Update):
        assert first.header == second.header
        assert_same_tensors(first.delta, second.delta)
    else:
        assert first == second
