"""No part of a text leaves a device: every byte between devices and broker is searched for what must not be there."""

import asyncio
import functools
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest

from mfpt_edge.bundled.place import find_file
from mfpt_edge.data.sources import load_dataset
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.e5_tokenizer import BundledTokenizer
from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.languages import normalise
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Privacy, PromptSpec, Task, Training, checked
from mfpt_shared.protocol.topics import ROOT
from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded
from support.federation import Device, coordinating, running
from support.inbox import SECONDS, Inbox
from support.proxy import Proxy

pytestmark = pytest.mark.network

NAME: Final = "zanzibarsecretclinic"
CANARIES: Final = {
    "sw": ("quizzicalmagenta", "Wagonjwa watatu walifika xylophonicus", "Daktari Kipepeo Mzungumzaji"),
    "yo": ("obstreperousviolet", "Alaisan meji de marimbaphonicus", "Dokita Labalaba Oniroyin"),
}
WINDOW: Final = 3
"""Token ids in a row that are not a coincidence."""


def texts(tag: str) -> list[str]:
    return [f"{canary} {number} {canary}" for number in range(10) for canary in CANARIES[tag]]


def tiny_task(aggregation: Literal["open", "masked"]) -> Plan:
    return checked(
        Plan(
            federation="private",
            task=Task(labels=("health", "sports")),
            backbone=BackboneSpec(fingerprint=f"sha256:{BUNDLED_SHA256}"),
            prompt=PromptSpec(tokens=2, layer=11),
            training=Training(epochs=1, batch_size=8, max_tokens=32),
            aggregation=Aggregation(buffer=2, start_together=0, proximity="uniform"),
            privacy=Privacy(min_examples=4, aggregation=aggregation, min_group=len(CANARIES)),
        )
    )


def write_data(folder: Path, tag: str) -> Path:
    folder.mkdir()
    file = folder / f"{NAME}.csv"
    rows = [f"{text},{('health', 'sports')[number % 2]}" for number, text in enumerate(texts(tag))]
    file.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return file


def secrets() -> Iterator[tuple[str, bytes]]:
    """Yield what must not be seen, each with a name: words of the texts, and their tokens in all likely forms."""
    tokenizer = BundledTokenizer(E5File(find_file()))
    yield "name of the file", NAME.encode()
    for canary in (canary for canaries in CANARIES.values() for canary in canaries):
        for word in canary.split():
            if len(word) > 5:
                yield f"text, UTF-8: {word}", word.encode()
                yield f"text, UTF-16: {word}", word.encode("utf-16-le")
        ids = tokenizer.encode([canary], 512)[0][1:-1]
        assert len(ids) >= WINDOW
        for start in range(len(ids) - WINDOW + 1):
            window = ids[start : start + WINDOW]
            yield f"tokens, JSON: {window}", json.dumps(window)[1:-1].encode()
            yield f"tokens, compact JSON: {window}", json.dumps(window, separators=(",", ":"))[1:-1].encode()
            yield f"tokens, int32: {window}", struct.pack(f"<{WINDOW}i", *window)
            yield f"tokens, int64: {window}", struct.pack(f"<{WINDOW}q", *window)


def trainer(plan: Plan, file: Path, tag: str) -> Trainer:
    from mfpt_edge.tuning.backbone_trainer import load_trainer

    return load_trainer(plan, load_dataset(str(file), normalise(tag), plan.task.labels), device="cpu")


async def train_one_round(directory: Path, plan: Plan) -> list[bytes]:
    """Let two devices take part, and return everything that passed between them and the broker."""
    trainers = {tag: trainer(plan, write_data(directory / tag, tag), tag) for tag in CANARIES}
    async with (
        embedded(directory / "broker", federation=plan.federation) as broker,
        Proxy(broker.address) as proxy,
        coordinating(directory, plan, broker.address, folds=1) as (coordinator, serving),
    ):
        spy = MqttTransport(broker.address, "spy")
        await spy.connect()
        spy.subscribe(f"{ROOT}/{plan.federation}/#")
        inbox = Inbox(spy)
        devices = [
            Device(directory / f"device-{tag}", normalise(tag), proxy.address, one, federation=plan.federation)
            for tag, one in trainers.items()
        ]
        async with running(*devices) as ended:
            await asyncio.wait_for(ended, 60)
        await asyncio.wait_for(serving, SECONDS)
        await inbox.until(
            lambda: any(topic.endswith("coord/state") and b"offline" in it for topic, it in inbox.messages)
        )
        await spy.close()
        assert coordinator.state.counts.accepted == 2
        return [
            *proxy.recorded,
            *(payload for _, payload in inbox.messages),
            *(topic.encode() for topic, _ in inbox.messages),
        ]


@pytest.mark.parametrize(
    ("aggregation", "update"),
    [
        pytest.param("open", b"MFPT\x02\x02", id="open"),
        pytest.param("masked", b"MFPT\x02\x03", id="masked", marks=pytest.mark.slow),
    ],
)
def test_no_text_token_or_file_name_ever_passes_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aggregation: Literal["open", "masked"], update: bytes
) -> None:
    from mfpt_edge.tuning import backbone_trainer
    from mfpt_edge.tuning.objectives import backbone_for

    # Both devices share one frozen backbone: loading it takes longer than everything else.
    monkeypatch.setattr(backbone_trainer, "backbone_for", functools.cache(backbone_for))

    traffic = asyncio.run(asyncio.wait_for(train_one_round(tmp_path, tiny_task(aggregation)), 150))

    everything = b"".join(traffic)
    # The search looks at the right bytes, and would find what it looks for.
    assert everything.count(update) >= 2, "updates were recorded"
    assert b"health" in everything, "the plan's labels were recorded"
    hidden = dict(secrets())
    assert any(secret in texts("sw")[0].encode() for secret in hidden.values())
    assert [name for name, secret in hidden.items() if any(secret in one for one in traffic)] == []
