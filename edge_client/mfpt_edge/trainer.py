"""The real trainer: one device's examples and its frozen 4-bit backbone, behind the `Trainer` protocol."""

import logging
import os

import msgspec
import numpy as np
import torch

from mfpt_edge import training
from mfpt_edge.backbone import load_backbone
from mfpt_edge.data import Dataset
from mfpt_edge.prompt import PromptModel
from mfpt_shared.errors import DatasetError
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import PromptState
from mfpt_shared.trainer import Measured, OnProgress, Tuned

_log = logging.getLogger(__name__)


class BackboneTrainer:
    """See `trainer.Trainer`. One thread at a time may use it."""

    def __init__(self, plan: Plan, dataset: Dataset, *, device: str = "auto", threads: int | None = None) -> None:
        """Load the backbone and run all examples through its lower layers.

        Args:
            plan: names the backbone, the prompt and the training.
            dataset: of this device.
            device: auto, cpu or cuda.
            threads: for matrix products; None: as many as torch finds cores.

        Raises:
            DatasetError: fewer training examples than the plan asks for.
            Incompatible: the backbone is not the plan's.
        """
        if len(dataset.train) < plan.privacy.min_examples:
            raise DatasetError(
                f"{len(dataset.train)} training examples; the plan asks for {plan.privacy.min_examples} at least"
            )
        if threads is not None:
            torch.set_num_threads(threads)
        self._plan = plan
        self._backbone = load_backbone(plan.backbone, device)
        _log.info(
            "backbone %s: %.0f MB of weights in memory (%.0f MB in fp32)",
            plan.backbone.uri, self._backbone.weight_bytes / 1e6, self._backbone.weight_bytes_fp32 / 1e6,
        )  # fmt: skip
        self._model = PromptModel(self._backbone, plan)
        self._train = training.encode(self._model, dataset.train)
        self._validation = training.encode(self._model, dataset.validation)
        self._test = training.encode(self._model, dataset.test)

    @property
    def examples(self) -> int:
        """See Trainer.examples."""
        return len(self._train.ids)

    @property
    def fingerprint(self) -> str:
        """See Trainer.fingerprint."""
        return self._backbone.fingerprint

    @property
    def device(self) -> str:
        """See Trainer.device."""
        kind = self._backbone.device.type
        return f"cpu, {os.cpu_count()} cores" if kind == "cpu" else kind

    def tune(self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress) -> Tuned:
        """See Trainer.tune."""
        self._model.load(start)
        report = training.train(
            self._model,
            self._train,
            msgspec.structs.replace(self._plan.training, epochs=epochs),
            rng=np.random.default_rng(seed),
            on_step=lambda progress: on_progress(progress.step / progress.steps, progress.loss),
        )
        return Tuned(self._model.state(), report.last_loss)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        return self._measure(state, self._validation)

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        return self._measure(state, self._test)

    def _measure(self, state: PromptState, examples: training.Encoded) -> Measured:
        self._model.load(state)
        found = training.evaluate(self._model, examples)
        return Measured(found.accuracy, found.loss, found.examples)
