"""The benchmarks at the size of a toy: they end well, print JSON alone, and fail with a line that says how far."""

from pathlib import Path

import pytest

from mfpt_shared.errors import MfptError, TimedOut, UsageError
from mfpt_shared.protocol.messages import Ack, Reject, Resync
from round_bench.flood import check_complete
from round_bench.flood_devices import Flooded, Tally
from support.scripts import Finished, run_script

TOY_ROUNDS = ("--devices", 2, "--rounds", 3, "--flood-devices", 5, "--flood-updates", 20, "--turns", 1)


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """What bench_round prints at the size of a toy."""
    folder = tmp_path_factory.mktemp("rounds")
    done = run_script("round_bench", *TOY_ROUNDS, "--json", cache=folder, cwd=folder)
    assert done.code == 0, done.err
    return done


@pytest.mark.slow
def test_bench_round_counts_accepted_updates(rounds: Finished) -> None:
    assert set(rounds.answer) == {
        "noop_round_ms", "bare_round_ms", "accepted_per_s", "bare_per_s", "accepted", "resynced", "update_bytes",
        "secured", "unsecured", "ratio", "machine",
    }  # fmt: skip
    assert set(rounds.answer["noop_round_ms"]) == set(rounds.answer["bare_round_ms"]) == {"2"}
    assert rounds.answer["accepted"] == 5 * 20
    assert rounds.answer["accepted_per_s"] > 0


@pytest.mark.slow
def test_bench_round_compares_a_secured_federation_with_an_unsecured_one(rounds: Finished) -> None:
    for answer in (rounds.answer["secured"], rounds.answer["unsecured"], rounds.answer["ratio"]):
        assert set(answer) == {"noop_round_ms", "accepted_per_s"}
        assert min(answer.values()) > 0


def test_a_process_of_the_benchmark_can_leave_messages_unsigned_and_nothing_else(tmp_path: Path) -> None:
    program = tmp_path / "sealing.py"
    program.write_text(
        "from mfpt_shared.keys import SigningKey, verify\n"
        "from mfpt_shared.protocol.seal import seal, unseal\n"
        "key = SigningKey.generate()\n"
        "sealed = seal('a', b'content', key)\n"
        "print(sealed[-64:] == bytes(64), unseal('b', sealed).content, verify(key.public, key.sign(b'x'), b'x'))\n"
        "print(verify(key.public, bytes(64), b'x'))\n"
    )
    done = run_script("round_bench.unsecured", "sealing", cache=tmp_path, cwd=tmp_path)
    assert done.out.split() == ["True", "b'content'", "True", "False"], done.err


def test_bench_round_says_in_one_line_how_far_it_got(tmp_path: Path) -> None:
    done = run_script("round_bench", *TOY_ROUNDS, "--limit", 0.01, "--json", cache=tmp_path, cwd=tmp_path)
    assert done.code == TimedOut.exit_code
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("bench_round: ")


def test_a_flood_that_stalls_says_what_was_accepted() -> None:
    flooded = Flooded(accepted=50, resynced=4950, rejected=0, seconds=120.0)
    with pytest.raises(TimedOut, match=r"50 of 5000 updates accepted, 4950 resynced, 0 rejected after 120\.0 s; gone"):
        check_complete(flooded, 5000, lambda: "gone")


def test_a_flood_that_is_rejected_says_why() -> None:
    flooded = Flooded(accepted=3, resynced=0, rejected=1, seconds=1.0, refusal="wrong plan")
    with pytest.raises(MfptError, match=r"3 of 10 updates accepted, 0 resynced, 1 rejected after 1\.0 s: wrong plan"):
        check_complete(flooded, 10, lambda: "")


def test_a_flood_is_over_at_the_last_acknowledgement() -> None:
    tally = Tally(2)
    for answer in (Ack(sequence=1), Resync(sequence=1, version=1), Ack(sequence=2), Ack(sequence=3)):
        tally.count(answer)
    flooded = tally.wait(limit=0)
    assert (flooded.accepted, flooded.resynced, flooded.rejected) == (2, 1, 0)


