"""What a prompt is tuned for: one objective for each kind of task, behind one protocol.

An objective knows how an example becomes tokens, and what is right about the states that the backbone makes of them.
Nothing else in tuning depends on the kind of task; `objectives.objective_for` picks the objective of a plan.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor, nn

from mfpt_edge.data.example import Example
from mfpt_edge.tuning.batches import Batch, Encoded
from mfpt_shared.device.trainer import Tally

LastStates = Callable[[Batch], Tensor]
"""Runs a batch through backbone and prompt: [batch, tokens, width] float32, the states of the real tokens."""


class Tokenised(NamedTuple):
    """Examples as token ids, with what the objective compares the model's answers with.

    Attributes:
        ids: Token ids of every example.
        targets: [examples] int64: the index of the label; or where the completion begins, as the number of tokens
            before it. Where words are labelled, [examples, most words, 2] int64: the index of the token that stands
            for a word, -1 where the word was cut off or is none; and the index of its label, -1 where it is none.
    """

    ids: list[list[int]]
    targets: Tensor


class BatchOutcome(NamedTuple):
    """How a model did on a batch.

    Attributes:
        losses: [decisions] cross-entropy of every label, of every word's label, or of every completion: the mean over
            its tokens.
        answers: [batch, ...] what the model answered, for `Objective.tallies`.
    """

    losses: Tensor
    answers: Tensor


class Decisions(NamedTuple):
    """All that a head has to decide: a label for every text, or for every word.

    Attributes:
        features: [decisions, width] float32, what the head sees.
        targets: [decisions] int64, index of the right label.
        examples: [decisions] int64, index of the example that each belongs to.
    """

    features: Tensor
    targets: Tensor
    examples: Tensor


class Objective(Protocol):
    """What a prompt is tuned for, and measured by."""

    @property
    def working_bytes(self) -> int:
        """Memory that `outcome` needs beside the layers' activations, if it is more than a few bytes a token."""

    def tokenise(self, examples: Sequence[Example]) -> Tokenised:
        """Return examples as token ids, each cut to what the backbone takes beside the virtual tokens."""

    def outcome(self, states: Tensor, batch: Batch) -> BatchOutcome:
        """Compare a batch with its targets.

        Args:
            states: [batch, tokens, width] float32, last states of the batch.
            batch: Tokens, mask and targets.
        """

    def tallies(self, answers: Tensor, batch: Batch) -> list[Tally]:
        """Compare what `outcome` answered with the targets of the same batch; return the tally of every example."""

    def decisions(self, last_states: LastStates, encoded: Encoded) -> Decisions | None:
        """Return what a head has to decide, and what it sees; None where there is no head.

        Args:
            last_states: Backbone and prompt.
            encoded: At least one example.
        """

    def tensors(self) -> Mapping[str, nn.Parameter]:
        """Return what is tuned beside the prompt, named as in `mfpt_shared.tensors.layout`."""

    def start(self, last_states: LastStates, encoded: Encoded) -> bool:
        """Solve in closed form for what the plan starts so, if nothing is known of it yet.

        Args:
            last_states: Backbone and prompt.
            encoded: At least one training example.

        Returns:
            Whether it was solved for. Steps of training would then only lead away from the solution.
        """
