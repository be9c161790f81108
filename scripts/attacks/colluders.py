"""Devices that were invited and lie: their rounds, with what they send changed.

They hold real examples, train on them like everybody else, and know nothing of the honest devices but the prompts that
all receive. What they learn, they share (`Ring`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Final

import msgspec
import numpy as np

from mfpt_shared.device.own_share import Trials
from mfpt_shared.device.rounds import Round, Rounds
from mfpt_shared.device.trainer import Measured, OnProgress, Trainer, Tuned
from mfpt_shared.protocol.messages import Metrics, Prompt, Update
from mfpt_shared.tensors import Array, PromptState, dense, quantise

# A delta that is flipped is made this many times longer, unless the plan names the longest that it may be.
_STRETCH: Final = 10.0


@dataclass(slots=True)
class Ring:
    """What colluding devices know together.

    Attributes:
        devices: Number of devices of the federation, honest ones included.
        members: Number of those that collude.
        clip_norm: The longest delta that the plan allows; 0: any.
        known: Version -> member -> its honest delta.
    """

    devices: int
    members: int
    clip_norm: float
    known: dict[int, dict[str, PromptState]] = field(default_factory=dict)

    def share(self, version: int, member: str, delta: PromptState) -> list[PromptState]:
        """Tell the others a member's honest delta from a version, and return the newest one of each member."""
        self.known.setdefault(version, {})[member] = delta
        # Heads of version 0 are complete heads, not steps.
        alike = sorted(at for at in self.known if (at == 0) == (version == 0))
        newest = {name: told for at in alike for name, told in self.known[at].items()}
        return list(newest.values())

    @property
    def deviations(self) -> float:
        """How far from the mean a value may lie and still look like that of an honest device, standard deviations.

        Source: Baruch et al. 2019, "A little is enough", algorithm 3.
        """
        honest = self.devices - self.members
        needed = self.devices // 2 + 1 - self.members
        return NormalDist().inv_cdf(min(0.99, max(0.5, (honest - needed) / honest)))


Forge = Callable[[PromptState, int, str, Ring], PromptState]
"""Returns what a colluding device sends: its honest delta, the version, its id and the ring go in."""


class Colluder(Rounds):
    """The rounds of a device that lies about what it learnt."""

    def __init__(self, *known: Any, ring: Ring, forge: Forge | None, claimed: float | None = None) -> None:
        """Take what `Rounds` takes, and how to lie: with the delta, with the share that is claimed, or with both."""
        super().__init__(*known)
        self._ring = ring
        self._forge = forge
        self._claimed = claimed

    def run(self, sequence: int, prompt: Prompt, on_progress: OnProgress) -> tuple[Update, Round]:
        """Run an honest round, and return a dishonest update."""
        update, done = super().run(sequence, prompt, on_progress)
        header, delta = update.header, update.delta
        if self._forge is not None:
            forged = self._forge(dense(delta), header.base_version, self._client, self._ring)
            delta = {name: quantise(array) for name, array in forged.items()}
        if self._claimed is not None:
            lies = Metrics(loss=0.0, accuracy=0.0, own_share=self._claimed, validated=1_000_000)
            header = msgspec.structs.replace(header, metrics=lies)
        return Update(header, delta), done


def flipped(delta: PromptState, version: int, member: str, ring: Ring) -> PromptState:
    """Turn round what was learnt, as long as the plan allows."""
    length = math.sqrt(sum(float(np.square(array).sum()) for array in delta.values()))
    factor = ring.clip_norm / length if ring.clip_norm and length else _STRETCH
    return {name: array * np.float32(-factor) for name, array in delta.items()}


def a_little(delta: PromptState, version: int, member: str, ring: Ring) -> PromptState:
    """Hide among the honest: every value as far from the mean as an honest one may be.

    Source: Baruch et al. 2019, "A little is enough", algorithm 3.
    """
    told = ring.share(version, member, delta)
    return {name: _shifted(np.stack([one[name] for one in told]), ring.deviations) for name in delta}


def _shifted(values: Array, deviations: float) -> Array:
    shifted: Array = (values.mean(axis=0) - deviations * values.std(axis=0)).astype(np.float32)
    return shifted


class RotatedLabels:
    """A trainer that takes every label for the next one: the head's rows are rotated while the real trainer works."""

    def __init__(self, trainer: Trainer) -> None:
        """Wrap a trainer."""
        self._trainer = trainer
        self.examples = trainer.examples
        self.fingerprint = trainer.fingerprint
        self.device = trainer.device

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        """See Trainer.tune."""
        tuned = self._trainer.tune(
            _rolled(start, -1), epochs=epochs, seed=seed, on_progress=on_progress, hold_out=hold_out
        )
        return Tuned(_rolled(tuned.state, 1), tuned.loss, tuned.epochs)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        return self._trainer.validate(state)

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        return self._trainer.test(state)

    def try_shares(self, state: PromptState) -> Trials | None:
        """See Trainer.try_shares."""
        return self._trainer.try_shares(state)

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        """See Trainer.with_own_head."""
        return self._trainer.with_own_head(state, share)


def _rolled(state: PromptState, places: int) -> Mapping[str, Array]:
    return {
        name: np.roll(array, places, axis=0) if name.startswith("head.") else array for name, array in state.items()
    }
