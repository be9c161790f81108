"""Choices that every runtime must share for a prompt to mean the same in all of them."""

from typing import Final

from mfpt_shared.plan import Plan

LENGTH_STEP: Final = 8
"""Batches are padded to multiples of this: every new shape costs the matrix library time, and memory that it keeps."""


def max_text_tokens(plan: Plan, positions: int) -> int:
    """Return the longest text in tokens, beside the virtual tokens.

    Args:
        plan: Training, which has a limit of its own, and prompt, which takes room at the input.
        positions: Longest input of the backbone in tokens.
    """
    at_input = 0 if plan.prompt.method == "late" else plan.prompt.tokens
    # Rounded down, so that a padded batch fits as well.
    return min(plan.training.max_tokens, (positions - at_input) // LENGTH_STEP * LENGTH_STEP)
