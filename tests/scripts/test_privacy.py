"""The privacy study at the size of a toy, and what its parts see of a federation."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mfpt_coord.presets import preset_plan
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.tensors import PromptState, initial_state, layout, unflatten
from reproduction.membership import Values
from reproduction.privacy_attack import holders
from reproduction.privacy_federation import Setting, Track, head_of
from reproduction.privacy_noise import multiplier_for, spent, with_noise
from reproduction.privacy_views import groups_of, masked_vectors, prompts, sums, updates, without_own
from reproduction.roc import auc, mean_auc
from reproduction.setting import changed
from support.backbones import tiny_spec
from support.scripts import Finished, run_script, toy_study_plan, write_sentences

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


def test_a_fold_of_one_update_shows_it_to_the_broker(plan: Plan, track: Track) -> None:
    groups = groups_of(6, 1)

    seen = prompts(track, Setting("open", plan), 0, groups, np.random.default_rng(0))

    for shown, own in zip(seen, updates(track, 0), strict=True):
        assert np.allclose(shown.change.weight, own.change.weight, rtol=1e-3, atol=1e-5)


def test_a_peer_takes_its_own_update_out_of_a_fold(plan: Plan, track: Track) -> None:
    folds = prompts(track, Setting("open", plan), 0, [(0, 1)], np.random.default_rng(0), rounded=False)

    [other] = without_own(track, 0, folds)

    assert other.members == (1,)
    assert np.allclose(other.change.weight, head_of(track.sent[0][1]).weight, atol=1e-6)


@pytest.mark.parametrize("kind", ["local", "distributed"])
def test_noise_for_a_budget_is_enough_and_no_more(plan: Plan, kind: str) -> None:
    multiplier = multiplier_for(plan, kind, 8.0, 6)  # type: ignore[arg-type]  # one of the two kinds

    assert 7.8 < spent(with_noise(plan, kind, multiplier, 1.0), 6) <= 8.0  # type: ignore[arg-type]  # as above


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
