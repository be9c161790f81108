"""Words labelled by a federation through the command line: plan, coordinator, broker, two devices, labels."""

import asyncio
import json
from itertools import chain
from pathlib import Path

import pytest

from support.programs import run, serve

pytestmark = [pytest.mark.network, pytest.mark.slow]

MASAKHA = Path(__file__).parents[3] / "shared" / "data" / "masakhapos"
POS = "ADJ,ADP,ADV,AUX,CCONJ,DET,INTJ,NOUN,NUM,PART,PRON,PROPN,PUNCT,SCONJ,SYM,VERB,X"
ROUNDS = 2
NOUNS = {"swh": ("paka", "mbwa", "samaki", "ndege"), "hau": ("kyanwa", "kare", "kifi", "tsuntsu")}
VERBS = {"swh": ("anakula", "analala", "anakimbia"), "hau": ("yana", "yake", "zai")}


def write_made_up(folder: Path, language: str) -> Path:
    """Write sentences of a noun, a verb and a full stop."""
    pairs = [(noun, verb) for noun in NOUNS[language] for verb in VERBS[language]]
    sentences = {"train": pairs * 3, "test": pairs[::3]}
    folder.mkdir()
    for split, chosen in sentences.items():
        lines = [f"{noun}\tNOUN\n{verb}\tVERB\n.\tPUNCT\n" for noun, verb in chosen]
        (folder / f"{split}.conll").write_text("\n".join(lines), encoding="utf-8")
    return folder


def write_some(folder: Path, source: Path, train: int, test: int) -> Path:
    """Write the first sentences of a language of MasakhaPOS."""
    folder.mkdir()
    for split, count in (("train", train), ("test", test)):
        sentences = (source / f"{split}.txt").read_text(encoding="utf-8").strip().split("\n\n")
        (folder / f"{split}.conll").write_text("\n\n".join(sentences[:count]) + "\n", encoding="utf-8")
    return folder


def make_plan(home: Path, plan: Path, labels: str) -> None:
    """Write a plan to label words, whose folds take one update from each device."""
    made = run(home, "mfpt_coord", "plan", "init", "--kind", "tagging", "--labels", labels, "--out", str(plan))
    assert made.returncode == 0, made.stderr
    text = plan.read_text(encoding="utf-8").replace("buffer = 0", "buffer = 2")
    plan.write_text(text.replace("min_examples = 8", "min_examples = 1"), encoding="utf-8")


async def federate(home: Path, folder: Path, plan: Path, data: dict[str, Path]) -> dict[str, Path]:
    """Run a federation of one device a language; return their state folders."""
    states = {language: folder / f"state-{language}" for language in data}
    async with serve(home, folder / "data", "--plan", str(plan), "--folds", str(ROUNDS)) as serving:
        broker = f"mqtt://{serving.address.host}:{serving.address.port}"
        ends = await asyncio.gather(
            *(
                asyncio.to_thread(
                    run, home, "mfpt_edge", "join", "--lang", language, "--broker", broker, "--data", str(source),
                    "--rounds", str(ROUNDS), "--state-dir", str(states[language]), "--threads", "1", "--no-alone",
                    "--json", seconds=400,
                )
                for language, source in data.items()
            )
        )  # fmt: skip
    for end in ends:
        assert end.returncode == 0, end.stderr
        assert json.loads(end.stdout)["rounds"] > 0
    return states


def test_two_devices_learn_to_label_words_and_use_what_they_learned(tmp_path: Path) -> None:
    home, plan = tmp_path / "home", tmp_path / "plan.toml"
    make_plan(home, plan, "NOUN,VERB,PUNCT")
    data = {language: write_made_up(tmp_path / language, language) for language in NOUNS}
    states = asyncio.run(asyncio.wait_for(federate(home, tmp_path, plan, data), 500))
    chosen = ("--lang", "swh", "--state-dir", str(states["swh"]))

    shown = run(home, "mfpt_edge", "predict", *chosen, "paka anakula.", "mbwa analala.", seconds=120)
    assert shown.stdout.splitlines() == ["paka/NOUN anakula/VERB ./PUNCT", "mbwa/NOUN analala/VERB ./PUNCT"]

    words = tmp_path / "words.txt"
    words.write_text("paka\nanakula\n.\n\nmbwa\nanalala\n.\n", encoding="utf-8")
    written = run(home, "mfpt_edge", "predict", *chosen, "--file", str(words), "--format", "conll", seconds=120)
    labelled = "paka\tNOUN\nanakula\tVERB\n.\tPUNCT\n\nmbwa\tNOUN\nanalala\tVERB\n.\tPUNCT\n\n"
    assert written.stdout == labelled

    words.write_text(labelled, encoding="utf-8")
    again = run(home, "mfpt_edge", "predict", *chosen, "--file", str(words), "--json", seconds=120)
    first, second = json.loads(again.stdout)["predictions"]
    assert (first["words"], second["tags"]) == (["paka", "anakula", "."], ["NOUN", "VERB", "PUNCT"])
    assert all(0 <= share <= 1 for share in first["probabilities"])

    tests = data["swh"] / "test.conll"
    tests.write_text(tests.read_text(encoding="utf-8").rstrip() + "\n\nneno\tADJ\n", encoding="utf-8")
    measured = run(home, "mfpt_edge", "evaluate", *chosen, "--data", str(tests), "--json", seconds=120)
    facts = json.loads(measured.stdout)
    assert (facts["n"], facts["words"], facts["cut_words"], facts["skipped"]) == (4, 12, 0, 1)
    assert facts["skipped_because"] == {"label not in the plan: 'ADJ'": 1}
    assert facts["accuracy"] > 0.9


@pytest.mark.skipif(not MASAKHA.is_dir(), reason="the sample data sets are not beside the repository")
def test_both_runtimes_label_99_in_100_words_of_masakhapos_alike(tmp_path: Path) -> None:
    home, plan = tmp_path / "home", tmp_path / "plan.toml"
    make_plan(home, plan, POS)
    data = {
        language: write_some(tmp_path / language, MASAKHA / name, 50, 150)
        for language, name in (("swh", "swa"), ("hau", "hau"))
    }
    states = asyncio.run(asyncio.wait_for(federate(home, tmp_path, plan, data), 500))
    for language, source in data.items():
        chosen = ("--lang", language, "--state-dir", str(states[language]), "--file", str(source / "test.conll"))
        answers = [
            run(home, "mfpt_edge", "predict", *chosen, "--json", "--runtime", runtime, seconds=300)
            for runtime in ("torch", "onnx")
        ]
        one, other = (
            list(chain.from_iterable(row["tags"] for row in json.loads(answer.stdout)["predictions"]))
            for answer in answers
        )
        assert len(one) == len(other) > 2000
        assert sum(map(str.__eq__, one, other)) > 0.99 * len(one)
