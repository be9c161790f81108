"""How fast a predictor answers: torch in 32 bits, torch in 4 bits, or ONNX Runtime in 4 bits."""

import statistics
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from edge_bench.child import Clock, Texts, answer
from edge_bench.ours import bench_plan
from mfpt_edge.data.example import Example
from mfpt_edge.inference import graph_folder
from mfpt_edge.inference.labels import Predictor
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from mfpt_shared.system.memory import peak_rss_bytes
from mfpt_shared.tensors import layout

SINGLES = 60


def main(kind: str, texts: Texts, prompt: Path, clock: Clock) -> None:
    """Load, and measure."""
    plan = bench_plan(texts.labels)
    if kind == "torch-fp32":
        plan = msgspec.structs.replace(plan, backbone=msgspec.structs.replace(plan.backbone, quantisation="none"))
    with np.load(prompt) as kept:
        state = {name: kept[name] for name in layout(plan)}
    header = PromptHeader(language=LanguageCode("swh"), version=1, plan=plan.digest, backbone=plan.backbone.fingerprint)
    model = Model(plan, Prompt(header, state))
    predictor: Predictor
    if kind == "onnx":
        from mfpt_edge.inference.onnx_runtime import OnnxPredictor  # noqa: PLC0415 - not where torch is measured

        predictor = OnnxPredictor(model, graph_folder.bundled_folder(plan, cache_home()))
    else:
        from mfpt_edge.inference.torch_runtime import TorchPredictor  # noqa: PLC0415 - takes seconds, and memory

        predictor = TorchPredictor(model, device="cpu")
    sentences = [Example(text) for text, _ in texts.test]
    predictor.probabilities(sentences[:1])
    ready = clock.seconds()
    singles = []
    for sentence in sentences[:SINGLES]:
        began = time.perf_counter()
        predictor.probabilities([sentence])
        singles.append(time.perf_counter() - began)
    began = time.perf_counter()
    labels = predictor.probabilities(sentences).argmax(axis=1).tolist()
    throughput = len(sentences) / (time.perf_counter() - began)
    answer(
        first_answer=ready,
        latency_ms=1e3 * statistics.median(singles),
        texts_per_s=throughput,
        peak=peak_rss_bytes(),
        labels=labels,
    )


if __name__ == "__main__":
    main(sys.argv[1], Texts.read(Path(sys.argv[2])), Path(sys.argv[3]), Clock(float(sys.argv[4])))
