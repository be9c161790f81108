"""Repeats one of the experiments behind the project's figures: a table, JSON, and a figure.

A finished run is kept in the cache folder (MFPT_CACHE) and not made again, so that an interrupted study goes on where
it was. After Ctrl-C, and with --partial at any time, you see the table of the seeds whose runs are all there, and what
is missing.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import command_line
from machine import cores
from mfpt_coord.commands.example_counts import example_counts
from mfpt_coord.presets import preset_plan, read_plan
from mfpt_coord.simulate.experiment import METHODS
from mfpt_edge.backbone.load import find_device
from mfpt_edge.data.language_folders import languages_in
from mfpt_shared.device.trainer import ColumnNames
from mfpt_shared.errors import Interrupted, MfptError, UsageError
from mfpt_shared.languages import LanguageCode, normalise
from reproduction.ablation import ablation
from reproduction.asynchronous import asynchronous
from reproduction.attempt import Incomplete
from reproduction.communication import communication
from reproduction.data_efficiency import data_efficiency
from reproduction.families import families
from reproduction.headline import headline
from reproduction.privacy import privacy
from reproduction.rivals import rivals
from reproduction.runner import Runner
from reproduction.runs import EMBEDDED
from reproduction.setting import Named, Setting
from reproduction.study import Study, show, write
from reproduction.usual import AFRICAN, usual
from reproduction.zero_shot import zero_shot

STUDIES: dict[str, tuple[Callable[[Setting], Study], str]] = {
    "headline": (headline, "local, local at its best, central, fedavg, fedbuff and mfpt on the same data"),
    "data-efficiency": (data_efficiency, "what federating gains with 10 to 350 examples a language"),
    "zero-shot": (zero_shot, "languages unseen one at a time: the distance-weighted prompt against the uniform one"),
    "async": (asynchronous, "virtual time to the same accuracy when some devices are ten times slower"),
    "ablation": (ablation, "one choice of the plan changed at a time"),
    "families": (families, "every method in seven families of tasks; --data holds a folder for each family"),
    "privacy": (privacy, "what updates, sums and prompts tell about the sentences of devices, with masks and noise"),
    "communication": (communication, "bytes for an accuracy, beside full fine-tuning and LoRA"),
    "rivals": (rivals, "what a linear probe, PEFT under Flower, full fine-tuning and mfpt cost, and what they give"),
}
TASKS = "masakhapos, masakhaner, masakhanews, afrisenti or cldr"
ROUNDS = 6
RESULTS = Path("docs/results")


def main() -> int:
    arguments = _arguments()
    called_from = command_line.called_from()
    run, _ = STUDIES[arguments.study]
    began = time.monotonic()
    try:
        setting = _setting(arguments, called_from)
        try:
            study = run(setting)
        except Incomplete as incomplete:
            return _show_partial(run, setting, incomplete, as_json=arguments.json)
    except MfptError as error:
        print(f"reproduce: {error}", file=sys.stderr)
        return error.exit_code
    seconds = time.monotonic() - began
    out = called_from / arguments.out if arguments.out else RESULTS
    written = write(study, out, seconds, reused=setting.runner.counts.reused)
    _print(study, as_json=arguments.json)
    print(f"{seconds:.0f} s; wrote {', '.join(map(str, written))}", file=sys.stderr)
    return 0


def _show_partial(run: Callable[[Setting], Study], setting: Setting, incomplete: Incomplete, *, as_json: bool) -> int:
    """Show what the runs that are there come to, and say what is missing; nothing is written."""
    partial = incomplete.partial
    if partial is None and incomplete.seeds:
        partial = run(replace(setting, seeds=incomplete.seeds))
    if partial is not None:
        _print(partial, as_json=as_json)
        print("reproduce: this is a partial result, and nothing was written", file=sys.stderr)
    print(f"reproduce: {incomplete}", file=sys.stderr)
    if incomplete.interrupted:
        return Interrupted.exit_code
    return 0 if partial is not None else incomplete.exit_code


def _print(study: Study, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(study.results))
    else:
        show(study)


def _arguments() -> argparse.Namespace:
    width = max(map(len, STUDIES)) + 2
    studies = "\n".join(f"  {name:<{width}}{text}" for name, (_, text) in STUDIES.items())
    parser = command_line.parser("reproduce", f"{__doc__}\nstudies:\n{studies}", "headline --data DIR --examples 35")
    parser.add_argument("study", choices=STUDIES, metavar="STUDY", help="one of the studies above")
    parser.add_argument(
        "--data",
        required=True,
        help="folder with a folder for each language (families, privacy: for each family), or cldr for the "
        "embedded data",
    )
    parser.add_argument(
        "--preset",
        default="sib200",
        help=f"task: sib200 (default), {TASKS}",
    )
    parser.add_argument("--plan", type=Path, help="plan file instead of a preset, for a task of your own")
    parser.add_argument(
        "--languages",
        help="separated by commas (default: ten of SIB-200, elsewhere and in families all that there are data for; "
        "rivals: four of each task)",
    )
    for column, what in (("text", "the text, or the first of a pair"), ("label", "the label"), ("pair", "the second")):
        parser.add_argument(f"--{column}-column", metavar="NAME", help=f"column with {what} (default: the usual names)")
    parser.add_argument("--families", help="families, privacy: those to run, separated by commas (default: all)")
    parser.add_argument(
        "--examples",
        metavar="N[,TAG=N...]",
        help="training examples a language, and of languages with more or fewer: 35,eng=300 (default: the study's "
        "own; families: one of its sizes)",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each device (default {ROUNDS})")
    parser.add_argument(
        "--seeds",
        type=command_line.whole_numbers(least=0),
        default=(0, 1, 2),
        help="separated by commas (default 0,1,2)",
    )
    parser.add_argument(
        "--without",
        choices=["fedbuff", "fixed"],
        action="append",
        default=[],
        help="headline: leave a method out, to save time; repeat it for both",
    )
    parser.add_argument("--parallel", action="store_true", help="all languages hold the same sentences, translated")
    parser.add_argument("--quick", action="store_true", help="fewer runs, first seed only: 15 minutes on 2 cores")
    parser.add_argument("--partial", action="store_true", help="run nothing: show what the runs that are there come to")
    parser.add_argument("--jobs", type=int, help="runs at a time (default: one for each core; 1 on a GPU)")
    parser.add_argument(
        "--rivals-env",
        type=Path,
        metavar="DIR",
        help="rivals: virtual environment of Flower, made there if need be (default: in the cache folder)",
    )
    parser.add_argument("--device", default="auto", help="auto (default), cpu or cuda")
    parser.add_argument("--out", type=Path, help=f"folder for the results (default: the project's {RESULTS})")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _setting(arguments: argparse.Namespace, called_from: Path) -> Setting:
    jobs = arguments.jobs or (1 if _is_gpu(arguments.device) else cores())
    only = arguments.languages and tuple(normalise(tag.strip()) for tag in arguments.languages.split(","))
    own_plan = read_plan(called_from / arguments.plan) if arguments.plan else None
    name = arguments.plan.stem if arguments.plan else arguments.preset
    data = arguments.data if arguments.data == EMBEDDED else str(_data_folder(called_from / arguments.data))
    languages = only or _usual_languages(name, data)
    runner = Runner(
        data,
        languages,
        device=arguments.device,
        jobs=jobs,
        threads=max(1, cores() // jobs),
        only_kept=arguments.partial,
        columns=ColumnNames(text=arguments.text_column, label=arguments.label_column, pair=arguments.pair_column),
    )
    return Setting(
        name=name,
        plan=own_plan or preset_plan(arguments.preset),
        languages=languages,
        examples=example_counts(arguments.examples, languages) if arguments.examples else None,
        rounds=arguments.rounds,
        seeds=arguments.seeds[:1] if arguments.quick else arguments.seeds,
        methods=tuple(method for method in METHODS if method not in arguments.without),
        parallel=arguments.parallel,
        quick=arguments.quick,
        runner=runner,
        named=Named(arguments.families and tuple(arguments.families.split(",")), only, own_plan),
        rivals_env=arguments.rivals_env and called_from / arguments.rivals_env,
    )


def _is_gpu(device: str) -> bool:
    """Tell whether runs share a GPU; one that is named need not be here, for whoever shows kept runs needs none."""
    return device.startswith("cuda") or (device == "auto" and find_device(device).type == "cuda")


def _usual_languages(task: str, data: str) -> tuple[LanguageCode, ...]:
    """Return the usual languages of a task, or else all that there are data for."""
    languages = usual(task).languages
    if languages is None:
        return AFRICAN if data == EMBEDDED else tuple(languages_in(Path(data)))
    return languages


def _data_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise UsageError(f"--data {folder}: no such folder; give one with a folder for each language, or cldr")
    return folder


if __name__ == "__main__":
    sys.exit(main())
