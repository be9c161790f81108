"""Labels, labels of words and completions with torch: the same backbone, prompt and products as in training."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from mfpt_edge.backbone.load import load_backbone
from mfpt_edge.data.example import Example
from mfpt_edge.storage.saved_prompt import Model
from mfpt_edge.tuning.completion_objective import CompletionObjective
from mfpt_edge.tuning.encoding import tokenise
from mfpt_edge.tuning.generate import write
from mfpt_edge.tuning.label_objective import LabelObjective
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.tag_objective import TagObjective
from mfpt_shared.folders import cache_home
from mfpt_shared.plan import Task
from mfpt_shared.tensors import dense


class TorchPredictor:
    """See `labels.Predictor`."""

    def __init__(self, model: Model, *, device: str = "auto") -> None:
        """Load the backbone.

        Raises:
            Incompatible: This device's backbone is not the plan's, or the prompt is not.
        """
        backbone = load_backbone(model.plan.backbone, device, cache_home())
        self._objective = LabelObjective(model.plan, backbone)
        self._model = PromptModel(backbone, model.plan, self._objective)
        self._model.load(dense(model.prompt.state))

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
        backbone = load_backbone(model.plan.backbone, device, cache_home())
        self._objective = TagObjective(model.plan, backbone)
        self._model = PromptModel(backbone, model.plan, self._objective)
        self._model.load(dense(model.prompt.state))

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
        backbone = load_backbone(model.plan.backbone, device, cache_home(), generates=True)
        self._objective = CompletionObjective(model.plan, backbone)
        self._model = PromptModel(backbone, model.plan, self._objective)
        self._model.load(dense(model.prompt.state))

    def complete(self, texts: Sequence[str]) -> list[str]:
        """See Completer.complete."""
        return write(self._model, self._objective, texts)
