"""Completions, token by token, each the most probable one."""

from collections.abc import Sequence

import torch

from mfpt_edge.backbone.padding import pad
from mfpt_edge.backbone.parts import Decoder
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.batches import EVALUATION_BATCH
from mfpt_edge.tuning.completion_objective import CompletionObjective
from mfpt_edge.tuning.model import PromptModel


def write(model: PromptModel, objective: CompletionObjective, texts: Sequence[str]) -> list[str]:
    """Return a completion for every text, of at most half the plan's longest text.

    Args:
        model: Backbone and prompt.
        objective: The model's objective.
        texts: Prompts.
    """
    prompts = objective.tokenise([Example(text) for text in texts]).ids
    tokenizer, completions = objective.decoder.tokenizer, list[str]()
    with torch.no_grad():
        for start in range(0, len(prompts), EVALUATION_BATCH):
            some = prompts[start : start + EVALUATION_BATCH]
            written = _continue(model, objective.decoder, some, objective.longest)
            completions += [tokenizer.decode(ids).strip() for ids in written]
    return completions


def _continue(model: PromptModel, decoder: Decoder, prompts: Sequence[Sequence[int]], limit: int) -> list[list[int]]:
    """Return up to `limit` tokens that follow each prompt, without the token that ends them."""
    backbone = model.backbone
    written: list[list[int]] = [[] for _ in prompts]
    unfinished = list(range(len(prompts)))
    for _ in range(limit):
        sequences = [[*prompts[row], *written[row]] for row in unfinished]
        ids, mask = pad(sequences, backbone.tokenizer.pad_id, backbone.device)
        states = model.states(model.lower(ids, mask), mask)
        last = torch.tensor([len(ids) - 1 for ids in sequences], device=backbone.device)
        chosen = decoder.logits(states[torch.arange(len(sequences), device=backbone.device), last]).argmax(dim=1)
        still = []
        for row, token in zip(unfinished, chosen.tolist(), strict=True):
            if token != decoder.end_id:
                written[row].append(token)
                still.append(row)
        unfinished = still
        if not unfinished:
            break
    return written
