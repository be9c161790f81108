"""The numbers on the page about noise are those that the accountant gives."""

import re
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Final

import msgspec
import pytest

from mfpt_shared.device.accountant import releases_left
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, PromptSpec, Task
from mfpt_shared.tensors import layout, size

PAGE: Final = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
SEVEN_LABELS: Final = Plan(
    task=Task(labels=tuple("abcdefg")), backbone=BackboneSpec(width=384, layers=12), prompt=PromptSpec(tokens=20)
)


def cells() -> Iterator[tuple[str, int, float, float]]:
    """Yield noise, number of updates, epsilon and multiplier of each cell."""
    header = next(line for line in PAGE.splitlines() if line.startswith("| noise | updates |"))
    budgets = [float(number) for number in re.findall(r"epsilon (\d+)", header)]
    for row in re.findall(r"^\| (local|distributed) \| (\d+) \|(.*)\|$", PAGE, re.MULTILINE):
        noise, updates, multipliers = row
        for budget, multiplier in zip(budgets, multipliers.split("|"), strict=True):
            yield noise, int(updates), budget, float(multiplier)


def releases(noise: str, budget: float, multiplier: float) -> int:
    fields = Privacy(clip_norm=0.1, noise="local", noise_multiplier=multiplier, epsilon=budget)
    masked = {"aggregation": "masked", "noise": "distributed"} if noise == "distributed" else {}
    plan = msgspec.structs.replace(SEVEN_LABELS, privacy=msgspec.structs.replace(fields, **masked))
    fitting = releases_left(plan)
    assert fitting is not None
    return fitting


@pytest.mark.parametrize(("noise", "updates", "budget", "multiplier"), list(cells()))
def test_the_multiplier_of_a_cell_is_enough_and_hardly_more_than_enough(
    noise: str, updates: int, budget: float, multiplier: float
) -> None:
    assert releases(noise, budget, multiplier) >= updates
    assert releases(noise, budget, 0.96 * multiplier) < updates


def test_how_long_the_noise_is_beside_an_update() -> None:
    length = sqrt(size(layout(SEVEN_LABELS)))

    assert f"has {size(layout(SEVEN_LABELS)):,} values" in PAGE
    assert f"times {length:.0f} times as long" in " ".join(PAGE.split())
    assert round(3.13 * length / sqrt(12)) == 92
    assert round(1.57 * length / 12) == 13
    assert (3.13 * length) ** 2 == pytest.approx(102_000, rel=0.01)
    assert (1.57 * length) ** 2 / 22 == pytest.approx(1_200, rel=0.05), "of 32 parts, 22 have all the noise together"
