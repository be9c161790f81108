"""A small federation in synchronous rounds with equal weights, and what its devices send under a setting.

It has what decides about privacy: what devices send, by the product's own code, and how many are added up. It leaves
out what only decides about accuracy: who trains when, and how updates are weighed.
"""

import os
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from mfpt_shared.masking.grid import Grid, grid
from mfpt_shared.masking.release import noisy_alone
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import (
    PromptState,
    dense,
    halve,
    initial_state,
    quantise_with_feedback,
    total,
    unflatten,
)
from reproduction.membership import Head, Values
from reproduction.privacy_laboratory import Laboratory

Aggregation = Literal["open", "open-noise", "masked", "masked-noise"]

COHORT: Final = 3
"""Number of devices whose updates are added up, unless something else is said."""


class Setting(NamedTuple):
    """How updates travel.

    Attributes:
        aggregation: In the open or under masks, with noise or without.
        plan: Plan of the federation.
        epsilon: What its noise is for; None: it has none, or no such aim.
    """

    aggregation: Aggregation
    plan: Plan
    epsilon: float | None = None

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.aggregation if self.epsilon is None else f"{self.aggregation}, epsilon {self.epsilon:g}"

    @property
    def is_masked(self) -> bool:
        """Whether the coordinator reads sums alone."""
        return self.aggregation.startswith("masked")

    @property
    def grid(self) -> Grid:
        """How updates become integers."""
        return grid(self.plan)

    def noise_of_sum(self) -> float:
        """Return the standard deviation of the noise that a sum under masks has; 0 where noise is no part of sums."""
        privacy = self.plan.privacy
        return privacy.noise_multiplier * privacy.clip_norm if self.aggregation == "masked-noise" else 0.0


class Track(NamedTuple):
    """What came of a federation.

    Attributes:
        starts: What devices started from in each round, as they received it.
        before: What the coordinator had then, in full precision.
        sent: For each round, what each device's update says; under masks, without noise, which sums have.
        accuracy: Test accuracy of the last prompt, mean over languages.
    """

    starts: list[PromptState]
    before: list[PromptState]
    sent: list[list[PromptState]]
    accuracy: float


def federate(laboratory: Laboratory, setting: Setting, rounds: int, first: Sequence[PromptState]) -> Track:
    """Run a federation.

    Args:
        laboratory: Devices.
        setting: How updates travel.
        rounds: Number of updates of each device.
        first: What each device changes in the first round, which is the same in every setting.

    Raises:
        MfptError: A training diverged.
    """
    rng = np.random.default_rng([laboratory.world.seed, 4])
    state = initial_state(setting.plan)
    places = range(len(laboratory.devices))
    carried: list[PromptState | None] = [None for _ in places]
    track = Track([], [], [], 0.0)
    for number in range(rounds):
        start = dense(halve(state))
        sent: list[PromptState] = []
        for place in places:
            delta = first[place] if number == 0 else laboratory.train(place, start, number)
            update, carried[place] = _sent(setting, delta, carried[place])
            sent.append(update)
        track.starts.append(start)
        track.before.append(state)
        track.sent.append(sent)
        step = noisy_mean(sent, setting.noise_of_sum() * (len(sent) / COHORT) ** 0.5, rng)
        state = total(state, step)
    return track._replace(accuracy=laboratory.accuracy(dense(halve(state))))


def _sent(setting: Setting, delta: PromptState, carried: PromptState | None) -> tuple[PromptState, PromptState]:
    """Return what an update says, and what is carried into the next one."""
    wanted = delta if carried is None else total(delta, carried)
    if setting.is_masked:
        codes, left = setting.grid.codes(wanted, 1.0)
        values = (codes * setting.grid.spacing).astype(np.float32)
        return unflatten(values, setting.grid.shapes), left
    if setting.aggregation == "open-noise":
        noisy, left = noisy_alone(wanted, setting.grid, os.urandom)
        return dense(quantise_with_feedback(noisy, None)[0]), left
    packed, left = quantise_with_feedback(delta, carried, setting.plan.privacy.clip_norm)
    return dense(packed), left


def noisy_mean(updates: Sequence[PromptState], deviation: float, rng: np.random.Generator) -> PromptState:
    """Return the mean of updates whose sum has noise.

    Args:
        updates: Updates without noise.
        deviation: Standard deviation of the noise of their sum. It is drawn as a normal variable: that of the product
            is one on a grid of 256 steps to a standard deviation.
        rng: Source of the noise.
    """
    return {
        name: (
            (np.sum([update[name] for update in updates], axis=0) + deviation * rng.standard_normal(first.shape))
            / len(updates)
        ).astype(np.float32)
        for name, first in updates[0].items()
    }


def head_of(state: PromptState) -> Head:
    """Return the head of a prompt, or of an update."""
    weight: Values = state["head.weight"].astype(np.float64)
    bias: Values = state["head.bias"].astype(np.float64)
    return Head(weight, bias)
