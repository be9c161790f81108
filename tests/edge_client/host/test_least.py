"""Machines that are too old or too small are told so, in a line that says what does work."""

import pytest

from mfpt_edge.host.least import (
    PREDICTING_BYTES,
    TRAINING_BYTES,
    require_processor,
    require_to_convert,
    require_to_predict,
    require_to_train,
    tight_memory,
)
from mfpt_shared.errors import Unsuited


def test_a_processor_that_numpy_does_not_run_on_is_refused_with_the_reason() -> None:
    with pytest.raises(Unsuited, match=r"no SSE4.2.*NumPy does not run"):
        require_processor(frozenset({"sse4_1", "ssse3"}), "x86_64")


@pytest.mark.parametrize(
    ("found", "machine"),
    [(frozenset({"sse4_2"}), "AMD64"), (frozenset({"asimd"}), "aarch64"), (frozenset(), "arm64")],
    ids=["Nehalem", "ARM", "Apple"],
)
def test_a_processor_that_numpy_runs_on_is_fine(found: frozenset[str], machine: str) -> None:
    require_processor(found, machine)


def test_a_processor_on_which_a_backbone_cannot_be_brought_to_4_bits_is_refused_with_the_reason() -> None:
    with pytest.raises(Unsuited, match=r"no AVX.*hf:some/model.*bundled backbone"):
        require_to_convert("hf:some/model", frozenset({"sse4_2"}), "x86_64")
    require_to_convert("hf:some/model", frozenset({"sse4_2", "avx"}), "x86_64")


def test_a_machine_too_small_to_train_is_told_that_it_may_do_to_predict() -> None:
    with pytest.raises(Unsuited, match=r"0.40 GB.*training takes.*mfpt-edge predict"):
        require_to_train(400_000_000)


def test_a_machine_too_small_to_predict_is_told_so() -> None:
    with pytest.raises(Unsuited, match="predicting takes"):
        require_to_predict(PREDICTING_BYTES - 1)


def test_the_least_machines_are_let_through() -> None:
    require_to_train(TRAINING_BYTES)
    require_to_predict(PREDICTING_BYTES)


def test_little_free_memory_is_a_warning_and_no_refusal() -> None:
    assert "end other programs" in tight_memory(TRAINING_BYTES - 1)
    assert tight_memory(TRAINING_BYTES) == ""
