"""Prediction with torch: the same backbone, prompt and products as in training."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mfpt_edge import training
from mfpt_edge.backbone import load_backbone
from mfpt_edge.encoded import encode
from mfpt_edge.held import Model
from mfpt_edge.prompt import PromptModel
from mfpt_edge.splits import Example
from mfpt_shared.folders import cache_home
from mfpt_shared.tensors import check_layout, dense, layout


class TorchPredictor:
    """See `prediction.Predictor`."""

    def __init__(self, model: Model, *, device: str = "auto") -> None:
        """Load the backbone.

        Raises:
            Incompatible: this device's backbone is not the plan's.
        """
        state = dense(model.prompt.state)
        check_layout(state, layout(model.plan))
        self._model = PromptModel(load_backbone(model.plan.backbone, device, cache_home()), model.plan)
        self._model.load(state)

    @property
    def labels(self) -> Sequence[str]:
        """See Predictor.labels."""
        return self._model.plan.task.labels

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Predictor.probabilities."""
        # Every text is run once: there is nothing to keep.
        encoded = encode(self._model, [Example(text, 0) for text in texts], cache_bytes=0)
        found: NDArray[np.float32] = training.predict(self._model, encoded).softmax(dim=1).cpu().numpy()
        return found
