"""Attacks on a toy federation: the harness, not the figures."""

import json
from typing import Any

import numpy as np
import pytest

from attacks.__main__ import as_json
from attacks.attack import Ground, Result
from attacks.fold_attacks import baseline
from attacks.registry import ATTACKS
from mfpt_coord.simulate.experiment import Experiment
from mfpt_shared.languages import LanguageCode
from support.laboratory import ToyLaboratory, direction, toy_plan

LANGUAGES = tuple(map(LanguageCode, ["amh", "hau", "ibo", "kin", "lug", "som", "swh", "xho", "yor", "zul"]))


def ground(**aggregation: Any) -> Ground:
    optima = {
        language: direction() + np.float32(0.1) * direction(place + 1) for place, language in enumerate(LANGUAGES)
    }
    plan = toy_plan(**aggregation)
    experiment = Experiment(
        plan=plan, method="mfpt", languages=LANGUAGES, examples=60, rounds=6, devices=3, max_validation=20
    )
    return Ground((experiment,), ToyLaboratory(optima, noise=0.5), {})


def made(name: str, where: Ground) -> Result:
    """Make an attack by name."""
    (attack,) = (one for one in ATTACKS if one.name == name)
    return attack.run(where, baseline(where))


@pytest.mark.parametrize("name", ["sign-flip", "false-scores"])
def test_colluders_do_not_keep_honest_devices_from_learning(name: str) -> None:
    assert made(name, ground()).refused


def test_colluders_win_where_a_fold_is_a_plain_mean() -> None:
    assert not made("sign-flip", ground(combine="mean")).refused


def test_results_are_also_json() -> None:
    toy = ground()
    alone = baseline(toy)
    chosen = next(one for one in ATTACKS if one.name == "a-little")
    found = json.loads(as_json([(chosen, chosen.run(toy, alone))], alone))
    assert found["baseline_accuracy"] == pytest.approx(alone)
    (attack,) = found["attacks"]
    assert {"name", "refused", "honest_accuracy"} <= attack.keys()
