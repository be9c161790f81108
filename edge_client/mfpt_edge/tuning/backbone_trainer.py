"""The real trainer: one device's examples and its frozen backbone, behind `mfpt_shared.device.trainer.Trainer`."""

import logging
import math
import os
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import torch

from mfpt_edge.data.sources import Dataset
from mfpt_edge.tuning import loop, own_head
from mfpt_edge.tuning.activation_cache import encode_splits
from mfpt_edge.tuning.batches import Encoded
from mfpt_edge.tuning.encoding import HELD_BYTES, tokenise, with_activations
from mfpt_edge.tuning.memory.bound import economise, economise_if_needed
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.objective import Decisions
from mfpt_edge.tuning.objectives import backbone_for
from mfpt_edge.tuning.ridge_head import Head
from mfpt_shared.device.held_out import held_out, kept_in
from mfpt_shared.device.own_share import SHARES, Trials
from mfpt_shared.device.trainer import Measured, OnProgress, Tuned
from mfpt_shared.errors import DatasetError
from mfpt_shared.folders import cache_home
from mfpt_shared.plan import Plan
from mfpt_shared.system.processor import usable_cores
from mfpt_shared.tensors import PromptState

# A head is fitted to some examples, and measured on others.
_FEWEST: Final = 2
# What a head sees of more answers takes memory, and a pass through the backbone in every round, and changes little.
_MOST_ANSWERS: Final = 20_000

_log = logging.getLogger(__name__)


def load_trainer(
    plan: Plan,
    dataset: Dataset,
    *,
    device: str = "auto",
    threads: int | None = None,
    activation_cache: int | None = None,
    memory: int | None = None,
    beside: int = 0,
    spare: int | None = None,
) -> "BackboneTrainer":
    """Load the backbone of a plan, and run all examples of a device through its lower layers.

    Args:
        plan: Backbone, prompt and training.
        dataset: Examples of this device.
        device: `auto`, `cpu` or `cuda`.
        threads: Number of threads for matrix products; None: as many as there are cores to use.
        activation_cache: Bytes on disk for lower activations; None: they are held in memory.
        memory: Bytes that may be held while it trains on a processor; None: see `spare`.
        beside: Bytes of `memory` that another process of the device holds.
        spare: Bytes that it may hold where `memory` is None: batches stay whole if they fit; None: no bound.

    Raises:
        DatasetError: Fewer training examples than the plan asks for.
        Incompatible: The backbone is not the plan's.
        UsageError: The bound for memory is too low.
        NotAllowed: The plan's batches cannot be cut to what is spare.
    """
    decisions = sum(example.decisions for example in dataset.train)
    if decisions < plan.privacy.min_examples:
        what = "words" if plan.task.tags_words else "examples"
        raise DatasetError(
            f"{decisions} training {what}; the plan asks for {plan.privacy.min_examples} or more: add some"
        )
    torch.set_num_threads(threads or usable_cores())
    model = _load_model(plan, device)
    splits = [tokenise(model, split) for split in (dataset.train, dataset.test)]
    at_once, held_bytes = None, HELD_BYTES
    if memory is not None and model.backbone.device.type != "cpu":
        _log.warning("--memory has no effect on %s: it bounds training on a processor", model.backbone.device)
    elif memory is not None:
        model, at_once = economise(model, splits[0], memory, beside=beside)
        held_bytes = 0
    elif spare is not None and model.backbone.device.type == "cpu":
        model, at_once = economise_if_needed(model, splits, spare)
        held_bytes = HELD_BYTES if at_once is None else 0
    return BackboneTrainer(model, *_with_activations(model, splits, activation_cache, held_bytes), at_once=at_once)


def _load_model(plan: Plan, device: str) -> PromptModel:
    backbone = backbone_for(plan, device, cache_home())
    _log.info(
        "backbone %s: %.0f MB of weights in memory (%.0f MB in fp32)",
        plan.backbone.uri, backbone.weight_bytes / 1e6, backbone.weight_bytes_fp32 / 1e6,
    )  # fmt: skip
    return PromptModel(backbone, plan)


def _with_activations(
    model: PromptModel, splits: Sequence[Encoded], activation_cache: int | None, held_bytes: int
) -> list[Encoded]:
    if activation_cache is None:
        return [with_activations(model, split, held_bytes) for split in splits]
    return encode_splits(model, splits, cache_home() / "activations", activation_cache, held_bytes=held_bytes)


