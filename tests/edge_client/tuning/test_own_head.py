"""A head of a device's own on what the federation's prompt gives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from mfpt_edge.tuning.objective import Decisions
from mfpt_edge.tuning.own_head import fit
from mfpt_edge.tuning.ridge_head import Head
from mfpt_shared.device.own_share import SHARES

WIDTH, LABELS = 6, 3
ALL = SHARES[-1]


def drawn(examples: int, seed: int = 0) -> tuple[Decisions, Head]:
    """Return examples labelled by a random head, and that head."""
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(examples, WIDTH, generator=random)
    true = Head(torch.randn(LABELS, WIDTH, generator=random) * 2, torch.zeros(LABELS))
    return Decisions(features, true.logits(features).argmax(dim=1), torch.arange(examples)), true


def noise(seed: int = 9) -> Head:
    random = torch.Generator().manual_seed(seed)
    return Head(torch.randn(LABELS, WIDTH, generator=random) * 2, torch.randn(LABELS, generator=random))


def loss(head: Head, known: Decisions) -> float:
    return float(cross_entropy(head.logits(known.features), known.targets))


def accuracy(head: Head, known: Decisions) -> float:
    return float((head.logits(known.features).argmax(dim=1) == known.targets).float().mean())


def far(one: Head, other: Head) -> float:
    return float((one.weight - other.weight).norm())


def test_a_share_of_nothing_is_exactly_the_federations_head() -> None:
    known, _ = drawn(20)
    federated = noise()
    assert fit(known, federated, 0.0, 20) is federated


def test_many_examples_make_up_for_a_federated_head_that_is_noise() -> None:
    everything, true = drawn(2000)
    known, unseen = (Decisions(*(part[half] for part in everything)) for half in (slice(1000), slice(1000, 2000)))
    own = fit(known, noise(), ALL, 1000)
    plain = fit(known, Head(torch.zeros(LABELS, WIDTH), torch.zeros(LABELS)), ALL, 1000)
    assert accuracy(noise(), unseen) < 0.5
    assert accuracy(own, unseen) > 0.97
    assert abs(accuracy(own, unseen) - accuracy(plain, unseen)) < 0.01
    assert accuracy(true, unseen) == 1


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 99), examples=st.integers(2, 60))
def test_the_larger_the_share_the_nearer_to_the_own_examples_and_the_farther_from_the_federation(
    seed: int, examples: int
) -> None:
    known, _ = drawn(examples, seed)
    federated = noise(seed + 1)
    heads = [fit(known, federated, share, examples) for share in SHARES]
    losses, distances = [loss(head, known) for head in heads], [far(head, federated) for head in heads]
    assert losses == sorted(losses, reverse=True) or np.allclose(losses, sorted(losses, reverse=True), atol=1e-3)
    assert distances == sorted(distances) or np.allclose(distances, sorted(distances), rtol=1e-2)


@settings(max_examples=3, deadline=None)
@given(order=st.permutations(range(12)))
def test_the_order_of_the_examples_does_not_matter(order: list[int]) -> None:
    known, _ = drawn(12)
    shuffled = Decisions(*(part[order] for part in known))
    one, other = fit(known, noise(), 0.8, 12), fit(shuffled, noise(), 0.8, 12)
    for found, expected in zip(other, one, strict=True):
        torch.testing.assert_close(found, expected, atol=0.01, rtol=0.01)


@pytest.mark.parametrize("share", SHARES[::3])
def test_labels_that_no_example_has_keep_a_finite_head(share: float) -> None:
    known, _ = drawn(8)
    known = known._replace(targets=torch.zeros_like(known.targets))
    head = fit(known, noise(), share, 8)
    assert all(bool(torch.isfinite(part).all()) for part in head)


def test_a_strength_holds_for_more_examples_than_it_was_chosen_with() -> None:
    known, _ = drawn(30)
    twice = Decisions(*(_twice(part) for part in known))
    federated = noise()
    # Every example twice, and as many answers in all: the federation's head is worth as many examples as before.
    strength = 30 * (1 - 0.5) / 0.5
    share = 60 / (60 + strength)
    assert far(fit(twice, federated, share, 60), federated) > far(fit(known, federated, 0.5, 30), federated)


def _twice(part: Tensor) -> Tensor:
    return torch.cat([part, part])
