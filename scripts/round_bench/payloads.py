"""The federation of the benchmark: its plan, and messages of the size that devices send and receive."""

from typing import Final

import numpy as np

from mfpt_shared.keys import SigningKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Task
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Tensors, Update, UpdateHeader
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import halve, initial_state, layout, quantise_with_feedback
from round_bench.sizes import LANGUAGES

EXAMPLES: Final = 10


def bench_plan(buffer: int, concurrency: int) -> Plan:
    """Return a plan with updates of about 11 kB: 20 x 384 virtual tokens and a head of 7 labels, in 8 bits."""
    return Plan(
        task=Task(labels=tuple(f"label {index}" for index in range(7))),
        backbone=BackboneSpec(fingerprint=""),
        aggregation=Aggregation(
            buffer=buffer, start_together=0, concurrency=concurrency, max_staleness=1_000_000, proximity="uniform"
        ),
    )


def random_delta(plan: Plan, seed: int) -> Tensors:
    """Return a small random change of a prompt state, quantised to 8 bits."""
    rng = np.random.default_rng(seed)
    state = {name: (0.001 * rng.standard_normal(shape)).astype(np.float32) for name, shape in layout(plan).items()}
    return quantise_with_feedback(state, None)[0]


def update_content(plan: Plan, delta: Tensors, language: LanguageCode, sequence: int, base_version: int) -> bytes:
    """Return an update as it travels, but for its signature."""
    header = UpdateHeader(
        sequence=sequence,
        language=language,
        base_version=base_version,
        examples=EXAMPLES,
        plan=plan.digest,
        backbone=plan.backbone.fingerprint,
    )
    return encode(Update(header, delta))


def update_bytes() -> int:
    """Return the size of an update."""
    plan = bench_plan(1, 1)
    update = update_content(plan, random_delta(plan, 0), LANGUAGES[0], 1, 0)
    return len(seal(CLIENT_UP.path(plan.federation, "device"), update, SigningKey.generate()))


def prompt_bytes() -> int:
    """Return the size of a prompt state in half precision."""
    return sum(array.nbytes for array in halve(initial_state(bench_plan(1, 1))).values())
