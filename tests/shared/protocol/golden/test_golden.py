"""The bytes of the protocol, pinned: a change here is a change that older coordinators and devices do not understand.

Each message below has a file beside this one. After an intended change, write the files again with
`python tests/shared/protocol/golden/test_golden.py --write` and say in the change log who can still talk to whom.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from mfpt_shared import plan as plans
from mfpt_shared.protocol.codec import Decoded, decode, encode
from mfpt_shared.protocol.messages import (
    Ack,
    Admitted,
    Alarm,
    Assign,
    Beat,
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
    COORDINATOR_BEAT,
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
from support.masked_messages import DOWN, UP

FOLDER = Path(__file__).parent
FINGERPRINT = "sha256:" + "0123456789abcdef" * 4
AT = 1750000100.0
SHA256 = "0123456789abcdef" * 4
DIGEST = "fedcba9876543210"

PLAN_VALUE = plans.Plan(
    task=plans.Task(labels=("sport", "siasa", "müzik"), kind="classification", data="cldr"),
    federation="golden",
    backbone=plans.BackboneSpec(
        uri="hf:org/name@main", width=4, layers=6, fingerprint=FINGERPRINT, quantisation="none", prefix="query: "
    ),
    prompt=plans.PromptSpec(method="p-tuning", tokens=2, layer=3, init_std=0.25, encoder_width=8, seed=7),
    training=plans.Training(
        epochs=3,
        batch_size=4,
        prompt_learning_rate=0.5,
        head_start="ridge",
        head_learning_rate=0.125,
        weight_decay=0.0,
        max_tokens=64,
    ),
    privacy=plans.Privacy(clip_norm=2.5, min_examples=16),
)
UPDATE_HEADER = UpdateHeader(
    sequence=3,
    language="swh",
    base_version=41,
    examples=128,
    plan=DIGEST,
    backbone=FINGERPRINT,
    metrics=Metrics(loss=0.5, accuracy=0.75, own_share=0.25, validated=12),
    seconds=12.5,
)
VALUES = np.array([[0.0, -0.0, 1.5], [-2.25, 3.0e-5, 60000.0]], np.float32)

GOLDEN: dict[str, tuple[Topic, Decoded]] = {
    "coordinator-state.json": (
        COORDINATOR_STATE,
        CoordinatorState(
            epoch=3, version=42, at=AT, state="online", coordinator="c0ffee", started=1750000000.5, mfpt="0.1.0"
        ),
    ),
    "progress.json": (
        COORDINATOR_PROGRESS,
        Progress(epoch=3, version=42, at=AT, updates=1, needed=2, training=1, places=100, at_work={"zul": 0.69}),
    ),
    "relations.json": (
        LANGUAGE_RELATIONS,
        LanguageRelations(
            epoch=3,
            version=42,
            at=AT,
            language="zul",
            helped_by={"zul": 0.625, "xho": 0.25, "swh": 0.125},
            own_share=0.25,
            accuracy=0.75,
        ),
    ),
    "beat.json": (COORDINATOR_BEAT, Beat(epoch=3, version=42, at=AT, number=7, padding="..")),
    "federation-status.json": (
        COORDINATOR_STATUS,
        FederationStatus(
            epoch=3,
            version=42,
            at=AT,
            federation="golden",
            plan=DIGEST,
            folds=42,
            buffer=1,
            buffer_size=2,
            started=1750000000.5,
            updates=UpdateCounts(accepted=85, rejected=1, duplicate=2, stale=3),
            staleness={0: 80, 2: 5},
            languages={"swh": LanguageStatus(clients=1, examples=128, accuracy=0.75, contributed=5440, own_share=0.25)},
            clients=[
                ClientStatus(
                    id="d1",
                    language="swh",
                    state="online",
                    phase="training",
                    progress=0.5,
                    last_seen=1750000099.0,
                    examples=128,
                    accuracy=None,
                    device="cpu, 4 cores",
                )
            ],
            alarms=[Alarm(kind="worse", subject="swh", value=0.5, limit=0.75)],
            refused={"forged": 1, "replayed": 4},
        ),
    ),
    "challenge.json": (COORDINATOR_CHALLENGE, Challenge(epoch=1, at=AT, coordinator="decade", nonce="n0nce")),
    "challenge-answer.json": (
        COORDINATOR_ANSWER,
        ChallengeAnswer(epoch=3, version=42, at=AT, coordinator="c0ffee", nonce="n0nce"),
    ),
    "plan.json": (PLAN, PlanNotice(epoch=3, version=42, at=AT, digest=PLAN_VALUE.digest, plan=PLAN_VALUE)),
    "client-state.json": (
        CLIENT_STATE,
        ClientState(
            session=5,
            number=7,
            state="online",
            language="swh",
            phase="training",
            progress=0.5,
            version=41,
            device="cpu, 4 cores",
        ),
    ),
    "ready.json": (
        CLIENT_UP,
        Ready(session=5, number=6, language="swh", examples=128, plan=DIGEST, backbone=FINGERPRINT),
    ),
    "evaluation.json": (
        CLIENT_UP,
        EvaluationReport(session=5, number=8, language="swh", version=42, accuracy=0.875, examples=32),
    ),
    "leaving.json": (CLIENT_UP, Leaving(session=5, number=9, forget=True)),
    "assign.json": (
        CLIENT_DOWN,
        Assign(epoch=3, version=42, at=AT, deadline=37.5, session=5, ready=6, turn=1),
    ),
    "ack.json": (CLIENT_DOWN, Ack(epoch=3, version=42, at=AT, sequence=3, staleness=1, sha256=SHA256)),
    "reject.json": (
        CLIENT_DOWN,
        Reject(
            epoch=3,
            version=42,
            at=AT,
            sequence=3,
            reason="diverged",
            detail="a value changed by more than 1000",
            sha256=SHA256,
        ),
    ),
    "resync.json": (CLIENT_DOWN, Resync(epoch=3, version=42, at=AT, sequence=3, sha256=SHA256, highest=5)),
    "stop.json": (
        CLIENT_DOWN,
        Stop(epoch=3, version=42, at=AT, reason="finished", detail="thank you", session=5, ready=6),
    ),
    "enrol.json": (
        ENROL_UP,
        Enrol(
            nonce="n0nce",
            user="d1",
            password="AAECAwQFBgcICQoLDA0ODw",
            client="Dw4NDAsKCQgHBgUEAwIBAA",
            proof="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            language="swh",
            name="radio, Bagamoyo",
        ),
    ),
    "admitted.json": (
        ENROL_DOWN,
        Admitted(epoch=3, version=42, at=AT, nonce="n0nce", role="device", language="swh", max_examples=5000),
    ),
    "refused.json": (
        ENROL_DOWN,
        Refused(epoch=3, version=42, at=AT, nonce="n0nce", reason="expired", detail="ask for a new invitation"),
    ),
    "prompt-f16.mfpt": (
        PROMPT,
        Prompt(
            PromptHeader(
                epoch=3,
                version=42,
                at=AT,
                language="swh",
                plan=DIGEST,
                backbone=FINGERPRINT,
                examples=5440,
                own_share=0.25,
            ),
            {"prompt": VALUES.astype(np.float16), "head.bias": np.array([1, -1], np.float16)},
        ),
    ),
    "update-int8.mfpt": (
        CLIENT_UP,
        Update(
            UPDATE_HEADER,
            {
                "prompt": Quantised(
                    np.array([[127, -127, 0], [1, 2, -3]], np.int8), np.array([0.5, 0.001], np.float32)
                ),
                "head.bias": Quantised(np.array([5, -6], np.int8), np.array([0.25], np.float32)),
            },
        ),
    ),
    "update-f32.mfpt": (
        CLIENT_UP,
        Update(UPDATE_HEADER, {"prompt": VALUES, "head.bias": np.array([1.0, -1.0], np.float32)}),
    ),
    **{name: (CLIENT_UP, said) for name, said in UP.items()},
    **{name: (CLIENT_DOWN, said) for name, said in DOWN.items()},
}


def plain(tensors: Tensors) -> dict[str, list[tuple[str, tuple[int, ...], bytes]]]:
    """Tensors as values that can be compared to the last bit."""
    return {
        name: [
            (str(array.dtype), array.shape, array.tobytes())
            for array in (tensor if isinstance(tensor, Quantised) else (tensor,))
        ]
        for name, tensor in tensors.items()
    }


@pytest.mark.parametrize("name", GOLDEN)
def test_a_message_has_these_bytes(name: str) -> None:
    assert encode(GOLDEN[name][1]) == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", GOLDEN)
def test_these_bytes_are_the_message(name: str) -> None:
    topic, expected = GOLDEN[name]
    found = decode(topic, (FOLDER / name).read_bytes())
    if isinstance(expected, Prompt) and isinstance(found, Prompt):
        assert (found.header, plain(found.state)) == (expected.header, plain(expected.state))
    elif isinstance(expected, Update) and isinstance(found, Update):
        assert (found.header, plain(found.delta)) == (expected.header, plain(expected.delta))
    elif isinstance(expected, Masked) and isinstance(found, Masked):
        assert (found.header, found.values.tolist()) == (expected.header, expected.values.tolist())
    else:
        assert found == expected


def test_a_plan_keeps_its_digest() -> None:
    """Devices compare it to decide whether they still follow the same plan."""
    assert PLAN_VALUE.digest == (FOLDER / "plan.digest").read_text().strip()


def write() -> None:
    """Write all files again."""
    for name, (_, message) in GOLDEN.items():
        (FOLDER / name).write_bytes(encode(message))
    (FOLDER / "plan.digest").write_text(f"{PLAN_VALUE.digest}\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: test_golden.py --write")
    write()
