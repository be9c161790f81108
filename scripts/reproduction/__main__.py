"""Command line of scripts/reproduce."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mfpt_coord.simulate.experiment import METHODS
from mfpt_shared.errors import MfptError, UsageError
from mfpt_shared.languages import normalise
from reproduction.along import asynchronous, communication
from reproduction.headline import headline
from reproduction.setting import Setting
from reproduction.study import Study, show, write
from reproduction.variations import ablation, data_efficiency, zero_shot

STUDIES: dict[str, tuple[Callable[[Setting], Study], str]] = {
    "headline": (headline, "local, local at its best, central, fedavg, fedbuff and mfpt on the same data"),
    "data-efficiency": (data_efficiency, "what federating gains with 10 to 350 examples a language"),
    "zero-shot": (zero_shot, "languages held out one at a time: the distance-weighted prompt against the uniform one"),
    "async": (asynchronous, "accuracy against virtual time with stragglers"),
    "ablation": (ablation, "temperature, metric, staleness, prompt method, depth and length"),
    "communication": (communication, "bytes for an accuracy, beside full fine-tuning and LoRA"),
}
AFRICAN = "amh,hau,ibo,kin,lug,som,swh,xho,yor,zul"
ROUNDS = 6


def main() -> int:
    arguments = _arguments()
    run, _ = STUDIES[arguments.study]
    began = time.monotonic()
    try:
        setting = _setting(arguments)
        study = run(setting)
    except MfptError as error:
        print(f"reproduce: {error}", file=sys.stderr)
        return error.exit_code
    seconds = time.monotonic() - began
    written = write(study, setting.out, seconds)
    if arguments.json:
        print(json.dumps(study.results))
    else:
        show(study)
    print(f"{seconds:.0f} s; wrote {', '.join(map(str, written))}", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/reproduce", description=__doc__)
    parser.add_argument(
        "study", choices=STUDIES, help="; ".join(f"{name}: {text}" for name, (_, text) in STUDIES.items())
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with a folder for each language")
    parser.add_argument("--preset", default="sib200", help="task: sib200 (default), masakhanews or cldr")
    parser.add_argument("--languages", default=AFRICAN, help="separated by commas; by default ten of SIB-200")
    parser.add_argument("--examples", type=int, help="training examples a language; by default the study's own")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each device (default {ROUNDS})")
    parser.add_argument("--seeds", default="0,1,2", help="separated by commas (default 0,1,2)")
    parser.add_argument("--without", choices=["fedbuff"], help="headline: leave a method out, to save time")
    parser.add_argument("--parallel", action="store_true", help="all languages hold the same sentences, translated")
    parser.add_argument("--quick", action="store_true", help="fewer runs, one seed: 15 minutes on 2 cores")
    parser.add_argument("--jobs", type=int, help="runs at a time (default: one for each core; 1 on a GPU)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--out", type=Path, help="folder (default docs/results of the project)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _setting(arguments: argparse.Namespace) -> Setting:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = arguments.jobs or (1 if arguments.device.startswith("cuda") else cores)
    seeds = _numbers(arguments.seeds)
    called_from = Path(os.environ.get("MFPT_CALLED_FROM", "."))
    return Setting(
        data=called_from / arguments.data,
        preset=arguments.preset,
        languages=tuple(normalise(tag.strip()) for tag in arguments.languages.split(",")),
        examples=arguments.examples,
        rounds=arguments.rounds,
        seeds=seeds[:1] if arguments.quick else seeds,
        methods=tuple(method for method in METHODS if method != arguments.without),
        parallel=arguments.parallel,
        jobs=jobs,
        threads=max(1, cores // jobs),
        device=arguments.device,
        quick=arguments.quick,
        out=called_from / arguments.out if arguments.out else Path("docs/results"),
    )


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--seeds {text!r}: give whole numbers, separated by commas") from error


if __name__ == "__main__":
    sys.exit(main())
