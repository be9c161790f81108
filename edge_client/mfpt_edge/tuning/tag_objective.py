"""A label for every word: a linear head on the last state of the token that stands for it.

All states are multiplied by the same number, not brought to one length: so the head is what a model for token
classification has, in transformers as in PEFT. On words of Swahili, Yoruba and Hausa the length makes no difference.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mfpt_edge.backbone.parts import Backbone
from mfpt_edge.data.example import Example
from mfpt_edge.data.tallies import UNLABELLED, tally_words
from mfpt_edge.formats.conventions import max_text_tokens
from mfpt_edge.formats.word_pieces import CUT
from mfpt_edge.tuning.batches import EVALUATION_BATCH, Batch, Encoded, by_length, gather
from mfpt_edge.tuning.objective import BatchOutcome, Decisions, LastStates, Tokenised
from mfpt_edge.tuning.ridge_head import fit
from mfpt_shared.device.trainer import Tally
from mfpt_shared.head_scales import WORD_SCALE
from mfpt_shared.plan import Plan

# A head in closed form is solved for with about as many words: more take memory, and change little.
_SOLVED_WORDS: Final = 20_000


class TagObjective(nn.Module):
    """See `objective.Objective`. A target is the place of a word's token, and the index of the word's label.

    Attributes:
        head: Linear layer from a state to a logit for each label.
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
        """See Objective.tokenise; words without labels are yet to be labelled."""
        sentences = [example.words for example in examples]
        found = self._tokenizer.encode_words(sentences, self.max_tokens, self._plan.backbone.prefix)
        targets = torch.full((len(examples), max(map(len, sentences), default=0), 2), UNLABELLED)
        for row, (pieces, example) in enumerate(zip(found, examples, strict=True)):
            tags = example.tags or (0,) * len(example.words)
            targets[row, : len(tags)] = torch.tensor([pieces.places, tags], dtype=torch.int64).T
        return Tokenised([pieces.ids for pieces in found], targets)

    def outcome(self, states: Tensor, batch: Batch) -> BatchOutcome:
        """See Objective.outcome; a word that was cut off is not answered."""
        places, tags = batch.targets.unbind(dim=2)
        kept = places != CUT
        logits = self.head(features_of_words(states, places))
        answers = torch.full_like(places, UNLABELLED)
        answers[kept] = logits.argmax(dim=1)
        return BatchOutcome(cross_entropy(logits, tags[kept], reduction="none"), answers)

    def tallies(self, answers: Tensor, batch: Batch) -> list[Tally]:
        """See Objective.tallies."""
        labels: list[list[int]] = batch.targets[:, :, 1].tolist()
        wanted = [[label for label in sentence if label != UNLABELLED] for sentence in labels]
        return [
            tally_words(self._plan.task, words, given[: len(words)])
            for words, given in zip(wanted, answers.tolist(), strict=True)
        ]

    def tensors(self) -> Mapping[str, nn.Parameter]:
        """Return weight and bias of the head."""
        return {f"head.{name}": part for name, part in self.head.named_parameters()}

    def start(self, last_states: LastStates, encoded: Encoded) -> bool:
        """Solve for a head that is all zeros, where the plan starts with a closed form."""
        if not self._plan.starts_closed or self.head.weight.any():
            return False
        every = max(1, encoded.decisions(range(len(encoded.ids))) // _SOLVED_WORDS)
        known = self.decisions(last_states, encoded.take(range(0, len(encoded.ids), every)))
        if not len(known.targets):
            return False
        fit(self.head, known.features, known.targets)
        return True

    def decisions(self, last_states: LastStates, encoded: Encoded) -> Decisions:
        """See Objective.decisions: one for every word that is not cut off."""
        found: list[Decisions] = []
        with torch.no_grad():
            for rows in by_length(encoded.lengths(), EVALUATION_BATCH):
                batch = gather(encoded, rows)
                places, tags = batch.targets.unbind(dim=2)
                kept = places != CUT
                examples = torch.tensor(rows, device=places.device)[:, None].expand_as(places)
                found.append(Decisions(features_of_words(last_states(batch), places), tags[kept], examples[kept]))
        features, targets, owners = (torch.cat(parts) for parts in zip(*found, strict=True))
        order = owners.argsort(stable=True)
        return Decisions(features[order], targets[order], owners[order])


def features_of_words(states: Tensor, places: Tensor) -> Tensor:
    """Return what the head sees of all words that were not cut off, one sentence after the other.

    Args:
        states: [batch, tokens, width] float32.
        places: [batch, words] int64, index of each word's token, or -1.

    Returns:
        [words in all, width] float32.
    """
    sentence, word = (places != CUT).nonzero(as_tuple=True)
    return WORD_SCALE * states[sentence, places[sentence, word]]
