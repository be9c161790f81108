"""The privacy study at the size of a toy, and what its parts see of a federation."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mfpt_coord.presets import preset_plan
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.tensors import PromptState, initial_state, layout, unflatten
from reproduction.membership import Head, Values
from reproduction.privacy_attack import Observation, Targets, compared, holders
from reproduction.privacy_federation import Setting, Track, head_of, noisy_mean
from reproduction.privacy_folds import Entry, Folding
from reproduction.privacy_laboratory import Device
from reproduction.privacy_noise import multiplier_for, spent, with_noise
from reproduction.privacy_rows import Row, lines
from reproduction.privacy_scene import usual_fold
from reproduction.privacy_views import masked_vectors, prompts, prompts_and_own, sums
from reproduction.roc import auc, mean_auc
from reproduction.setting import changed
from support.backbones import tiny_spec
from support.scripts import Finished, run_script, toy_study_plan, write_sentences

SWAHILI, LUGANDA, YORUBA = map(LanguageCode, ("swh", "lug", "yor"))
FIELDS = {
    *("family", "group", "observer", "aggregation", "update", "examples", "epsilon", "question", "seed"),
    *("auc", "auc_low", "auc_high", "auc_unlabelled", "accuracy", "default"),
}


@pytest.fixture
def plan() -> Plan:
    return preset_plan("sib200")


@pytest.fixture
def masked(plan: Plan) -> Setting:
    return Setting("masked", changed(plan, "privacy", aggregation="masked"))


@pytest.fixture
def track(plan: Plan) -> Track:
    """One round of six devices whose updates are random numbers."""
    return Track([initial_state(plan)], [initial_state(plan)], [[update(plan, seed) for seed in range(6)]], 0.0)


def update(plan: Plan, seed: int) -> PromptState:
    shapes = layout(plan)
    values = np.random.default_rng(seed).normal(0, 0.01, sum(int(np.prod(shape)) for shape in shapes.values()))
    return unflatten(values.astype(np.float32), shapes)


def suspicions(vectors: list[Values], updates: list[PromptState]) -> Values:
    """Return how alike what each member sent is to what each of them knows, [members, members]."""
    return np.array([[np.vdot(vector, head_of(one).weight) for one in updates] for vector in vectors])


def test_masks_hide_which_member_of_a_cohort_an_update_is_from(masked: Setting, track: Track) -> None:
    sent = track.sent[0][:3]
    owners = np.arange(3)

    strata = [
        holders(suspicions([vector.weight for vector in masked_vectors(masked, sent)], sent), owners) for _ in range(60)
    ]

    found = mean_auc(strata)
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.4


def test_without_masks_the_same_attack_tells_every_member(track: Track) -> None:
    sent = track.sent[0][:3]

    assert auc(holders(suspicions([head_of(one).weight for one in sent], sent), np.arange(3))) == 1.0


def test_what_masked_updates_add_up_to_is_the_sum_that_is_attacked(masked: Setting, track: Track) -> None:
    sent = track.sent[0][:3]
    [seen] = sums(track, masked, 0, [(0, 1, 2)], np.random.default_rng(0))

    assert np.allclose(seen.change.weight, np.mean([head_of(one).weight for one in sent], axis=0), atol=1e-7)
    assert seen.members == (0, 1, 2)


@pytest.fixture
def folding(plan: Plan) -> Folding:
    """Six devices of three languages, of which two are near."""
    near, far = {"genetic": 0.3}, {"genetic": 0.9}
    distances = {(LUGANDA, SWAHILI): near, (LUGANDA, YORUBA): far, (SWAHILI, YORUBA): far}
    exact = changed(plan, "aggregation", combine="mean")
    return Folding(exact, (SWAHILI, LUGANDA, YORUBA), distances, devices=6, examples=35)


def folded(track: Track, *places: int) -> list[Entry]:
    """Return a fold of the updates of some devices; two devices speak each language."""
    languages = (SWAHILI, LUGANDA, YORUBA)
    return [Entry(languages[place // 2], (place,), track.sent[0][place]) for place in places]


def alike(seen: Observation, own: PromptState) -> float:
    """Return the cosine between what is seen of the head and an update."""
    first, second = seen.change.weight.ravel(), head_of(own).weight.ravel()
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_a_fold_of_one_update_shows_it_to_the_broker(track: Track, folding: Folding) -> None:
    [seen] = prompts(track, 0, folding, [folded(track, 2)])

    assert seen.members == (2,)
    assert alike(seen, track.sent[0][2]) > 0.99


def test_the_prompts_of_several_languages_show_the_update_of_one(track: Track, folding: Folding) -> None:
    seen = prompts(track, 0, folding, [folded(track, 0, 2, 4)])

    assert [one.members for one in seen] == [(0,), (2,), (4,)]
    assert all(alike(one, track.sent[0][one.members[0]]) > 0.75 for one in seen)


def test_where_all_languages_get_one_prompt_nobody_sees_more_than_the_mean(track: Track, folding: Folding) -> None:
    uniform = replace(folding, plan=changed(folding.plan, "aggregation", proximity="uniform"))

    seen = prompts(track, 0, uniform, [folded(track, 0, 2, 4)])

    mean = noisy_mean([track.sent[0][place] for place in (0, 2, 4)], 0.0, np.random.default_rng(0))
    assert all(alike(one, mean) > 0.99 for one in seen)


def test_a_peer_takes_its_own_update_out_of_a_fold(track: Track, folding: Folding) -> None:
    fold = folded(track, 0, 1, 2)

    swahili, _ = prompts_and_own(track, 0, folding, [fold])

    assert swahili.members == (1,)
    assert abs(alike(swahili, track.sent[0][0])) < 0.05
    assert alike(swahili, track.sent[0][1]) > 0.75


def test_what_updates_of_one_language_have_in_common_is_taken_out() -> None:
    common, own, other = (np.random.default_rng(seed).standard_normal((7, 12)) for seed in range(3))
    devices = [Device(SWAHILI, np.array([place])) for place in range(2)] + [Device(YORUBA, np.array([0]))]
    changes = (common + own, common, other)
    seen = [Observation(Head(change, np.zeros(7)), (place,)) for place, change in enumerate(changes)]

    first, *_ = compared(Targets(devices, {}, examples=1), seen)

    assert np.allclose(first.change.weight, own)
    assert first.members == (0,)


@pytest.mark.parametrize("kind", ["local", "distributed"])
def test_noise_for_a_budget_is_enough_and_no_more(plan: Plan, kind: str) -> None:
    multiplier = multiplier_for(plan, kind, 8.0, 6)  # type: ignore[arg-type]  # one of the two kinds

    assert 7.8 < spent(with_noise(plan, kind, multiplier, 1.0), 6) <= 8.0  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(("number", "updates"), [(0, 9), (2, 9), (3, 5)])
def test_the_first_folds_of_a_usual_plan_are_of_all_devices(plan: Plan, number: int, updates: int) -> None:
    assert usual_fold(plan.aggregation, 9, number) == updates


def test_a_star_is_where_a_usual_plan_lets_something_be_seen() -> None:
    about: dict[str, Any] = {"family": "sib200", "aggregation": "open", "examples": 35, "epsilon": None}
    about |= {"question": "held", "seed": 0, "auc": 0.9, "auc_low": 0.8, "auc_high": 1.0, "auc_unlabelled": None}
    about |= {"accuracy": 0.5, "observer": "broker"}
    first = Row(group=9, update="first", default=True, **about)
    later = Row(group=9, update="later", default=False, **about)
    half = Row(group=5, update="later", default=True, **about)

    assert [line[-3:-1] for line in lines([first, later, half])] == [
        ("0.90 0.80..1.00*", "0.90 0.80..1.00"),
        ("", "0.90 0.80..1.00*"),
    ]


@pytest.fixture
def privacy(tmp_path: Path, tiny_folder: Callable[[str], Path]) -> Callable[..., Finished]:
    """Run the study; its results go to `tmp_path / "results"`."""
    write_sentences(tmp_path / "data" / "sib200", train=70, held_out=9)
    toy = toy_study_plan(tiny_spec(tiny_folder("Bert")))
    plan = tmp_path / "toy.toml"
    plan.write_text(plan_to_toml(msgspec.structs.replace(toy, task=preset_plan("sib200").task)), encoding="utf-8")
    options = ["--plan", plan, "--languages", "swh,zul", "--examples", 8, "--rounds", 2, "--quick", "--out", "results"]

    def run(*more: object) -> Finished:
        cache = tmp_path / "cache"
        return run_script("reproduction", "privacy", "--data", "data", *options, *more, cache=cache, cwd=tmp_path)

    return run


@pytest.mark.slow
def test_the_study_attacks_what_every_observer_sees_and_goes_on_where_it_was(
    privacy: Callable[..., Finished], tmp_path: Path
) -> None:
    none = privacy("--partial")
    assert none.code != 0
    assert "sib200, 8 examples, seed 0" in none.err

    first, again = privacy("--json"), privacy("--json")

    assert first.code == 0, first.err
    assert again.answer == first.answer
    assert "masakhapos is left out" in again.err
    rows = first.answer["rows"]
    assert all(set(row) == FIELDS for row in rows)
    assert {row["observer"] for row in rows} == {"peer", "broker", "coordinator", "database"}
    assert {row["aggregation"] for row in rows} == {"open", "masked", "masked-noise", "open-noise"}
    assert {row["update"] for row in rows} == {"first", "later"}
    assert {row["aggregation"] for row in rows if row["default"]} == {"open"}
    assert {row["aggregation"] for row in rows if row["question"] == "who"} == {"masked", "masked-noise"}
    assert all(row["auc_low"] <= row["auc"] <= row["auc_high"] for row in rows)
    written = json.loads((tmp_path / "results" / "privacy.json").read_text(encoding="utf-8"))
    assert written["reused_runs"] == 1
    assert {one["attack"] for one in written["beside"]} == {"rounds", "closed-form", "regrouped"}
    assert written["noise_needed"][0]["auc"] < 0.6


@pytest.mark.slow
def test_without_any_family_nothing_is_attacked(privacy: Callable[..., Finished]) -> None:
    done = privacy("--families", "masakhapos")

    assert done.code == 2
    assert "nothing is left to run" in done.err