def test_a_flood_is_over_at_the_first_rejection() -> None:
    tally = Tally(2)
    for answer in (Reject(sequence=1, reason="incompatible", detail="wrong plan"), Ack(sequence=1)):
        tally.count(answer)
    flooded = tally.wait(limit=0)
    assert (flooded.accepted, flooded.rejected, flooded.refusal) == (0, 1, "wrong plan")


def test_bench_aggregate_measures_every_size_of_fold(tmp_path: Path) -> None:
    sizes = ("--updates", "4,8", "--targets", "1,2", "--seconds", 0.01)
    done = run_script("bench_aggregate", *sizes, "--json", cache=tmp_path, cwd=tmp_path)
    assert done.code == 0, done.err
    folds = done.answer["folds"]
    assert [(fold["targets"], fold["updates"]) for fold in folds] == [(1, 4), (1, 8), (2, 4), (2, 8)]
    assert all(fold["updates_per_s"] > 0 for fold in folds)


def test_bench_masks_compares_folds_under_masks_with_folds_in_the_open(tmp_path: Path) -> None:
    done = run_script("masks_bench", "--devices", "3,40", "--json", cache=tmp_path, cwd=tmp_path)
    assert done.code == 0, done.err
    folds = done.answer["folds"]
    assert [(fold["devices"], fold["cohorts"]) for fold in folds] == [(3, 1), (40, 2)]
    for fold in folds:
        assert fold["masked"]["sent_kb"] > fold["open"]["sent_kb"] > 0
        assert min(fold[way]["fold_s"] for way in ("masked", "open")) > 0


def test_bench_masks_needs_enough_devices_that_answer(tmp_path: Path) -> None:
    done = run_script("masks_bench", "--silent", 0.4, cache=tmp_path, cwd=tmp_path)
    assert done.code == UsageError.exit_code
    assert done.err == "bench_masks: --silent 0.4: give 0 or more, and less than a third, so that sums can be made\n"


@pytest.mark.slow
def test_bench_scale_measures_events_by_devices_and_by_languages(tmp_path: Path) -> None:
    sizes = ("--devices", "100,200", "--languages", "3", "--among", 120)
    done = run_script("scale_bench", *sizes, "--json", cache=tmp_path, cwd=tmp_path)
    assert done.code == 0, done.err
    assert set(done.answer) == {"devices", "languages", "machine"}
    assert (set(done.answer["devices"]), set(done.answer["languages"])) == ({"100", "200"}, {"3"})
    costs = {
        "ready_us", "update_us", "fold_us", "fold_groups", "status_us", "turn_us", "publish_bytes", "status_bytes",
        "memory_bytes", "start_s",
    }  # fmt: skip
    for cost in (*done.answer["devices"].values(), *done.answer["languages"].values()):
        assert set(cost) == costs
        assert min(cost.values()) > 0


@pytest.mark.slow
def test_bench_scale_says_in_one_line_that_a_federation_is_too_small(tmp_path: Path) -> None:
    done = run_script("scale_bench", "--devices", 20, "--json", cache=tmp_path, cwd=tmp_path)
    assert (done.code, done.out) == (MfptError.exit_code, "")
    assert done.err == "bench_scale: nobody is at work; the buffer has 20 of 32 updates\n"


@pytest.mark.slow
def test_bench_edge_compares_with_both_rivals(sentences: Path, tmp_path: Path) -> None:
    data = ("--data", sentences / "swh_Latn", "--lang", "sw")
    done = run_script("edge_bench", *data, "--json", cache=tmp_path, cwd=tmp_path, seconds=1800)
    assert done.code == 0, done.err
    assert set(done.answer["predict"]) == {"torch-fp32", "torch-4bit", "onnx"}
    assert set(done.answer["accuracy"]) == {"ours", "rival", "rival_plain"}
    assert min(*done.answer["ratios"].values(), *done.answer["ratios_plain"].values()) > 0
