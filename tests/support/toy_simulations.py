"""Simulations of toy trainers, with what is usual in tests."""

from dataclasses import fields
from typing import Any

import numpy as np

from mfpt_coord.simulate import run as simulation
from mfpt_coord.simulate.experiment import Experiment, Method, Outcome
from mfpt_coord.simulate.fleet import Fleet
from mfpt_shared.languages import LanguageCode
from support.laboratory import ToyLaboratory, direction, toy_plan

SWAHILI, ZULU, YORUBA, AMHARIC = LANGUAGES = tuple(LanguageCode(tag) for tag in ("swh", "zul", "yor", "amh"))
ROUNDS = 6


def alike(noise: float = 0.0) -> ToyLaboratory:
    """All languages have nearly the same optimum."""
    own = {language: 0.1 * direction(1 + place) for place, language in enumerate(LANGUAGES)}
    return ToyLaboratory({language: direction() + one for language, one in own.items()}, noise)


def opposite() -> ToyLaboratory:
    """Two pairs of languages that pull in opposite directions."""
    signs = {SWAHILI: 1, ZULU: 1, YORUBA: -1, AMHARIC: -1}
    return ToyLaboratory({language: np.float32(sign) * direction() for language, sign in signs.items()})


def experiment(method: Method = "mfpt", **changes: Any) -> Experiment:
    usual: dict[str, Any] = {"languages": LANGUAGES, "examples": 40, "rounds": ROUNDS, "plan": toy_plan()}
    fleet = Fleet(**{field.name: changes.pop(field.name) for field in fields(Fleet) if field.name in changes})
    return Experiment(method=method, fleet=fleet, **usual | changes)


def simulate(method: Method = "mfpt", laboratory: ToyLaboratory | None = None, **changes: Any) -> Outcome:
    return simulation.run(experiment(method, **changes), laboratory or alike(), {})
