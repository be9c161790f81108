"""Examples as token ids, by the kind of task."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mfpt_edge.tuning.model import PromptModel

if TYPE_CHECKING:
    from mfpt_edge.backbone.load import Decoder
    from mfpt_edge.data.example import Example

# Between a prompt and its completion.
_BREAK = "\n"


class Sequences(NamedTuple):
    """Token ids and what is known of them.

    Attributes:
        ids: of every example.
        labels: index into the plan's labels; where the task is generation, how many tokens the prompt has, behind
            which the completion begins.
    """

    ids: list[list[int]]
    labels: list[int]


def tokenise(model: PromptModel, examples: "Sequence[Example]") -> Sequences:
    """Return examples as token ids.

    Args:
        model: its plan gives kind of task, prefix and longest text.
        examples: without completions if these are yet to be written.
    """
    backbone, plan = model.backbone, model.plan
    texts = [plan.backbone.prefix + example.text for example in examples]
    if backbone.decoder is not None:
        return _with_completions(backbone.decoder, texts, [one.completion for one in examples], model.max_tokens)
    pairs = [example.pair for example in examples] if plan.task.kind == "pairs" else None
    ids = backbone.tokenizer.encode(texts, model.max_tokens, pairs)
    return Sequences(ids, [example.label for example in examples])


def longest_completion(max_tokens: int) -> int:
    """Return the most tokens of a completion, its end included: half of what a text may have."""
    return max_tokens // 2


def _with_completions(
    decoder: "Decoder", texts: Sequence[str], completions: Sequence[str], max_tokens: int
) -> Sequences:
    prompts = decoder.tokenizer.encode([text + _BREAK for text in texts], 1 << 20)
    answers = decoder.tokenizer.encode_bare(completions)
    sequences, starts = [], []
    for prompt, answer, completion in zip(prompts, answers, completions, strict=True):
        written = [*answer[: longest_completion(max_tokens) - 1], decoder.end_id] if completion else []
        # As long as when nothing is written yet: a prompt must not mean one thing in training and another in use.
        room = max_tokens - longest_completion(max_tokens)
        kept = prompt if len(prompt) <= room else [*prompt[: room - 1], prompt[-1]]
        sequences.append(kept + written)
        starts.append(len(kept))
    return Sequences(sequences, starts)
