"""Training within a bound for the memory that the process holds, `mfpt-edge join --memory`."""

import dataclasses
import logging
import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from mfpt_edge.backbone.bert import BertEncoder
from mfpt_edge.backbone.transformers_model import Pretrained
from mfpt_edge.formats.conventions import LENGTH_STEP
from mfpt_edge.tuning import loop
from mfpt_edge.tuning.batches import EVALUATION_BATCH, Encoded
from mfpt_edge.tuning.memory.encoder import FrugalEncoder, layer_of
from mfpt_edge.tuning.memory.estimate import Allowance
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared.errors import Incompatible, NotAllowed, UsageError
from mfpt_shared.plan import Plan
from mfpt_shared.system.heap import give_back, keep_heap_small
from mfpt_shared.system.memory import resident_bytes

_log = logging.getLogger(__name__)

_MB: Final = 1_000_000
# What torch's matrix library comes to keep of the shapes of batches, as measured.
_SHAPES: Final = 96 * _MB


def economise_if_needed(model: PromptModel, splits: Sequence[Encoded], memory: int) -> tuple[PromptModel, int | None]:
    """Leave a model as it is, and batches whole, where that fits into a bound; otherwise do as `economise` does.

    Args:
        model: Model to be trained.
        splits: Tokenised examples, those to train on first.
        memory: Bytes that the process may hold in all.

    Raises:
        NotAllowed: It does not fit, and the backbone's layers cannot be run one by one.
        UsageError: The bound is too low for a single example.
    """
    backbone, plan = model.backbone, model.plan
    assert isinstance(backbone.encoder, BertEncoder | Pretrained)
    allowance = Allowance(memory, layer_of(backbone.encoder, backbone.width))
    lengths = [encoded.lengths() for encoded in splits if encoded.ids]
    longest = max(_padded(int(of.max()), plan) for of in lengths)
    batch = min(plan.training.batch_size, len(splits[0].ids))
    working = resident_bytes() + _SHAPES + model.objective.working_bytes
    needed = working + allowance.whole(batch, longest, layers_reached(plan), readable=EVALUATION_BATCH)
    if needed <= memory:
        return model, None
    _log.info(
        "the plan's steps of %d texts would take about %.1f GB of memory, and this device gives %.1f GB (--memory): "
        "fewer are run at once, with the same result", batch, needed / 1e9, memory / 1e9,
    )  # fmt: skip
    if backbone.stack is None:
        raise NotAllowed(
            f"the plan's steps of {batch} texts take about {needed / 1e9:.1f} GB of memory, and this device gives "
            f"{memory / 1e9:.1f} GB; {plan.backbone.uri} cannot be trained in less: free some, or leave this federation"
        )
    return economise(model, splits[0], memory)


def economise(model: PromptModel, encoded: Encoded, memory: int, *, beside: int = 0) -> tuple[PromptModel, int]:
    """Make a model keep to a bound.

    Args:
        model: Model to be trained. It is trained for one step here, which changes its state.
        encoded: Tokenised examples to train on.
        memory: Bytes that may be held in all.
        beside: Bytes of these that another process of the device holds.

    Returns:
        A model on the same frozen weights, and the number of examples that are trained on at once. It is the same for
        long and short ones: torch keeps memory for every shape that it meets.

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
    held = beside + resident_bytes() + _SHAPES + model.objective.working_bytes
    layers = layers_reached(plan)
    allowance = Allowance(memory - held, layer_of(encoder, backbone.width))
    longest = _padded(int(lengths.max()), plan)
    needed = allowance.least(longest, layers)
    if needed > allowance.free:
        raise UsageError(
            f"--memory {memory / _MB:.0f}MB is too little: without any example this device takes {held / _MB:.0f} MB, "
            f"and the longest one takes {needed / _MB:.1f} MB; give {math.ceil((held + needed) / _MB)}MB or more"
        )
    at_once = allowance.at_once(plan.training.batch_size, longest, layers)
    _log.info(
        "memory: %.0f MB are left to train in; %d examples at once, %s", allowance.free / _MB, at_once,
        "layers once" if allowance.fits(at_once, longest, layers) else "layers twice",
    )  # fmt: skip
    frugal = FrugalEncoder(encoder, stack, backbone.layers, allowance, longest)
    return PromptModel(dataclasses.replace(backbone, encoder=frugal, stack=frugal), plan), at_once


def _padded(tokens: int, plan: Plan) -> int:
    """Return the number of tokens of an example in a batch, virtual ones included."""
    return math.ceil(tokens / LENGTH_STEP) * LENGTH_STEP + plan.prompt.tokens


def layers_reached(plan: Plan) -> int:
    """Return the number of layers that see the prompt, and that gradients go through."""
    return plan.backbone.layers - (plan.late_layer if plan.prompt.method == "late" else 0)


def _warm_up(model: PromptModel, encoded: Encoded) -> None:
    """Make a step: what torch loads when it is first used, and keeps, is not memory to train in."""
    once = msgspec.structs.replace(model.plan.training, epochs=1)
    loop.train(model, encoded, once, rng=np.random.default_rng(0))
