"""mfpt: a device's training loop, with the rival's learning rates, schedule and start."""

import sys
import time
from pathlib import Path

import numpy as np

from edge_bench.bound import products_seconds
from edge_bench.child import (
    BATCH,
    EPOCHS,
    HEAD_RATE,
    INITIAL_STD,
    MAX_TOKENS,
    PREFIX,
    PROMPT_RATE,
    VIRTUAL_TOKENS,
    WEIGHT_DECAY,
    Clock,
    Texts,
    answer,
)
from mfpt_edge.backbone.bert import BertEncoder
from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.data.example import Example
from mfpt_edge.tuning import loop
from mfpt_edge.tuning.batches import EVALUATION_BATCH, Encoded, by_length, gather, iterate_batches
from mfpt_edge.tuning.encoding import encode
from mfpt_edge.tuning.loop import Progress
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared import plan
from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.protocol.codec import encode as frame
from mfpt_shared.protocol.messages import Metrics, Update, UpdateHeader
from mfpt_shared.system.memory import peak_rss_bytes
from mfpt_shared.tensors import difference, initial_state, quantise_with_feedback


def bench_plan(labels: tuple[str, ...]) -> plan.Plan:
    """Return the plan that the device follows."""
    return plan.Plan(
        task=plan.Task(labels=labels),
        backbone=plan.BackboneSpec(prefix=PREFIX, fingerprint=f"sha256:{BUNDLED_SHA256}"),
        prompt=plan.PromptSpec(tokens=VIRTUAL_TOKENS, init_std=INITIAL_STD),
        training=plan.Training(
            epochs=EPOCHS,
            batch_size=BATCH,
            max_tokens=MAX_TOKENS,
            prompt_learning_rate=PROMPT_RATE,
            head_learning_rate=HEAD_RATE,
            weight_decay=WEIGHT_DECAY,
            head_start="zero",
            schedule="linear",
        ),
    )


def main(texts: Texts, device: str, prompt: Path, clock: Clock) -> None:
    """Train and measure."""
    the_plan = bench_plan(texts.labels)
    backbone = load_backbone(the_plan.backbone, device)
    model = PromptModel(backbone, the_plan)
    began = time.perf_counter()
    train = encode(model, [Example(text, label) for text, label in texts.train])
    encoded_at = time.perf_counter()
    marks: list[float] = []
    first_step = 0.0

    def on_step(progress: Progress) -> None:
        nonlocal first_step
        first_step = first_step or clock.seconds()
        if progress.step % (progress.steps // EPOCHS) == 0:
            marks.append(time.perf_counter())

    started = time.perf_counter()
    loop.train(model, train, the_plan.training, rng=np.random.default_rng(0), on_step=on_step)
    whole = time.perf_counter() - began
    peak = peak_rss_bytes()
    np.savez(prompt, **dict(model.state()))  # type: ignore[arg-type]  # no array is named allow_pickle
    test = encode(model, [Example(text, label) for text, label in texts.test])
    found = loop.evaluate(model, test)
    later, first = _bounds(model, train)
    epochs = [after - before for before, after in zip([started, *marks], marks, strict=False)]
    epochs[0] += started - began
    answer(
        weights=backbone.weight_bytes,
        first_step=first_step,
        epochs=epochs,
        encode=encoded_at - began,
        whole_run=whole,
        bound_first=first,
        bound_later=later,
        peak=peak,
        accuracy=found.accuracy,
        tokens=sum(map(len, train.ids)),
        bytes_up=_bytes_up(model),
    )


def _bounds(model: PromptModel, train: Encoded) -> tuple[float, float]:
    """Return the seconds that the products of a later epoch take, and those of the first epoch."""
    backbone, plan = model.backbone, model.plan
    encoder = backbone.encoder
    assert isinstance(encoder, BertEncoder)
    upper = (batch.ids for batch in iterate_batches(train, BATCH, np.random.default_rng(0)))
    reached = backbone.layers - plan.late_layer
    later = products_seconds(encoder, upper, reached, prompt=VIRTUAL_TOKENS, backward=True)
    lower = (gather(train, rows).ids for rows in by_length(train.lengths(), EVALUATION_BATCH))
    below = products_seconds(encoder, lower, plan.late_layer)
    return later, later + below


def _bytes_up(model: PromptModel) -> int:
    """Return the size of an update on the wire."""
    delta = difference(model.state(), initial_state(model.plan))
    packed, _ = quantise_with_feedback(delta, None, 0.0)
    header = UpdateHeader(
        sequence=1, language="swh", base_version=0, examples=1, plan="0" * 16, backbone=model.backbone.fingerprint,
        metrics=Metrics(loss=0.0), seconds=0.0,
    )  # fmt: skip
    return len(frame(Update(header, packed)))


if __name__ == "__main__":
    main(Texts.read(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]), Clock(float(sys.argv[4])))
