"""Training within a bound for the memory that the process holds, `mfpt-edge join --memory`."""

import dataclasses
import logging
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from mfpt_edge.backbone.bert import BertEncoder
from mfpt_edge.backbone.load import Backbone
from mfpt_edge.backbone.transformers_model import Pretrained
from mfpt_edge.data.example import Example
from mfpt_edge.formats.conventions import LENGTH_STEP
from mfpt_edge.host.memory import give_back, keep_heap_small, resident_bytes
from mfpt_edge.tuning import loop
from mfpt_edge.tuning.batches import Batch, encode
from mfpt_edge.tuning.loss import SCORED_AT_ONCE
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
        at_once: examples that are trained on at once. The same for long and short ones: torch keeps memory for every
            shape that it meets.
    """

    at_once: int

    def split(self, batch: Batch) -> list[Batch]:
        """Cut a batch into parts that are trained on one after the other."""
        return [
            Batch._make(None if part is None else part[start : start + self.at_once] for part in batch)
            for start in range(0, len(batch.labels), self.at_once)
        ]


def economise(model: PromptModel, examples: Sequence[Example], memory: int) -> tuple[PromptModel, Economy]:
    """Make a model keep to a bound.

    Args:
        model: ready to be trained; it is trained for a step, so its state is another afterwards.
        examples: to train on.
        memory: bytes that the process may hold in all.

    Returns:
        A model on the same frozen weights, and how it is to be trained.

    Raises:
        Incompatible: the backbone's layers cannot be run one by one.
        UsageError: the bound is too low for a single example.
    """
    backbone, plan = model.backbone, model.plan
    encoder, stack = backbone.encoder, backbone.stack
    if stack is None or not isinstance(encoder, BertEncoder | Pretrained):
        raise Incompatible("--memory needs a backbone whose layers can be run one by one: leave it out")
    keep_heap_small()
    lengths = encode(model, examples, cache_bytes=0).lengths()
    _warm_up(model, examples[int(lengths.argmin())])
    give_back()
    held, layers = resident_bytes() + _SHAPES + _writing_bytes(backbone), layers_reached(plan)
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


def _writing_bytes(backbone: Backbone) -> int:
    """Return what a decoder takes to score tokens: its output layer in 32 bits, and some tokens' scores.

    These are held as they come out of the product, in 32 bits, as probabilities, and as gradients.
    """
    if backbone.decoder is None:
        return 0
    return backbone.decoder.vocabulary * (4 * backbone.width + 16 * SCORED_AT_ONCE)


def _warm_up(model: PromptModel, example: Example) -> None:
    """Make a step: what torch loads when it is first used, and keeps, is no memory to train in."""
    encoded = encode(model, [example], cache_bytes=0)
    once = msgspec.structs.replace(model.plan.training, epochs=1)
    loop.train(model, encoded, once, rng=np.random.default_rng(0))
