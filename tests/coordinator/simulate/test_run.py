"""Simulated federations of toy trainers: who trains when, what travels, and which prompts result."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from mfpt_coord.core.relations import Distances, pair
from mfpt_coord.simulate import run as simulation
from mfpt_coord.simulate import together
from mfpt_coord.simulate.experiment import METHODS, Method, Outcome, mean
from mfpt_coord.simulate.federation import Federation
from mfpt_coord.simulate.partition import share_out
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.tensors import Array, dense, flatten, halve, initial_state, layout
from support.laboratory import ToyLaboratory, direction, toy_plan
from support.toy_simulations import (
    AMHARIC,
    LANGUAGES,
    ROUNDS,
    SWAHILI,
    YORUBA,
    ZULU,
    alike,
    experiment,
    opposite,
    simulate,
)

FEDERATED = pytest.mark.parametrize("method", ["fedavg", "fedbuff", "fixed", "mfpt"])
ASYNCHRONOUS = pytest.mark.parametrize("method", ["fedbuff", "mfpt"])
VALUES = 50


Watch = Callable[..., tuple[Outcome, Federation]]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Simulate, and return the outcome together with the federation as it was at the end."""
    made: list[Federation] = []

    def keep(*args: Any, **kwargs: Any) -> Federation:
        made.append(Federation(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(together, "Federation", keep)

    def run(method: Method, laboratory: ToyLaboratory | None = None, **changes: Any) -> tuple[Outcome, Federation]:
        return simulate(method, laboratory, **changes), made[-1]

    return run


def test_fedavg_waits_for_everybody_in_every_round(watch: Watch) -> None:
    outcome, federation = watch("fedavg", devices=2, spread=1.0, stragglers=0.25, measure_every=1)
    devices = 2 * len(LANGUAGES)
    assert federation.state.staleness == {0: ROUNDS * devices}
    assert [(point.version, point.updates) for point in outcome.trajectory] == [
        (version, version * devices) for version in range(1, ROUNDS + 1)
    ]


@ASYNCHRONOUS
def test_asynchronous_methods_wait_for_nobody(method: Method, watch: Watch) -> None:
    outcome, federation = watch(method, devices=2, spread=1.0)
    assert max(federation.state.staleness) > 0
    assert outcome.versions > ROUNDS


def test_fedbuff_and_mfpt_differ_in_their_weights_only() -> None:
    distances = {pair(SWAHILI, other): {"genetic": 0.9} for other in LANGUAGES[1:]}
    plan = toy_plan()
    fedbuff, mfpt = (
        simulation.run(experiment(method, plan=plan), opposite(), distances) for method in ("fedbuff", "mfpt")
    )
    assert (fedbuff.seconds, fedbuff.versions, fedbuff.updates) == (mfpt.seconds, mfpt.versions, mfpt.updates)
    assert fedbuff.accuracy != mfpt.accuracy


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_outcome_to_the_last_bit(method: Method) -> None:
    rough: dict[str, Any] = {"devices": 2, "spread": 1.0, "dropouts": 0.2, "late": 0.25, "measure_every": 2}

    def outcome(seed: int) -> bytes:
        return msgspec.json.encode(simulate(method, alike(noise=1.0), seed=seed, **rough))

    assert outcome(3) == outcome(3)
    assert outcome(3) != outcome(4)


def test_a_straggler_delays_fedavg_tenfold_and_mfpt_hardly() -> None:
    def slower(method: Method) -> float:
        still: dict[str, Any] = {"spread": 0.0, "latency": 0.0, "rounds": 12}
        return simulate(method, stragglers=0.25, **still).seconds / simulate(method, **still).seconds

    assert slower("fedavg") == pytest.approx(10)
    assert slower("mfpt") < 3


@FEDERATED
def test_no_device_trains_twice_at_once_however_slow_it_is(method: Method, watch: Watch) -> None:
    """Even if its first round used a closed form, and was much shorter than the others."""
    plan = toy_plan(head_start="ridge", epochs=3)
    outcome, federation = watch(method, spread=0.0, stragglers=0.25, examples=50, rounds=20, plan=plan)
    for device in federation.devices.values():
        # Three epochs, and half an epoch for measuring; the first round is shorter, and the last may not have ended.
        seconds = 3.5 * device.trainer.examples * federation.fleet.example_seconds * device.pace.slowness
        assert (device.sequence - 2) * seconds <= outcome.seconds


@FEDERATED
def test_dropouts_do_not_end_a_run(method: Method) -> None:
    quiet, rough = simulate(method), simulate(method, dropouts=0.4)
    assert quiet.updates - len(LANGUAGES) < rough.updates <= quiet.updates
    assert quiet.seconds < rough.seconds < 100 * quiet.seconds
    assert mean(rough.accuracy) > 0.8


@ASYNCHRONOUS
def test_late_joiners_start_from_what_others_have_learnt(method: Method) -> None:
    laboratory = alike()
    outcome = simulate(method, laboratory, late=0.5, spread=0.0, rounds=12)
    shapes = layout(toy_plan())
    untrained = flatten(dense(halve(initial_state(toy_plan()))), shapes)
    first: dict[LanguageCode, Array] = {}
    for language, start in laboratory.starts:
        first.setdefault(language, start)
    assert first.keys() == set(LANGUAGES)
    warm = [start for start in first.values() if not np.array_equal(start, untrained)]
    assert len(warm) == 2
    for start in warm:
        assert np.linalg.norm(start - direction()) < 0.5 * np.linalg.norm(untrained - direction())
    assert outcome.accuracy.keys() == set(LANGUAGES)


@FEDERATED
def test_a_language_that_nobody_speaks_gets_a_prompt(method: Method) -> None:
    outcome = simulate(method, languages=LANGUAGES[:3], unseen=(AMHARIC,))
    assert outcome.accuracy.keys() == set(LANGUAGES[:3])
    assert outcome.unseen.keys() == outcome.shared.keys() == {AMHARIC}
    assert outcome.unseen[AMHARIC] > 0.8


def test_a_language_that_nobody_speaks_listens_to_its_relatives() -> None:
    distances: Distances = {pair(AMHARIC, near): {"genetic": 0.9} for near in (SWAHILI, ZULU)}
    distances = {**distances, pair(AMHARIC, YORUBA): {"genetic": 0.05}}
    asked = experiment(languages=LANGUAGES[:3], unseen=(AMHARIC,), rounds=12)
    outcome = simulation.run(asked, opposite(), distances)
    assert outcome.unseen[AMHARIC] > outcome.shared[AMHARIC] + 0.05


@FEDERATED
@pytest.mark.parametrize("buffer", [0, 1, 3, 100])
@pytest.mark.parametrize("head_start", ["ridge", "zero"])
def test_all_methods_have_the_same_budget_of_updates(method: Method, buffer: int, head_start: str) -> None:
    outcome = simulate(method, plan=toy_plan(head_start, buffer=buffer), spread=1.0)
    budget = ROUNDS * len(LANGUAGES)
    most = len(LANGUAGES) if method == "fedavg" or buffer == 100 else buffer or len(LANGUAGES) // 2
    assert budget - most < outcome.updates <= budget


def test_a_run_ends_when_its_virtual_time_is_over() -> None:
    outcome = simulate(until=30.0)
    assert outcome.seconds == 30.0
    assert outcome.updates > 0


@FEDERATED
def test_what_travels_is_counted(method: Method, watch: Watch) -> None:
    outcome, federation = watch(method)
    computed = sum(device.sequence for device in federation.devices.values())
    assert outcome.updates <= computed
    # Updates travel in 8 bits, prompts in 16, both with headers.
    assert computed * VALUES < outcome.bytes_up < computed * (VALUES + 900)
    prompts = len(LANGUAGES) * (1 + outcome.versions)
    assert prompts * 2 * VALUES < outcome.bytes_down < prompts * (2 * VALUES + 500)


def test_languages_that_pull_in_opposite_directions_come_to_listen_less_to_each_other(watch: Watch) -> None:
    outcome, federation = watch("mfpt", opposite(), rounds=12)
    relations = federation.state.relations
    assert relations.comparisons[pair(SWAHILI, YORUBA)].cosine < 0 < relations.comparisons[pair(SWAHILI, ZULU)].cosine
    fedavg = simulate("fedavg", opposite(), rounds=12)
    for language in LANGUAGES:
        assert outcome.accuracy[language] > fedavg.accuracy[language] + 0.1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("devices", [1, 3])
def test_a_single_language_learns_its_optimum(method: Method, devices: int) -> None:
    outcome = simulate(method, languages=(SWAHILI,), devices=devices, rounds=12)
    assert outcome.accuracy.keys() == {SWAHILI}
    assert outcome.accuracy[SWAHILI] > 0.95


@FEDERATED
def test_a_device_that_is_alone_makes_a_version_of_each_round(method: Method) -> None:
    outcome = simulate(method, languages=(SWAHILI,))
    assert (outcome.versions, outcome.updates) == (ROUNDS, ROUNDS)


def test_devices_of_one_language_share_its_examples() -> None:
    asked = experiment(devices=4, label_skew=0.5)
    shares = share_out(asked, alike())
    assert [share.language for share in shares] == [language for language in LANGUAGES for _ in range(4)]
    for language in LANGUAGES:
        rows = [row for share in shares if share.language == language for row in share.rows]
        assert len(rows) == len(set(rows)) == asked.examples


@pytest.mark.parametrize("method", METHODS)
def test_a_language_with_more_examples_holds_more_of_them(method: Method) -> None:
    counts = {SWAHILI: 12, ZULU: 20, YORUBA: 40, AMHARIC: 80}
    shares = share_out(experiment(method, examples=counts), alike())
    assert {share.language: len(share.rows) for share in shares} == counts
    assert simulate(method, examples=counts).accuracy.keys() == set(LANGUAGES)


@pytest.mark.parametrize("method", METHODS)
def test_the_answers_to_every_test_example_are_kept(method: Method) -> None:
    outcome = simulate(method, devices=2, max_test=60)
    devices = 2 if method == "local" else 1
    for language in LANGUAGES:
        answers = outcome.tallies[language]
        assert answers.wanted == (devices,) * 60
        assert sum(answers.right) / sum(answers.wanted) == pytest.approx(outcome.accuracy[language], abs=0.01)


def test_fixed_weighs_by_distance_at_one_temperature() -> None:
    distances = {pair(SWAHILI, other): {"genetic": 0.9} for other in LANGUAGES[1:]}
    sharp, flat = (
        simulation.run(experiment("fixed", plan=toy_plan(temperature=temperature)), opposite(), distances)
        for temperature in (0.05, 100.0)
    )
    assert sharp.accuracy[SWAHILI] > flat.accuracy[SWAHILI] + 0.05


def test_all_methods_of_a_seed_hold_the_same_examples() -> None:
    shares = [share_out(experiment(method, devices=2), alike()) for method in METHODS]
    assert all(one == shares[0] for one in shares)


def test_progress_goes_from_little_to_all() -> None:
    for method in METHODS:
        seen: list[float] = []
        simulation.run(experiment(method), alike(), {}, seen.append)
        assert seen == sorted(seen)
        assert 0 < seen[0] < 0.5
        assert seen[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"languages": (SWAHILI, ZULU, SWAHILI)}, "named twice"),
        ({"unseen": (ZULU,)}, "zul cannot both take part and be an unseen language"),
        ({"examples": {SWAHILI: 9, ZULU: 9, YORUBA: 9}}, "amh takes part and has no number"),
    ],
)
def test_an_experiment_that_cannot_be_right_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        experiment(**changes)


def test_more_examples_than_there_are_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--parallel"):
        simulate(examples=600)
    assert simulate("local", examples=600, parallel=True).accuracy
