"""Prediction with torch: the same backbone, prompt and products as in training."""

from collections.abc import Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.data.example import Example
from mfpt_edge.storage.saved_prompt import Model
from mfpt_edge.tuning import loop
from mfpt_edge.tuning.batches import encode
from mfpt_edge.tuning.generate import write
from mfpt_edge.tuning.model import PromptModel
from mfpt_shared.folders import cache_home
from mfpt_shared.tensors import check_layout, dense, layout


class TorchPredictor:
    """See `prediction.Predictor`."""

    def __init__(self, model: Model, *, device: str = "auto") -> None:
        """Load the backbone.

        Raises:
            Incompatible: this device's backbone is not the plan's.
        """
        self._model = _loaded(model, device)

    @property
    def labels(self) -> Sequence[str]:
        """See Predictor.labels."""
        return self._model.plan.task.labels

    def probabilities(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> NDArray[np.float32]:
        """See Predictor.probabilities."""
        examples = [Example(text, pair=pair) for text, pair in zip(texts, pairs or repeat(""), strict=False)]
        # Every text is run once: there is nothing to keep.
        encoded = encode(self._model, examples, cache_bytes=0)
        found: NDArray[np.float32] = loop.predict(self._model, encoded).softmax(dim=1).cpu().numpy()
        return found


class TorchCompleter:
    """See `completion.Completer`."""

    def __init__(self, model: Model, *, device: str = "auto") -> None:
        """Load the backbone.

        Raises:
            Incompatible: this device's backbone is not the plan's, or no decoder.
        """
        self._model = _loaded(model, device)

    def complete(self, texts: Sequence[str]) -> list[str]:
        """See Completer.complete."""
        return write(self._model, texts)


def _loaded(model: Model, device: str) -> PromptModel:
    plan, state = model.plan, dense(model.prompt.state)
    check_layout(state, layout(plan))
    backbone = load_backbone(plan.backbone, device, cache_home(), generates=plan.task.generates)
    loaded = PromptModel(backbone, plan)
    loaded.load(state)
    return loaded
