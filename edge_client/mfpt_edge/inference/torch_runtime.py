"""Labels, labels of words and completions with torch: the same backbone, prompt and products as in training."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.storage.saved_prompt import Model
from mfpt_edge.tuning.completion_objective import CompletionObjective
from mfpt_edge.tuning.encoding import tokenise
from mfpt_edge.tuning.generate import write
from mfpt_edge.tuning.label_objective import LabelObjective
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.objective import Objective
from mfpt_edge.tuning.objectives import backbone_for
from mfpt_edge.tuning.tag_objective import TagObjective
from mfpt_shared.folders import cache_home
from mfpt_shared.plan import Plan, Task
from mfpt_shared.tensors import dense

ObjectiveT = TypeVar("ObjectiveT", bound=Objective)


class TorchPredictor:
    """See `labels.Predictor`."""

    def __init__(self, model: Model, *, device: str = "auto") -> None:
        """Load the backbone.

        Raises:
            Incompatible: This device's backbone is not the plan's, or the prompt is not.
        """
        self._objective, self._model = _loaded(model, LabelObjective, device)

    @property
    def labels(self) -> Sequence[str]:
        """See Predictor.labels."""
        return self._model.plan.task.labels

    def probabilities(self, examples: Sequence[Example]) -> NDArray[np.float32]:
        """See Predictor.probabilities."""
        # Every text is run once: there is nothing to keep activations for.
        encoded = tokenise(self._model, examples)
        logits = self._objective.predict(self._model.last_states, encoded)
        found: NDArray[np.float32] = logits.softmax(dim=1).cpu().numpy()
        return found


class TorchTagger:
    """See `tags.Tagger`."""

    def __init__(self, model: Model, *, device: str = "auto") -> None:
        """Load the backbone.

        Raises:
            Incompatible: This device's backbone is not the plan's, or the prompt is not.
        """
        self._objective, self._model = _loaded(model, TagObjective, device)

    @property
    def task(self) -> Task:
        """See Tagger.task."""
        return self._model.plan.task

    def word_probabilities(self, sentences: Sequence[Sequence[str]]) -> list[NDArray[np.float32]]:
        """See Tagger.word_probabilities."""
        if not sentences:
            return []
        encoded = tokenise(self._model, [Example(" ".join(words), words=tuple(words)) for words in sentences])
        decided = self._objective.decisions(self._model.last_states, encoded)
        with torch.no_grad():
            found: NDArray[np.float32] = self._objective.head(decided.features).softmax(dim=1).cpu().numpy()
        counts = np.bincount(decided.examples.cpu().numpy(), minlength=len(sentences))
        return np.split(found, np.cumsum(counts)[:-1])


class TorchCompleter:
    """See `completions.Completer`."""

    def __init__(self, model: Model, *, device: str = "auto") -> None:
        """Load the backbone.

        Raises:
            Incompatible: This device's backbone is not the plan's or is not a decoder, or the prompt is not the plan's.
        """
        self._objective, self._model = _loaded(model, CompletionObjective, device)

    def complete(self, texts: Sequence[str]) -> list[str]:
        """See Completer.complete."""
        return write(self._model, self._objective, texts)


def _loaded(
    model: Model, objective_of: Callable[[Plan, Backbone], ObjectiveT], device: str
) -> tuple[ObjectiveT, PromptModel]:
    """Return the objective of a model's task, and backbone and prompt around it."""
    backbone = backbone_for(model.plan, device, cache_home())
    objective = objective_of(model.plan, backbone)
    loaded = PromptModel(backbone, model.plan, objective)
    loaded.load(dense(model.prompt.state))
    return objective, loaded
