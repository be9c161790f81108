"""Both sides of bench_edge start alike."""

import torch
from torch import nn

from edge_bench.child import HEAD_RATE, INITIAL_STD, PROMPT_RATE, WEIGHT_DECAY
from edge_bench.ours import bench_plan
from edge_bench.rival import Classifier
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
