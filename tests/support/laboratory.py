"""A laboratory without texts or backbone: every language has an optimum, and tuning moves a state towards it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mfpt_shared.device.held_out import kept_in
from mfpt_shared.device.own_share import SHARES, Trials, strength_of
from mfpt_shared.device.trainer import Content, Measured, OnProgress, Share, Tally, Tuned
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.tensors import Array, PromptState, flatten, layout, unflatten

SENTENCES = 2000
_TEST = 1000


def toy_plan(head_start: Any = "zero", epochs: int = 2, **aggregation: Any) -> Plan:
    """Return a plan whose prompt state has fifty values."""
    return Plan(
        task=Task(labels=("good", "bad")),
        backbone=BackboneSpec(uri="path:none", width=8, layers=2),
        prompt=PromptSpec(tokens=4),
        training=Training(head_start=head_start, epochs=epochs, min_steps=1),
        aggregation=Aggregation(**{"start_together": 0} | aggregation),
    )


def direction(seed: int = 0) -> Array:
    """Return a vector that a toy plan's state can lie at, one unit from zero in every value on average."""
    return np.random.default_rng(seed).standard_normal(50).astype(np.float32)


@dataclass
class ToyLaboratory:
    """See `trainer.Laboratory`.

    Attributes:
        optima: language -> where its accuracy is 1, flat.
        noise: of a tuned state, standard deviation of a value for one example.
        left: What is left of the way to the optimum after an epoch; below -1, every epoch leads farther away.
        headed: Whether a trainer can fit heads; False: as where the task has none.
        starts: (language, state) of every training so far.
        trained_on: Number of examples of every training so far.
        tested: Result of every test so far.
    """

    optima: Mapping[LanguageCode, Array]
    noise: float = 0.0
    left: float = 0.7
    headed: bool = True
    starts: list[tuple[LanguageCode, Array]] = field(default_factory=list)
    trained_on: list[int] = field(default_factory=list)
    tested: list[Measured] = field(default_factory=list)

    def content(self, language: LanguageCode) -> Content:
        assert language in self.optima
        return Content(labels=[row % 2 for row in range(SENTENCES)], keys=[str(row) for row in range(SENTENCES)])

    def trainer(
        self,
        plan: Plan,
        shares: Sequence[Share],
        *,
        tested_on: Sequence[Share] | None = None,
        max_test: int | None = None,
    ) -> "ToyTrainer":
        tested = _TEST if tested_on is None else sum(len(share.rows) for share in tested_on)
        return ToyTrainer(self, plan, shares, tested if max_test is None else min(max_test, tested))


class ToyTrainer:
    """See `mfpt_shared.device.trainer.Trainer`."""

    def __init__(self, laboratory: ToyLaboratory, plan: Plan, shares: Sequence[Share], tested: int) -> None:
        self.examples = sum(len(share.rows) for share in shares)
        self.fingerprint = ""
        self.device = "toy"
        self._laboratory = laboratory
        self._plan = plan
        self._layout = layout(plan)
        self._shares = shares
        self._tested = tested

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        on_progress(1.0, 1.0)
        examples = len(self._kept_in()) if hold_out else self.examples
        vector = flatten(start, self._layout)
        self._laboratory.starts.append((self._shares[0].language, vector.copy()))
        self._laboratory.trained_on.append(examples)
        goal = self._goal
        noise = np.random.default_rng(seed).standard_normal(vector.size) * self._laboratory.noise
        tuned = goal + (vector - goal) * self._laboratory.left**epochs + noise / math.sqrt(self.examples)
        # As of the real trainer: a head of zeros is replaced by one in closed form, which takes no epoch.
        closed = self._plan.training.head_start == "ridge" and not start["head.weight"].any()
        return Tuned(unflatten(tuned.astype(np.float32), self._layout), 1.0, epochs=0 if closed else epochs)

    @property
    def _goal(self) -> Array:
        """Where all of its examples together lead: the mean of the languages' optima."""
        weights = np.array([len(share.rows) for share in self._shares], np.float32)
        optima = np.stack([self._laboratory.optima[share.language] for share in self._shares])
        goal: Array = (weights @ optima) / weights.sum()
        return goal

    def validate(self, state: PromptState) -> Measured:
        return self._measured(state, self.examples - len(self._kept_in()))

    def test(self, state: PromptState) -> Measured:
        measured = self._measured(state, self._tested)
        self._laboratory.tested.append(measured)
        right = round(measured.accuracy * self._tested)
        tallies = tuple(Tally(int(at < right), 1, 1) for at in range(self._tested))
        return replace(measured, tallies=tallies)

    def try_shares(self, state: PromptState) -> Trials | None:
        if not self._laboratory.headed:
            return None
        rest = self._kept_in()
        states = [self._drawn(state, share, len(rest)) for share in SHARES]
        held = self.examples - len(rest)
        return Trials(SHARES, [self._measured(one, held).loss for one in states], held)

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        return self._drawn(state, share, self.examples) if share and self._laboratory.headed else state

    def _kept_in(self) -> list[int]:
        return kept_in([0] * self.examples, [str(row) for row in range(self.examples)])

    def _drawn(self, state: PromptState, share: float, fitted: int) -> PromptState:
        """Draw the head to the device's optimum, of which so many examples tell, and the federation's strength."""
        drawn = fitted / (fitted + strength_of(share, self.examples)) if share else 0.0
        optimum = self._goal
        noise = np.random.default_rng(fitted).standard_normal(optimum.size) * self._laboratory.noise
        own = unflatten((optimum + noise / math.sqrt(max(1, fitted))).astype(np.float32), self._layout)
        head = {name: array for name, array in state.items() if name.startswith("head.")}
        return {**state, **{name: array + np.float32(drawn) * (own[name] - array) for name, array in head.items()}}

    def _measured(self, state: PromptState, examples: int) -> Measured:
        vector = flatten(state, self._layout)
        away = [float(np.sqrt(np.mean((vector - self._laboratory.optima[one.language]) ** 2))) for one in self._shares]
        accuracy = float(np.mean([math.exp(-far) for far in away]))
        return Measured(accuracy, -math.log(accuracy), examples)
