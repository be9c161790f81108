"""All sides of bench_edge start alike, and each rival keeps its weights as it says."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from edge_bench.child import HEAD_RATE, INITIAL_STD, PROMPT_RATE, VIRTUAL_TOKENS, WEIGHT_DECAY
from edge_bench.ours import bench_plan
from edge_bench.rival import Classifier, plain, with_prompt
from mfpt_shared.tensors import initial_state


def test_both_sides_start_with_an_empty_head() -> None:
    ours = initial_state(bench_plan(("a", "b")))
    theirs = Classifier(nn.Identity(), width=4, labels=2)

    assert not ours["head.weight"].any()
    assert not ours["head.bias"].any()
    assert not torch.cat([part.flatten() for part in theirs.head.parameters()]).any()


def test_our_plan_has_the_optimiser_and_spread_that_the_rival_gets() -> None:
    plan = bench_plan(("a", "b"))

    assert (plan.training.prompt_learning_rate, plan.training.head_learning_rate) == (PROMPT_RATE, HEAD_RATE)
    assert (plan.training.weight_decay, plan.prompt.init_std) == (WEIGHT_DECAY, INITIAL_STD)


def test_a_rival_without_bitsandbytes_tunes_in_32_bits_what_it_multiplies_in_16(
    tiny_folder: Callable[[str], Path],
) -> None:
    model, prompt = with_prompt(plain(tiny_folder("Bert"), "cpu", "bfloat16"), labels=2, device="cpu")

    frozen = {part.dtype for part in model.parameters() if not part.requires_grad}
    tuned = {part.dtype for part in model.parameters() if part.requires_grad}
    assert (frozen, tuned) == ({torch.bfloat16}, {torch.float32})
    assert prompt.shape[0] == VIRTUAL_TOKENS
