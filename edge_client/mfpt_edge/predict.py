"""Labels for texts: a backbone with a prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

from mfpt_edge import training
from mfpt_edge.backbone import load_backbone
from mfpt_edge.encoded import encode
from mfpt_edge.held import Model
from mfpt_edge.prompt import PromptModel
from mfpt_edge.splits import Example
from mfpt_shared.folders import cache_home
from mfpt_shared.tensors import check_layout, dense, layout


@dataclass(frozen=True, slots=True)
class Prediction:
    """The most probable label of a text, with its probability."""

    text: str
    label: str
    probability: float


class Predictor:
    """A backbone with a prompt, loaded."""

    def __init__(self, model: Model, *, device: str = "auto") -> None:
        """Load the backbone.

        Raises:
            Incompatible: this device's backbone is not the plan's.
        """
        plan = model.plan
        backbone = load_backbone(plan.backbone, device, cache_home())
        state = dense(model.prompt.state)
        check_layout(state, layout(plan))
        self._labels = plan.task.labels
        self._model = PromptModel(backbone, plan)
        self._model.load(state)

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return a label for every text."""
        encoded = encode(self._model, [Example(text, 0) for text in texts])
        scores = training.predict(self._model, encoded).softmax(dim=1)
        best = scores.max(dim=1)
        return [
            Prediction(text, self._labels[index], probability)
            for text, index, probability in zip(texts, best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def evaluate(self, examples: Sequence[Example]) -> training.Evaluation:
        """Return accuracy and loss over examples."""
        return training.evaluate(self._model, encode(self._model, examples))
