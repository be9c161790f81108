"""How much is run at once follows from the memory that is left."""

import pytest

from mfpt_edge.tuning.memory.estimate import Allowance, Layer

LAYER = Layer(width=384, heads=12, widths=12, value_bytes=4)
LAYERS, TOKENS = 3, 64


def allowance(examples: float) -> Allowance:
    """Return an allowance for a number of examples whose layers keep all that they need."""
    one = TOKENS * (12 * 384 + 12 * TOKENS) * 4
    return Allowance(int(examples * (LAYERS + 1) * one), LAYER)


def test_a_batch_that_fits_stays_whole() -> None:
    assert allowance(11).at_once(11, TOKENS, LAYERS) == 11
    assert allowance(100).at_once(11, TOKENS, LAYERS) == 11


@pytest.mark.parametrize(("room", "at_once"), [(15.9, 8), (8, 8), (7.9, 4), (4, 4)])
def test_else_it_is_cut_into_powers_of_two_whose_layers_run_once(room: float, at_once: int) -> None:
    found = allowance(room)
    assert found.at_once(16, TOKENS, LAYERS) == at_once
    assert found.fits(at_once, TOKENS, LAYERS)


def test_where_only_a_few_would_fit_layers_run_twice_and_more_fit() -> None:
    found = allowance(3.9)
    at_once = found.at_once(16, TOKENS, LAYERS)
    assert at_once == 4
    assert not found.fits(at_once, TOKENS, LAYERS)
    assert at_once * found.least(TOKENS, LAYERS) <= found.free


def test_the_deeper_the_prompt_reaches_the_more_running_twice_saves() -> None:
    def saved(layers: int) -> float:
        found = Allowance(10**9, LAYER)
        plain = next(size for size in range(10**6) if not found.fits(1, size, layers))
        return found.least(plain, layers) / found.free

    assert saved(12) < saved(3) < 1


def test_longer_texts_leave_room_for_fewer() -> None:
    found = allowance(16)
    sizes = [found.at_once(16, tokens, LAYERS) for tokens in (TOKENS, 2 * TOKENS, 8 * TOKENS)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


@pytest.mark.parametrize("free", [-(10**9), 0, 1])
def test_one_example_is_always_run(free: int) -> None:
    found = Allowance(free, LAYER)
    assert found.at_once(16, TOKENS, LAYERS) == found.readable(TOKENS) == 1


def test_more_examples_can_be_read_than_trained_on() -> None:
    assert allowance(4).readable(TOKENS) == 16
