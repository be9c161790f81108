"""Completions, token by token, each the most probable one."""

from collections.abc import Sequence

import torch

from mfpt_edge.backbone.padding import pad
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.batches import EVALUATION_BATCH
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.tokens import longest_completion, tokenise


def write(model: PromptModel, texts: Sequence[str]) -> list[str]:
    """Return a completion for every text, of at most half the plan's longest text.

    Args:
        model: around a decoder.
        texts: prompts.
    """
    decoder = model.backbone.decoder
    assert decoder is not None
    prompts = tokenise(model, [Example(text) for text in texts]).ids
    limit = longest_completion(model.max_tokens)
    completions: list[str] = []
    with torch.no_grad():
        for start in range(0, len(prompts), EVALUATION_BATCH):
            written = _continue(model, prompts[start : start + EVALUATION_BATCH], limit)
            completions += [decoder.tokenizer.decode(ids).strip() for ids in written]
    return completions


def _continue(model: PromptModel, prompts: Sequence[Sequence[int]], limit: int) -> list[list[int]]:
    """Return what follows each prompt, without the token that ends it."""
    backbone, decoder = model.backbone, model.backbone.decoder
    assert decoder is not None
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
