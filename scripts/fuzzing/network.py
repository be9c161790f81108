"""Readers of bytes from the network: sealed payloads, and the content of every topic."""

import random
import struct
import zlib

import numpy as np

from fuzzing.target import Target
from mfpt_shared.base64url import encoded
from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import SigningKey
from mfpt_shared.plan import Plan, Task
from mfpt_shared.protocol import messages
from mfpt_shared.protocol.codec import Decoded, decode, encode, understand
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import (
    CLIENT_DOWN,
    CLIENT_STATE,
    CLIENT_UP,
    COORDINATOR_BEAT,
    COORDINATOR_STATE,
    COORDINATOR_STATUS,
    ENROL_DOWN,
    ENROL_UP,
    LANGUAGE_RELATIONS,
    PLAN,
    PROMPT,
    Topic,
)
from mfpt_shared.tensors import halve, quantise

_FEDERATION = "default"
_PLAN = Plan(task=Task(labels=("a", "b")))
_KEY = encoded(bytes(32))


def targets() -> list[Target]:
    """Return a target for each topic, and one for the signatures around all of them."""
    return [*(_content(topic) for topic in _EXAMPLES), _sealed()]


def _content(topic: Topic) -> Target:
    seeds = [encode(message) for message in _EXAMPLES[topic]]
    # What was understood can be said again.
    return Target(topic.name, seeds, lambda content: encode(decode(topic, _checksummed(content))), (DecodeError,))


def _checksummed(content: bytes) -> bytes:
    """Return a frame with a checksum that is right, so that damage reaches what lies behind it; JSON as it is."""
    if content[:4] != b"MFPT":
        return content
    return content[:-4] + struct.pack("<I", zlib.crc32(content[:-4]))


def _sealed() -> Target:
    key = SigningKey.generate()
    seeds = [
        _path(topic).encode() + b"\n" + seal(_path(topic), encode(message), key)
        for topic, several in _EXAMPLES.items()
        for message in several
    ]

    def read(data: bytes) -> object:
        path, _, payload = data.partition(b"\n")
        return understand(path.decode(errors="replace"), payload, _FEDERATION)

    return Target("sealed", seeds, read, (DecodeError,))


def _path(topic: Topic) -> str:
    return topic.path(
        _FEDERATION, "swh" if topic in (PROMPT, LANGUAGE_RELATIONS) else "0123456789ab" if "+" in topic.name else ""
    )


def _tensors() -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    chance = random.Random(0)
    rows = [[chance.gauss(0, 1) for _ in range(8)] for _ in range(2)]
    return {"prompt": np.array(rows, np.float32), "head.bias": np.array([0.5, -0.5], np.float32)}


def _update(*, quantised: bool) -> messages.Update:
    header = messages.UpdateHeader(
        sequence=1,
        language="swh",
        base_version=3,
        examples=35,
        plan=_PLAN.digest,
        backbone="sha256:0",
        metrics=messages.Metrics(loss=0.5, accuracy=0.75, own_share=0.5, validated=12),
        seconds=2.5,
    )
    tensors = _tensors()
    if quantised:
        return messages.Update(header, {name: quantise(tensor) for name, tensor in tensors.items()})
    return messages.Update(header, tensors)


def _status() -> messages.FederationStatus:
    return messages.FederationStatus(
        federation=_FEDERATION,
        plan=_PLAN.digest,
        version=3,
        folds=3,
        buffer=1,
        buffer_size=2,
        started=1e9,
        at=1e9,
        updates=messages.UpdateCounts(accepted=7),
        staleness={0: 6, 1: 1},
        languages={"swh": messages.LanguageStatus(clients=1, examples=35, accuracy=0.5, contributed=70)},
        clients=[
            messages.ClientStatus(
                id="0123456789ab",
                language="swh",
                state="online",
                phase="training",
                progress=0.5,
                last_seen=1e9,
                examples=35,
                accuracy=None,
                device="cpu, 4 cores",
            )
        ],
    )


def _masked_up() -> list[Decoded]:
    """What a device says where updates travel under masks."""
    offer = messages.Offer(
        sequence=1,
        language="swh",
        base_version=2,
        examples=35,
        plan=_PLAN.digest,
        backbone="sha256:0",
        sha256="0" * 64,
        mask_key=_KEY,
        share_key=_KEY,
        session=1,
        number=4,
    )
    values = np.arange(12, dtype=np.uint16)
    return [
        offer,
        messages.KeyShares(cohort="c", shares=("", _KEY), session=1, number=5),
        messages.Reveal(cohort="c", shares=(_KEY, ""), session=1, number=6),
        messages.Masked(messages.MaskedHeader(cohort="c", sequence=1), values),
    ]


def _masked_down() -> list[Decoded]:
    """What the coordinator says there."""
    keys = messages.MemberKeys(mask_key=_KEY, share_key=_KEY)
    return [
        messages.Gather(cohort="c", sequence=1, sha256="0" * 64, place=1, factor=0.5, members=(keys, keys), epoch=2),
        messages.Deliver(cohort="c", shares=(_KEY, ""), epoch=2),
        messages.Unmask(cohort="c", survivors=(0, 1), epoch=2),
        messages.Disband(cohort="c", sequence=1, sha256="0" * 64, detail="too few members answered", epoch=2),
    ]


_EXAMPLES: dict[Topic, list[Decoded]] = {
    COORDINATOR_STATE: [
        messages.CoordinatorState(state="online", coordinator="c", version=3, started=1e9, epoch=2, at=1e9)
    ],
    COORDINATOR_STATUS: [_status()],
    COORDINATOR_BEAT: [messages.Beat(number=7, padding="..", version=3, epoch=2, at=1e9)],
    PLAN: [messages.PlanNotice(digest=_PLAN.digest, plan=_PLAN, epoch=2, version=3, at=1e9)],
    LANGUAGE_RELATIONS: [
        messages.LanguageRelations(language="swh", helped_by={"swh": 0.75, "zul": 0.25}, epoch=2, version=3, at=1e9)
    ],
    PROMPT: [
        messages.Prompt(
            messages.PromptHeader(language="swh", version=3, plan=_PLAN.digest, backbone="sha256:0", epoch=2),
            halve(_tensors()),
        )
    ],
    CLIENT_STATE: [messages.ClientState(state="online", language="swh", phase="training", progress=0.5, session=1)],
    CLIENT_UP: [
        messages.Ready(language="swh", examples=35, plan=_PLAN.digest, backbone="sha256:0", session=1, number=2),
        messages.EvaluationReport(language="swh", version=3, accuracy=0.5, examples=12, session=1, number=3),
        _update(quantised=True),
        _update(quantised=False),
        *_masked_up(),
    ],
    CLIENT_DOWN: [
        messages.Assign(version=3, deadline=60, session=1, ready=2, turn=1, epoch=2),
        messages.Ack(sequence=1, staleness=1, epoch=2),
        messages.Reject(sequence=1, reason="diverged", detail="a value changed by more than 1000", epoch=2),
        messages.Resync(sequence=1, version=3, epoch=2),
        messages.Stop(reason="finished", version=3, epoch=2),
        *_masked_down(),
    ],
    ENROL_UP: [
        messages.Enrol(nonce="n", user="0123456789ab", password="p", client="c", proof="x", language="swh", name="old")
    ],
    ENROL_DOWN: [
        messages.Admitted(nonce="n", role="device", language="swh", max_examples=100, epoch=2),
        messages.Refused(nonce="n", reason="expired", detail="it expired yesterday", epoch=2),
    ],
}
