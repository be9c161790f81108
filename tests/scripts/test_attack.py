"""Attacks on toy federations: the harness, not the figures; and over the network, on real ones."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from attacks.__main__ import as_json
from attacks.attack import Ground, Result
from attacks.colluders import Colluder, Ring
from attacks.fold_attacks import FOLD_ATTACKS, baseline
from attacks.network_attack import Harm, NetworkAttack, made
from attacks.registry import ATTACKS, NETWORK_ATTACKS
from attacks.target import Target
from mfpt_coord.core.prompts import newest_prompt
from mfpt_coord.core.state import initial
from mfpt_coord.simulate.experiment import Experiment
from mfpt_shared.device.trainer import Share
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from support.laboratory import ToyLaboratory, direction, toy_plan

LANGUAGES = tuple(map(LanguageCode, ["amh", "hau", "ibo", "kin", "lug", "som", "swh", "xho", "yor", "zul"]))


def ground(**aggregation: Any) -> Ground:
    optima = {
        language: direction() + np.float32(0.1) * direction(place + 1) for place, language in enumerate(LANGUAGES)
    }
    plan = toy_plan(**aggregation)
    experiment = Experiment(plan=plan, method="mfpt", languages=LANGUAGES, examples=60, rounds=6, devices=3)
    return Ground((experiment,), ToyLaboratory(optima, noise=0.5), {})


def result_of(name: str, where: Ground) -> Result:
    """Make an attack by name."""
    (attack,) = (one for one in FOLD_ATTACKS if one.name == name)
    return attack.run(where, baseline(where))


@pytest.mark.parametrize("name", ["sign-flip", "false-shares-1", "false-shares-0"])
def test_colluders_do_not_keep_honest_devices_from_learning(name: str) -> None:
    assert result_of(name, ground()).refused


@pytest.mark.parametrize("claimed", [1.0, 0.0])
def test_a_liar_claims_the_same_share_in_every_round_whatever_it_chose(claimed: float) -> None:
    where = ground()
    (experiment,) = where.experiments
    state = initial(experiment.plan)
    trainer = where.laboratory.trainer(experiment.plan, [Share(LANGUAGES[0], range(20))])
    liar = Colluder(
        "0a", LANGUAGES[0], experiment.plan, trainer, lambda: 0.0, ring=Ring(3, 1, 0.0), forge=None, claimed=claimed
    )
    prompt = newest_prompt(state, UNDETERMINED)
    sent = [liar.run(sequence, prompt, lambda *_: None)[0].header.metrics.own_share for sequence in (1, 2, 3)]
    assert sent == [claimed] * 3


def test_colluders_win_where_a_fold_is_a_plain_mean() -> None:
    assert not result_of("sign-flip", ground(combine="mean")).refused


def test_results_are_also_json() -> None:
    toy = ground()
    alone = baseline(toy)
    chosen = next(one for one in FOLD_ATTACKS if one.name == "a-little")
    found = json.loads(as_json([(chosen, chosen.run(toy, alone))], alone))
    assert found["baseline_accuracy"] == pytest.approx(alone)
    (attack,) = found["attacks"]
    assert {"name", "refused", "honest_accuracy"} <= attack.keys()


def over_the_network(*attacks: NetworkAttack) -> dict[str, Result]:
    async def all_of_them() -> dict[str, Result]:
        return {attack.name: result async for attack, result in made(attacks)}

    return asyncio.run(all_of_them())


def named(*names: str) -> list[NetworkAttack]:
    return [attack for attack in NETWORK_ATTACKS if attack.name in names]


def test_no_two_attacks_have_one_name() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.network
@pytest.mark.slow
def test_a_peer_and_the_broker_itself_change_nothing() -> None:
    attacks = named("streams-peer", "reading", "words-broker", "names-broker", "many-updates")
    assert len(attacks) == 5
    assert [name for name, result in over_the_network(*attacks).items() if not result.refused] == []


@pytest.mark.network
@pytest.mark.slow
def test_an_attack_after_which_no_versions_are_made_has_succeeded_and_the_next_is_made_elsewhere() -> None:
    seen: list[Target] = []

    async def silence_a_device(target: Target) -> Harm:
        seen.append(target)
        target.honest[0].task.cancel()
        return None

    async def nothing(target: Target) -> Harm:
        seen.append(target)
        return None

    found = over_the_network(NetworkAttack("first", "", silence_a_device), NetworkAttack("second", "", nothing))

    assert [result.refused for result in found.values()] == [False, True]
    assert seen[0].data != seen[1].data


@pytest.mark.network
@pytest.mark.slow
def test_every_attack_over_the_network_is_refused() -> None:
    found = over_the_network(*NETWORK_ATTACKS)

    assert {name: result.note for name, result in found.items() if not result.refused} == {}
