"""Completions of prompts: every token of a completion, and its end, predicted from what comes before it."""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from mfpt_edge.backbone.parts import Backbone, Decoder
from mfpt_edge.data.example import Example, inputs
from mfpt_edge.formats.conventions import max_text_tokens
from mfpt_edge.tuning.batches import Batch, Encoded
from mfpt_edge.tuning.objective import BatchOutcome, LastStates, Tokenised
from mfpt_shared.device.trainer import Tally
from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import Plan

SCORED_AT_ONCE: Final = 128
"""Number of tokens whose scores are held at once: a vocabulary has up to 256,000 of them."""
# Between a prompt and its completion.
_BREAK: Final = "\n"
# Longer than any prompt: prompts are cut here, where the break at their end is kept.
_UNCUT: Final = 1 << 20


class CompletionObjective:
    """See `objective.Objective`. A target is the number of tokens before the completion.

    An example is right if the decoder would write just its completion, end included. Where every next token is the
    most probable one, writing token by token comes to the same.

    Attributes:
        decoder: Scores tokens, and turns them into text.
        longest: Most tokens of a completion, its end included: half of what a text may have.
    """

    def __init__(self, plan: Plan, backbone: Backbone) -> None:
        """Wrap a backbone that was loaded to write.

        Raises:
            Incompatible: The backbone has no decoder.
        """
        if backbone.decoder is None:
            raise Incompatible(f"{plan.backbone.uri} cannot write text: name a decoder in the plan")
        self.decoder = backbone.decoder
        self._plan = plan
        self._width = backbone.width
        self.max_tokens = max_text_tokens(plan, backbone.max_positions)
        self.longest = self.max_tokens // 2

    @property
    def working_bytes(self) -> int:
        """Memory for the output layer in 32 bits, and for some tokens' scores.

        The scores are held as they come out of the product, in 32 bits, as probabilities, and as gradients.
        """
        return self.decoder.vocabulary * (4 * self._width + 16 * SCORED_AT_ONCE)

    def tokenise(self, examples: Sequence[Example]) -> Tokenised:
        """See Objective.tokenise; an example without a completion is yet to be completed."""
        texts, _ = inputs(self._plan, examples)
        prompts = self.decoder.tokenizer.encode([text + _BREAK for text in texts], _UNCUT)
        completions = self.decoder.tokenizer.encode_bare([example.completion for example in examples])
        # As long as when nothing is written yet: a prompt must not mean one thing in training and another in use.
        room = self.max_tokens - self.longest
        sequences, starts = [], []
        for example, prompt, completion in zip(examples, prompts, completions, strict=True):
            written = [*completion[: self.longest - 1], self.decoder.end_id] if example.completion else []
            kept = prompt if len(prompt) <= room else [*prompt[: room - 1], prompt[-1]]
            sequences.append(kept + written)
            starts.append(len(kept))
        return Tokenised(sequences, torch.tensor(starts, dtype=torch.int64))

    def outcome(self, states: Tensor, batch: Batch) -> BatchOutcome:
        """See Objective.outcome; a completion ends where the mask does."""
        places = torch.arange(batch.ids.shape[1] - 1, device=batch.ids.device)
        # A token is predicted from the state before it.
        wanted = batch.mask[:, 1:] & (places + 1 >= batch.targets[:, None])
        found, expected = states[:, :-1][wanted], batch.ids[:, 1:][wanted]
        spans = zip(torch.split(found, SCORED_AT_ONCE), torch.split(expected, SCORED_AT_ONCE), strict=True)
        parts = [checkpoint(_token_outcome, self.decoder, *span, use_reentrant=False) for span in spans]
        losses, right = (torch.cat(each) for each in zip(*parts, strict=True))
        example = torch.arange(len(batch.ids), device=batch.ids.device)[:, None].expand_as(wanted)[wanted]
        counts = wanted.sum(dim=1)
        total = torch.zeros(len(batch.ids), device=losses.device).index_add(0, example, losses)
        hits = torch.zeros_like(counts).index_add(0, example, right.long())
        return BatchOutcome(total / counts, hits == counts)

    def tallies(self, answers: Tensor, batch: Batch) -> list[Tally]:
        """See Objective.tallies; an answer says already whether it is right."""
        del batch
        return [Tally(right, 1, 1) for right in answers.long().tolist()]

    def decisions(self, last_states: LastStates, encoded: Encoded) -> None:
        """Return None: there is no head."""
        del last_states, encoded

    def tensors(self) -> Mapping[str, nn.Parameter]:
        """Return nothing: the decoder's own output layer is frozen."""
        return {}

    def start(self, last_states: LastStates, encoded: Encoded) -> bool:
        """Return False: completions have no closed form."""
        del last_states, encoded
        return False


def _token_outcome(decoder: Decoder, states: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
    scores = decoder.logits(states)
    return cross_entropy(scores, expected, reduction="none"), scores.argmax(dim=1) == expected
