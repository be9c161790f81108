"""Training within a bound for the memory that the process holds, `mfpt-edge join --memory`."""

import dataclasses
import logging
import math
from typing import Final, NamedTuple

import msgspec
import numpy as np

from mfpt_edge.backbone.bert import BertEncoder
from mfpt_edge.backbone.transformers_model import Pretrained
from mfpt_edge.formats.conventions import LENGTH_STEP
from mfpt_edge.host.memory import give_back, keep_heap_small, resident_bytes
from mfpt_edge.tuning import loop
from mfpt_edge.tuning.batches import Batch, Encoded
from mfpt_edge.tuning.memory.encoder import FrugalEncoder, layer_of
from mfpt_edge.tuning.memory.estimate import Allowance
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared.errors import Incompatible, UsageError
from mfpt_shared.plan import Plan

_log = logging.getLogger(__name__)

_MB: Final = 1_000_000
# What torch's matrix library comes to keep of the shapes of batches, as measured.
_SHAPES: Final = 96 * _MB


class Economy(NamedTuple):
    """How a model is trained within a bound.

    Attributes:
        at_once: Number of examples that are trained on at once. It is the same for long and short ones: torch keeps
            memory for every shape that it meets.
    """

    at_once: int

    def split(self, batch: Batch) -> list[Batch]:
        """Cut a batch into parts that are trained on one after the other."""
        return [
            Batch._make(None if part is None else part[start : start + self.at_once] for part in batch)
            for start in range(0, len(batch.targets), self.at_once)
        ]


def economise(model: PromptModel, encoded: Encoded, memory: int) -> tuple[PromptModel, Economy]:
    """Make a model keep to a bound.

    Args:
        model: Model to be trained. It is trained for one step here, which changes its state.
        encoded: Tokenised examples to train on.
        memory: Bytes that the process may hold in all.

    Returns:
        A model on the same frozen weights, and how it is to be trained.

    Raises:
        Incompatible: The backbone's layers cannot be run one by one.
        UsageError: The bound is too low for a single example.
    """
    backbone, plan = model.backbone, model.plan
    encoder, stack = backbone.encoder, backbone.stack
    if stack is None or not isinstance(encoder, BertEncoder | Pretrained):
        raise Incompatible("--memory needs a backbone whose layers can be run one by one: leave it out")
    keep_heap_small()
    lengths = encoded.lengths()
    _warm_up(model, encoded.take([int(lengths.argmin())]))
    give_back()
    held, layers = resident_bytes() + _SHAPES + model.objective.working_bytes, layers_reached(plan)
    allowance = Allowance(memory - held, layer_of(encoder, backbone.width))
    longest = math.ceil(int(lengths.max()) / LENGTH_STEP) * LENGTH_STEP + plan.prompt.tokens
    needed = allowance.least(longest, layers)
    if needed > allowance.free:
        raise UsageError(
            f"--memory {memory / _MB:.0f}MB is too little: without any example this process takes {held / _MB:.0f} MB, "
            f"and the longest one takes {needed / _MB:.1f} MB; give {math.ceil((held + needed) / _MB)}MB or more"
        )
    at_once = allowance.at_once(plan.training.batch_size, longest, layers)
    _log.info(
        "memory: %.0f MB are left to train in; %d examples at once, %s", allowance.free / _MB, at_once,
        "layers once" if allowance.fits(at_once, longest, layers) else "layers twice",
    )  # fmt: skip
    frugal = FrugalEncoder(encoder, stack, backbone.layers, allowance, longest)
    return PromptModel(dataclasses.replace(backbone, encoder=frugal, stack=frugal), plan), Economy(at_once)


def layers_reached(plan: Plan) -> int:
    """Return the number of layers that see the prompt, and that gradients go through."""
    return plan.backbone.layers - (plan.late_layer if plan.prompt.method == "late" else 0)


def _warm_up(model: PromptModel, encoded: Encoded) -> None:
    """Make a step: what torch loads when it is first used, and keeps, is not memory to train in."""
    once = msgspec.structs.replace(model.plan.training, epochs=1)
    loop.train(model, encoded, once, rng=np.random.default_rng(0))
