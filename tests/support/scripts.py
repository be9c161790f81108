"""Runs the project's scripts as processes, at sizes of a toy."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mfpt_coord.presets import preset_plan
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Training

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
PACKAGES = ("shared", "coordinator", "edge_client", "scripts")
LANGUAGES = {"swh_Latn": "Habari", "zul_Latn": "Izindaba"}


@dataclass(frozen=True)
class Finished:
    """A script that has ended."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """What it printed, as JSON; fails if anything else is on stdout."""
        return msgspec.json.decode(self.out)


Reproduce = Callable[..., Finished]
"""Runs a study: its name, then options."""


def command(script: str, *arguments: object) -> list[str]:
    """Return a command line: `bench_round` is a package or a file in scripts/, started as its wrapper does."""
    file = SCRIPTS / f"{script}.py"
    start = [str(file)] if file.exists() else ["-m", script]
    return [sys.executable, "-W", "ignore", *start, *map(str, arguments)]


def environment(cache: Path) -> dict[str, str]:
    """Return the environment of a script: this checkout's packages, a cache of its own, and no network."""
    paths = [str(ROOT / package) for package in PACKAGES]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "MFPT_CACHE": str(cache),
        "MFPT_CALLED_FROM": ".",
        "HF_HUB_OFFLINE": "1",
    }


def run_script(script: str, *arguments: object, cache: Path, cwd: Path, seconds: float = 300.0) -> Finished:
    """Run a script to its end, from a folder that is not the project's."""
    done = subprocess.run(
        command(script, *arguments),
        env=environment(cache),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def write_sentences(folder: Path, *, train: int, held_out: int) -> None:
    """Write train.tsv, dev.tsv and test.tsv of two languages, in the format of SIB-200.

    Args:
        folder: Gets a folder for each language.
        train: Training sentences of each language.
        held_out: Sentences for validation, and as many for tests.
    """
    labels = preset_plan("sib200").task.labels
    for language, word in LANGUAGES.items():
        (folder / language).mkdir(parents=True)
        for split, number in {"train": train, "dev": held_out, "test": held_out}.items():
            rows = [
                f"{split}{row}\t{labels[row % len(labels)]}\t{word} {split} {row} {labels[row % len(labels)]}"
                for row in range(number)
            ]
            path = folder / language / f"{split}.tsv"
            path.write_text("\n".join(["index_id\tcategory\ttext", *rows, ""]), encoding="utf-8")


def write_tagged_sentences(folder: Path, *, train: int, held_out: int) -> None:
    """Write train.txt and test.txt of two languages, in the format of MasakhaPOS; arguments as above."""
    for language, word in LANGUAGES.items():
        (folder / language).mkdir(parents=True)
        for split, number in {"train": train, "test": held_out}.items():
            sentences = [f"{word} NOUN\n{split} VERB\n{row} NUM\n" for row in range(number)]
            (folder / language / f"{split}.txt").write_text("\n".join(sentences), encoding="utf-8")


def toy_study_plan(backbone: BackboneSpec, preset: str = "sib200") -> Plan:
    """Return the plan of a preset on another backbone, with one short step an assignment and no distances."""
    changes: Mapping[str, Any] = {
        "backbone": backbone,
        "prompt": PromptSpec(tokens=2),
        "training": Training(min_steps=1),
        "aggregation": Aggregation(start_together=0, proximity="uniform"),
    }
    return msgspec.structs.replace(preset_plan(preset), **changes)
