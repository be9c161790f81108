"""Labels for texts and for pairs of texts: a linear head on the mean of the last states."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example, inputs
from mfpt_edge.formats.conventions import max_text_tokens
from mfpt_edge.tuning.batches import Batch, Encoded, in_order
from mfpt_edge.tuning.objective import BatchOutcome, Decisions, LastStates, Tokenised
from mfpt_edge.tuning.ridge_head import fit
from mfpt_shared.device.trainer import Tally
from mfpt_shared.head_scales import POOLED_NORM
from mfpt_shared.plan import Plan

# A head in closed form sees all examples at once: of more than these, only every second, every third and so on is used.
_SOLVED_EXAMPLES: Final = 2000


class LabelObjective(nn.Module):
    """See `objective.Objective`. A target is the index of the right label.

    Attributes:
        head: Linear layer from the pooled states to a logit for each label.
    """

    working_bytes: Final = 0

    def __init__(self, plan: Plan, backbone: Backbone) -> None:
        """Make a head of the plan's labels on the backbone's device."""
        super().__init__()
        self._plan = plan
        self._tokenizer = backbone.tokenizer
        self.max_tokens = max_text_tokens(plan, backbone.max_positions)
        self.head = nn.Linear(backbone.width, len(plan.task.labels), device=backbone.device)

    def tokenise(self, examples: Sequence[Example]) -> Tokenised:
        """See Objective.tokenise."""
        texts, pairs = inputs(self._plan, examples)
        ids = self._tokenizer.encode(texts, self.max_tokens, pairs)
        return Tokenised(ids, torch.tensor([example.label for example in examples], dtype=torch.int64))

    def outcome(self, states: Tensor, batch: Batch) -> BatchOutcome:
        """See Objective.outcome."""
        scores = self.logits(states, batch.mask)
        return BatchOutcome(cross_entropy(scores, batch.targets, reduction="none"), scores.argmax(dim=1))

    def tallies(self, answers: Tensor, batch: Batch) -> list[Tally]:
        """See Objective.tallies."""
        return [Tally(right, 1, 1) for right in (answers == batch.targets).long().tolist()]

    def tensors(self) -> Mapping[str, nn.Parameter]:
        """Return weight and bias of the head."""
        return {f"head.{name}": part for name, part in self.head.named_parameters()}

    def start(self, last_states: LastStates, encoded: Encoded) -> bool:
        """Solve for a head that is all zeros, where the plan starts with a closed form."""
        if not self._plan.starts_closed or self.head.weight.any():
            return False
        self.solve_head(last_states, encoded)
        return True

    def logits(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return [batch, labels]; arguments as for `pooled`."""
        logits: Tensor = self.head(self.pooled(states, mask))
        return logits

    def pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return what the head sees.

        Args:
            states: [batch, tokens, width] float32.
            mask: [batch, tokens] bool, true on real tokens.

        Returns:
            [batch, width], each of length `POOLED_NORM`.
        """
        weights = mask[..., None].to(states.dtype)
        mean = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return POOLED_NORM * normalize(mean, dim=-1)

    def predict(self, last_states: LastStates, encoded: Encoded) -> Tensor:
        """Return the logits [examples, labels] float32 of all examples, in their order."""
        labels = self.head.out_features
        return in_order(encoded, lambda batch: self.logits(last_states(batch), batch.mask), labels)

    def features(self, last_states: LastStates, encoded: Encoded) -> Tensor:
        """Return what the head sees of all examples, [examples, width] float32, in their order."""
        width = self.head.in_features
        return in_order(encoded, lambda batch: self.pooled(last_states(batch), batch.mask), width)

    def decisions(self, last_states: LastStates, encoded: Encoded) -> Decisions:
        """See Objective.decisions: one for every text."""
        examples = torch.arange(len(encoded.ids), device=encoded.device)
        return Decisions(self.features(last_states, encoded), encoded.targets, examples)

    def solve_head(self, last_states: LastStates, encoded: Encoded) -> None:
        """Set the head to a ridge regression on what the prompt now gives; see `ridge_head.fit`.

        Args:
            last_states: Backbone and prompt, which stay as they are.
            encoded: At least one example.
        """
        chosen = encoded.take(range(0, len(encoded.ids), math.ceil(len(encoded.ids) / _SOLVED_EXAMPLES)))
        fit(self.head, self.features(last_states, chosen), chosen.targets)