class BackboneTrainer:
    """See `mfpt_shared.device.trainer.Trainer`. Only one thread at a time may use it."""

    def __init__(
        self,
        model: PromptModel,
        train: Encoded,
        test: Encoded,
        *,
        at_once: int | None = None,
    ) -> None:
        """Wrap a model and encoded examples.

        Args:
            model: Backbone, prompt and objective; several trainers may share one.
            train: Examples to train on; `validate` measures on a third of them, as far as no copy is in the rest.
            test: Examples for `test`.
            at_once: Number of examples that are trained on at once, see `loop.train`; None: whole batches.
        """
        self._model = model
        self._train = train
        self._test = test
        labels = train.targets.tolist() if train.targets.ndim == 1 else [0] * len(train.ids)
        keys = [str(ids) for ids in train.ids]
        rest = kept_in(labels, keys)
        trained_on = {keys[row] for row in rest}
        # One whose copy is trained on would speak for whatever was tuned on that.
        held = [row for row in held_out(labels, keys) if keys[row] not in trained_on]
        self._rest, self._held = train.take(rest), train.take(held)
        every = math.ceil(train.decisions(range(len(labels))) / _MOST_ANSWERS)
        rows = range(0, len(labels), max(1, every))
        self._headed = train.take(rows)
        self._is_held = torch.isin(torch.tensor(rows), torch.tensor(held))
        self._at_once = at_once
        self._newest: tuple[PromptState, Decisions | None] | None = None

    @property
    def examples(self) -> int:
        """See Trainer.examples."""
        return len(self._train.ids)

    @property
    def fingerprint(self) -> str:
        """See Trainer.fingerprint."""
        return self._model.backbone.fingerprint

    @property
    def device(self) -> str:
        """See Trainer.device."""
        kind = self._model.backbone.device.type
        return f"cpu, {os.cpu_count()} cores" if kind == "cpu" else kind

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        """See Trainer.tune."""
        self._newest = None
        model, examples = self._model, self._rest if hold_out else self._train
        model.load(start)
        if model.objective.start(model.last_states, examples):
            return Tuned(model.state(), loop.evaluate(model, examples).loss, epochs=0)
        report = loop.train(
            model,
            examples,
            msgspec.structs.replace(model.plan.training, epochs=epochs),
            rng=np.random.default_rng(seed),
            on_step=lambda progress: on_progress(progress.step / progress.steps, progress.loss),
            at_once=self._at_once,
        )
        return Tuned(model.state(), report.last_loss, epochs)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        return self._measure(state, self._held)

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        return self._measure(state, self._test)

    def try_shares(self, state: PromptState) -> Trials | None:
        """See Trainer.try_shares."""
        known = self._known(state)
        if known is None:
            return None
        is_held = self._is_held.to(known.examples.device)[known.examples]
        if not is_held.any():
            return None
        rest, held = (Decisions(*(part[rows] for part in known)) for rows in (~is_held, is_held))
        federated, answers = _head_of(state, known.features.device), len(known.targets)
        heads = [own_head.fit(rest, federated, share, answers) for share in SHARES]
        losses = [own_head.loss_at_best_scale(head, held) for head in heads]
        accuracies = [own_head.accuracy(head, held) for head in heads]
        return Trials(SHARES, losses, len(held.targets), accuracies)

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        """See Trainer.with_own_head."""
        known = self._known(state) if share > 0 else None
        self._newest = None
        if known is None:
            return state
        head = own_head.fit(known, _head_of(state, known.features.device), share, len(known.targets))
        return {**state, "head.weight": head.weight.cpu().numpy(), "head.bias": head.bias.cpu().numpy()}

    def _known(self, state: PromptState) -> Decisions | None:
        """Return what a head has to decide on the training examples; None where it cannot learn from them."""
        if len(self._headed.ids) < _FEWEST:
            return None
        # Shares are tried on the prompt that then gets a head of the one that is chosen: one pass is enough for both.
        if self._newest is None or self._newest[0] is not state:
            self._model.load(state)
            self._newest = state, self._model.objective.decisions(self._model.last_states, self._headed)
        known = self._newest[1]
        return known if known is not None and bool((known.targets != known.targets[0]).any()) else None

    def _measure(self, state: PromptState, examples: Encoded) -> Measured:
        self._model.load(state)
        return loop.evaluate(self._model, examples)


def _head_of(state: PromptState, device: torch.device) -> Head:
    weight, bias = (torch.from_numpy(np.array(state[f"head.{name}"], np.float32)) for name in ("weight", "bias"))
    return Head(weight.to(device), bias.to(device))
