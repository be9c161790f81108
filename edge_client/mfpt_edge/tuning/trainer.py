"""The real trainer: one device's examples and its frozen 4-bit backbone, behind the `Trainer` protocol."""

import logging
import os

import msgspec
import numpy as np
import torch

from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.data.sources import Dataset
from mfpt_edge.host.cores import usable_cores
from mfpt_edge.tuning import loop
from mfpt_edge.tuning.activation_cache import encode_splits
from mfpt_edge.tuning.batches import CACHE_BYTES, Encoded, encode
from mfpt_edge.tuning.memory.bound import Economy, economise
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.ridge_head import solve_head
from mfpt_shared.device.trainer import Measured, OnProgress, Tuned
from mfpt_shared.errors import DatasetError
from mfpt_shared.folders import cache_home
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import PromptState

_log = logging.getLogger(__name__)


def load_trainer(
    plan: Plan,
    dataset: Dataset,
    *,
    device: str = "auto",
    threads: int | None = None,
    activation_cache: int | None = None,
    memory: int | None = None,
) -> "BackboneTrainer":
    """Load the backbone of a plan, and run all examples of a device through its lower layers.

    Args:
        plan: names the backbone, the prompt and the training.
        dataset: of this device.
        device: auto, cpu or cuda.
        threads: for matrix products; None: as many as there are cores to use.
        activation_cache: bytes on disk for lower activations; None: they are held in memory.
        memory: bytes that the process may hold while it trains, if it trains on a processor; None: no bound.

    Raises:
        DatasetError: fewer training examples than the plan asks for.
        Incompatible: the backbone is not the plan's.
        UsageError: the bound for memory is too low.
    """
    if len(dataset.train) < plan.privacy.min_examples:
        raise DatasetError(
            f"{len(dataset.train)} training examples; the plan asks for {plan.privacy.min_examples} at least"
        )
    torch.set_num_threads(threads or usable_cores())
    backbone = load_backbone(plan.backbone, device, cache_home(), generates=plan.task.generates)
    _log.info(
        "backbone %s: %.0f MB of weights in memory (%.0f MB in fp32)",
        plan.backbone.uri, backbone.weight_bytes / 1e6, backbone.weight_bytes_fp32 / 1e6,
    )  # fmt: skip
    model = PromptModel(backbone, plan)
    economy = None
    if memory is not None and backbone.device.type != "cpu":
        _log.warning("--memory bounds nothing on %s: batches stay whole", backbone.device)
    elif memory is not None:
        model, economy = economise(model, dataset.train, memory)
    splits, held_bytes = (dataset.train, dataset.validation, dataset.test), CACHE_BYTES if economy is None else 0
    if activation_cache is None:
        encoded = [encode(model, split, cache_bytes=held_bytes) for split in splits]
    else:
        cache = cache_home() / "activations"
        encoded = encode_splits(model, splits, cache, activation_cache, held_bytes=held_bytes)
    return BackboneTrainer(model, *encoded, economy=economy)


class BackboneTrainer:
    """See `trainer.Trainer`. One thread at a time may use it."""

    def __init__(
        self,
        model: PromptModel,
        train: Encoded,
        validation: Encoded,
        test: Encoded,
        *,
        economy: Economy | None = None,
    ) -> None:
        """Wrap a model and encoded examples; several trainers may share a model. Batches are whole without economy."""
        self._model = model
        self._plan = model.plan
        self._train = train
        self._validation = validation
        self._test = test
        self._split = economy.split if economy is not None else loop.whole

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

    def tune(self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress) -> Tuned:
        """See Trainer.tune."""
        self._model.load(start)
        if self._plan.starts_closed and not start["head.weight"].any():
            # All that a device can add to a head that knows nothing yet; steps would only take it away from there.
            solve_head(self._model, self._train)
            return Tuned(self._model.state(), loop.evaluate(self._model, self._train).loss, epochs=0)
        report = loop.train(
            self._model,
            self._train,
            msgspec.structs.replace(self._plan.training, epochs=epochs),
            rng=np.random.default_rng(seed),
            on_step=lambda progress: on_progress(progress.step / progress.steps, progress.loss),
            split=self._split,
        )
        return Tuned(self._model.state(), report.last_loss, epochs)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        return self._measure(state, self._validation)

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        return self._measure(state, self._test)

    def _measure(self, state: PromptState, examples: Encoded) -> Measured:
        self._model.load(state)
        return loop.evaluate(self._model, examples)
