"""Any valid message of the protocol, for property tests, and when two messages are the same."""

from typing import Any, get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mfpt_shared import plan as plans
from mfpt_shared.protocol.codec import Decoded
from mfpt_shared.protocol.messages import (
    PROTOCOL,
    Ack,
    Admitted,
    Alarm,
    Assign,
    Challenge,
    ChallengeAnswer,
    ClientState,
    ClientStatus,
    CoordinatorState,
    Enrol,
    EvaluationReport,
    FederationStatus,
    LanguageRelations,
    LanguageStatus,
    Leaving,
    Masked,
    Metrics,
    PlanNotice,
    Progress,
    Prompt,
    PromptHeader,
    Ready,
    Refused,
    Reject,
    Resync,
    Role,
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
    COORDINATOR_ANSWER,
    COORDINATOR_CHALLENGE,
    COORDINATOR_PROGRESS,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    ENROL_DOWN,
    ENROL_UP,
    LANGUAGE_RELATIONS,
    PLAN,
    PROMPT,
    Topic,
)
from mfpt_shared.tensors import Quantised
from support.masked_messages import ANY_DOWN, ANY_UP

PROTOCOLS = st.integers(PROTOCOL, 2**16)
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


def of_coordinator(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return messages(kind, protocol=PROTOCOLS, epoch=VERSIONS, version=VERSIONS, at=SECONDS, **fields)


def of_device(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return messages(kind, protocol=PROTOCOLS, session=VERSIONS, number=VERSIONS, **fields)


def choices(kind: Any, field: str) -> st.SearchStrategy[Any]:
    """Any value of a field that is one of some words."""
    return st.sampled_from(get_args(kind.__annotations__[field]))


COORDINATOR_STATES = of_coordinator(
    CoordinatorState, state=ONLINE, coordinator=IDENTIFIERS, started=SECONDS, finished=st.booleans()
)
PROGRESSES = of_coordinator(
    Progress,
    updates=EXAMPLES,
    needed=EXAMPLES,
    training=EXAMPLES,
    places=EXAMPLES,
    at_work=st.dictionaries(TAGS, SHARES, max_size=8),
    joining=st.lists(TAGS, max_size=8).map(tuple),
)
RELATIONS = of_coordinator(
    LanguageRelations,
    language=TAGS,
    helped_by=st.dictionaries(TAGS, SHARES, max_size=16),
    own_share=st.none() | SHARES,
    accuracy=st.none() | SHARES,
)
CHALLENGES = of_coordinator(Challenge, coordinator=IDENTIFIERS, nonce=IDENTIFIERS)
CHALLENGE_ANSWERS = of_coordinator(ChallengeAnswer, coordinator=IDENTIFIERS, nonce=IDENTIFIERS)
CLIENT_STATES = of_device(
    ClientState,
    state=ONLINE,
    language=TAGS,
    phase=PHASES,
    progress=SHARES,
    version=VERSIONS,
    device=TEXTS,
    epsilon=st.none() | st.floats(0, 1e9),
)
READIES = of_device(Ready, language=TAGS, examples=EXAMPLES, plan=DIGESTS, backbone=DIGESTS)
EVALUATIONS = of_device(EvaluationReport, language=TAGS, version=VERSIONS, accuracy=SHARES, examples=EXAMPLES)
LEAVINGS = of_device(Leaving, forget=st.booleans())
DOWNS = st.one_of(
    of_coordinator(Assign, deadline=SECONDS, session=VERSIONS, ready=VERSIONS, turn=VERSIONS),
    of_coordinator(Ack, sequence=SEQUENCES, staleness=VERSIONS),
    of_coordinator(Reject, sequence=SEQUENCES, reason=choices(Reject, "reason"), detail=TEXTS),
    of_coordinator(Resync, sequence=SEQUENCES),
    of_coordinator(Stop, reason=choices(Stop, "reason"), detail=TEXTS, session=VERSIONS, ready=VERSIONS),
)
ENROLS = messages(
    Enrol,
    protocol=PROTOCOLS,
    nonce=IDENTIFIERS,
    user=IDENTIFIERS,
    password=IDENTIFIERS,
    client=IDENTIFIERS,
    proof=IDENTIFIERS,
    language=st.none() | TAGS,
    name=TEXTS,
)
ENROL_ANSWERS = of_coordinator(
    Admitted,
    nonce=IDENTIFIERS,
    role=st.sampled_from(get_args(Role)),
    language=st.none() | TAGS,
    max_examples=st.none() | EXAMPLES,
    account=choices(Admitted, "account"),
) | of_coordinator(Refused, nonce=IDENTIFIERS, reason=choices(Refused, "reason"), detail=TEXTS)
STATUSES = of_coordinator(
    FederationStatus,
    federation=TEXTS,
    plan=DIGESTS,
    folds=COUNTS,
    buffer=COUNTS,
    buffer_size=COUNTS,
    started=SECONDS,
    updates=messages(UpdateCounts, accepted=COUNTS, rejected=COUNTS, duplicate=COUNTS, stale=COUNTS),
    staleness=st.dictionaries(st.integers(0, 1000), COUNTS, max_size=3),
    refused=st.dictionaries(TEXTS, COUNTS, max_size=3),
    alarms=st.lists(
        st.builds(Alarm, kind=choices(Alarm, "kind"), subject=TEXTS, value=SHARES, limit=SHARES), max_size=2
    ),
    languages=st.dictionaries(
        TAGS,
        messages(
            LanguageStatus,
            clients=COUNTS,
            examples=COUNTS,
            accuracy=st.none() | SHARES,
            contributed=COUNTS,
            own_share=st.none() | SHARES,
        ),
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
    privacy=messages(plans.Privacy, clip_norm=st.floats(0, 1e9)),
)
PLAN_NOTICES = of_coordinator(PlanNotice, digest=DIGESTS, plan=PLANS)

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
    of_coordinator(
        PromptHeader,
        language=TAGS,
        plan=DIGESTS,
        backbone=DIGESTS,
        examples=EXAMPLES,
        own_share=st.none() | SHARES,
    ),
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
        metrics=messages(
            Metrics,
            loss=st.none() | st.floats(0, 1e9),
            accuracy=st.none() | SHARES,
            own_share=st.none() | SHARES,
        ),
        seconds=SECONDS,
    ),
    TENSORS,
)
ON_TOPIC: list[tuple[Topic, st.SearchStrategy[Any]]] = [
    (COORDINATOR_STATE, COORDINATOR_STATES),
    (COORDINATOR_STATUS, STATUSES),
    (COORDINATOR_PROGRESS, PROGRESSES),
    (LANGUAGE_RELATIONS, RELATIONS),
    (COORDINATOR_CHALLENGE, CHALLENGES),
    (COORDINATOR_ANSWER, CHALLENGE_ANSWERS),
    (PLAN, PLAN_NOTICES),
    (PROMPT, PROMPTS),
    (CLIENT_STATE, CLIENT_STATES),
    (CLIENT_UP, READIES | EVALUATIONS | LEAVINGS | UPDATES | ANY_UP),
    (CLIENT_DOWN, DOWNS | ANY_DOWN),
    (ENROL_UP, ENROLS),
    (ENROL_DOWN, ENROL_ANSWERS),
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
    elif isinstance(first, Masked) and isinstance(second, Masked):
        assert (first.header, first.values.tolist()) == (second.header, second.values.tolist())
    else:
        assert first == second
