"""A decoder tuned by a federation through the command line: plan, coordinator, broker, two devices, completions."""

import asyncio
import json
from pathlib import Path

import pytest

from support.programs import run, serve

pytestmark = [pytest.mark.network, pytest.mark.slow]

CAPITALS = {
    **{"Kenya": "Nairobi", "Ghana": "Accra", "Mali": "Bamako", "Niger": "Niamey", "Rwanda": "Kigali", "Togo": "Lomé"},
    **{"Uganda": "Kampala", "Zambia": "Lusaka"},
}
HELD_OUT = {"Kenya": "Nairobi", "Ghana": "Accra"}
ROUNDS = 2


def write_data(folder: Path, language: str) -> Path:
    """Write the same questions and answers to every split: only the way to answer is learned here."""
    folder.mkdir()
    for split in ("train", "dev", "test"):
        rows = [
            {"prompt": f"{language} {split}: {country}", "completion": capital}
            for country, capital in (CAPITALS if split == "train" else HELD_OUT).items()
        ]
        (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


def test_two_devices_tune_a_decoder_through_the_broker_and_their_losses_fall(
    smollm2: Path, smollm2_cache: Path, tmp_path: Path
) -> None:
    home, plan, cached = tmp_path / "home", tmp_path / "plan.toml", {"MFPT_CACHE": str(smollm2_cache)}
    init = ("plan", "init", "--kind", "generation", "--backbone", f"gguf:{smollm2}", "--out", str(plan))
    made = run(home, "mfpt_coord", *init)
    assert made.returncode == 0, made.stderr
    text = plan.read_text(encoding="utf-8").replace("max_tokens = 128", "max_tokens = 32")
    # A fold takes one update from each device, so that both train in every round.
    plan.write_text(text.replace("buffer = 0", "buffer = 2"), encoding="utf-8")

    async def scenario() -> None:
        async with serve(home, tmp_path / "data", "--plan", str(plan), "--folds", str(ROUNDS)) as serving:
            broker = f"mqtt://{serving.address.host}:{serving.address.port}"
            ends = await asyncio.gather(
                *(
                    asyncio.to_thread(
                        run, home, "mfpt_edge", "join", "--lang", language, "--broker", broker,
                        "--data", str(write_data(tmp_path / language, language)),
                        "--allow-backbone", f"gguf:{smollm2}", "--rounds", str(ROUNDS),
                        "--state-dir", str(tmp_path / f"state-{language}"), "--threads", "1", "--no-alone", "--json",
                        seconds=280, extra=cached,
                    )
                    for language in ("swh", "hau")
                )
            )  # fmt: skip
        for end in ends:
            assert end.returncode == 0, end.stderr
            result = json.loads(end.stdout)
            losses = result["losses"]
            assert len(losses) == ROUNDS
            assert losses[-1] < 0.8 * losses[0], losses
            assert result["bytes_up"] < ROUNDS * 16_000

        texts = [f"swh test: {country}" for country in HELD_OUT]
        chosen = ("--lang", "swh", "--state-dir", str(tmp_path / "state-swh"), "--json")
        answer = run(home, "mfpt_edge", "predict", *chosen, *texts, seconds=120, extra=cached)
        assert answer.returncode == 0, answer.stderr
        predictions = json.loads(answer.stdout)["predictions"]
        assert [one["text"] for one in predictions] == texts
        assert all(one.keys() == {"number", "text", "completion"} for one in predictions)

        measured = run(
            home,
            *("mfpt_edge", "evaluate", *chosen, "--data", str(tmp_path / "swh" / "test.jsonl")),
            seconds=120,
            extra=cached,
        )
        assert measured.returncode == 0, measured.stderr
        facts = json.loads(measured.stdout)
        assert facts["n"] == len(HELD_OUT)
        assert 0 <= facts["exact_match"] <= facts["token_f1"] <= 1

    asyncio.run(asyncio.wait_for(scenario(), 500))
