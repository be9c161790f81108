"""Tunes a prompt with mfpt and with PEFT and the Trainer of transformers, and compares them.

PEFT runs twice: with its backbone in 4 bits of bitsandbytes, and in the type that products are in (bfloat16 where the
processor has it), which is faster on a CPU. All get the same sentences, backbone, batch size, epochs, learning rates
and start; each runs in a process of its own, one after the other.

    tokens/s      real tokens of the training sentences over the median time of an epoch, the first one left out
    whole run     tokenising, lower layers (mfpt), all epochs; the start of the process has its own row
    bound         matrix products alone, measured in the same process: no training loop could be faster
    peak memory   largest resident memory of the process while it trains, minus that of a process with torch alone
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

import command_line
from mfpt_coord.presets import preset_plan
from mfpt_edge.data.sources import load_dataset
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import normalise
from mfpt_shared.terminal import PlainConsole

RUNTIMES = ("torch-fp32", "torch-4bit", "onnx")


def main() -> int:
    """Run the benchmark."""
    arguments = _arguments()
    try:
        data = _texts(command_line.called_from() / arguments.data, arguments.lang)
    except MfptError as error:
        print(f"bench_edge: {error}", file=sys.stderr)
        return error.exit_code
    result = _measured(data, arguments.device, quiet=arguments.json)
    if arguments.json:
        print(json.dumps(result))
    else:
        _show(result)
    return 0


def _measured(data: dict[str, object], device: str, *, quiet: bool) -> dict[str, Any]:
    """Run every process on the texts, one after the other, and return what `--json` prints."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        texts = place / "texts.json"
        texts.write_text(json.dumps(data), encoding="utf-8")
        # An empty cache, so that the lower layers run and the graph is built.
        env = {**os.environ, "MFPT_CACHE": str(place / "cache")}
        compute = _compute(device)
        say = _say if not quiet else lambda _: None
        say("preparing the rival's checkpoint")
        _run(["edge_bench.checkpoint", str(place / "checkpoint")], env, expects=False)
        empty = _run(["edge_bench.empty"], env)
        say("mfpt")
        ours = _run(["edge_bench.ours", str(texts), device, str(place / "prompt.npz"), _now()], env)
        rivals: dict[str, Any] = {}
        for kind, weights in (("nf4", "bitsandbytes nf4"), ("plain", "no bitsandbytes")):
            say(f"PEFT, {weights} ({compute}), Trainer")
            command = ["edge_bench.rival", kind, str(place / "checkpoint"), str(texts), device, compute, _now()]
            rivals[kind] = _run(command, env)
        runtimes: dict[str, Any] = {}
        for kind in (*RUNTIMES, "onnx"):  # twice: the first builds the graph
            say(f"predicting with {kind}")
            runtimes[kind] = _run(["edge_bench.predicting", kind, str(texts), str(place / "prompt.npz"), _now()], env)
    return _result(ours, rivals, empty, runtimes) | {"compute": compute}


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("bench_edge", __doc__, "--data sib200/swh_Latn --lang sw")
    parser.add_argument(
        "--data", type=Path, required=True, help="one language's folder of SIB-200, with train.tsv and test.tsv"
    )
    parser.add_argument("--lang", default="sw", help="its language (default sw)")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _texts(data: Path, lang: str) -> dict[str, object]:
    labels = preset_plan("sib200").task.labels
    dataset = load_dataset(str(data), normalise(lang), labels)
    splits = {"train": dataset.train, "test": dataset.test}
    return {"labels": labels} | {name: [(one.text, one.label) for one in split] for name, split in splits.items()}


def _compute(device: str) -> str:
    """Return the name of the type that mfpt multiplies in on the device; the rival gets the same."""
    import torch  # noqa: PLC0415 - slow, and not needed for --help

    from mfpt_edge.backbone.fourbit import compute_dtype  # noqa: PLC0415 - imports torch

    return str(compute_dtype(torch.device(device))).removeprefix("torch.")


def _run(arguments: list[str], env: dict[str, str], *, expects: bool = True) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *arguments], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"bench_edge: {arguments[0]} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1]) if expects else {}
    return answer


def _now() -> str:
    return str(time.time())


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _result(
    ours: dict[str, Any], rivals: dict[str, Any], empty: dict[str, Any], runtimes: dict[str, Any]
) -> dict[str, Any]:
    for one in (ours, *rivals.values()):
        one["later_epoch"] = statistics.median(one["epochs"][1:])
        one["tokens_per_s_first"] = one["tokens"] / one["epochs"][0]
        one["tokens_per_s_later"] = one["tokens"] / one["later_epoch"]
        one["memory"] = one["peak"] - empty["peak"]
    for which in ("first", "later"):
        ours[f"bound_{which}"] = ours["tokens"] / ours[f"bound_{which}"]
    exact, small, onnx = (runtimes[kind] for kind in RUNTIMES)
    agreeing = [one == other for one, other in zip(onnx["labels"], small["labels"], strict=True)]
    for one in runtimes.values():
        del one["labels"]
    return {
        "ratios": _ratios(ours, rivals["nf4"]) | {"onnx_latency": exact["latency_ms"] / onnx["latency_ms"]},
        "ratios_plain": _ratios(ours, rivals["plain"]),
        "of_the_bound": {which: ours[f"tokens_per_s_{which}"] / ours[f"bound_{which}"] for which in ("first", "later")},
        "accuracy": {
            "ours": ours["accuracy"],
            "rival": rivals["nf4"]["accuracy"],
            "rival_plain": rivals["plain"]["accuracy"],
        },
        "onnx_agreement": sum(agreeing) / len(agreeing),
        "ours": ours,
        "rival": rivals["nf4"],
        "rival_plain": rivals["plain"],
        "empty_torch_peak": empty["peak"],
        "predict": runtimes,
    }


def _ratios(ours: dict[str, Any], rival: dict[str, Any]) -> dict[str, float]:
    """Return how many times better mfpt is."""
    return {
        "later_epochs": ours["tokens_per_s_later"] / rival["tokens_per_s_later"],
        "later_epochs_at_the_bound": ours["bound_later"] / rival["tokens_per_s_later"],
        "whole_run": rival["whole_run"] / ours["whole_run"],
        "start": rival["first_step"] / ours["first_step"],
        "weights": rival["weights"] / ours["weights"],
        "peak_rss": rival["memory"] / ours["memory"],
        "bytes_up": rival["bytes_up"] / ours["bytes_up"],
    }


def _show(result: dict[str, Any]) -> None:
    ours, compute = result["ours"], result["compute"]
    compared = ((result["rival"], result["ratios"]), (result["rival_plain"], result["ratios_plain"]))
    rows = (
        ("training, first epoch, tokens/s", "tokens_per_s_first", 1.0, "{:,.0f}", None),
        ("training, later epochs, tokens/s", "tokens_per_s_later", 1.0, "{:,.0f}", "later_epochs"),
        ("whole run, s", "whole_run", 1.0, "{:.1f}", "whole_run"),
        ("start to first step, s", "first_step", 1.0, "{:.1f}", "start"),
        ("weights in memory, MB", "weights", 1e-6, "{:.0f}", "weights"),
        ("peak memory above torch, MB", "memory", 1e-6, "{:.0f}", "peak_rss"),
        ("bytes up, kB", "bytes_up", 1e-3, "{:.1f}", "bytes_up"),
        ("test accuracy, %", "accuracy", 100.0, "{:.1f}", None),
    )
    titles = ("PEFT + bitsandbytes", "times better", f"PEFT in {compute}", "times better")
    table = Table("", "mfpt", *titles, box=box.SIMPLE)
    for title, name, factor, form, ratio in rows:
        cells = [form.format(factor * ours[name])]
        for rival, ratios in compared:
            cells += [form.format(factor * rival[name]), f"{ratios[ratio]:.1f}" if ratio else ""]
        table.add_row(title, *cells)
    console = PlainConsole()
    console.print(table)
    console.print(
        f"Matrix products alone would reach {ours['bound_first']:,.0f} tokens/s in the first epoch and "
        f"{ours['bound_later']:,.0f} in later ones; mfpt reaches {100 * result['of_the_bound']['first']:.0f} % and "
        f"{100 * result['of_the_bound']['later']:.0f} % of that. At the bound, later epochs would be "
        f"{result['ratios_plain']['later_epochs_at_the_bound']:.1f} times as fast as those of PEFT in {compute}."
    )
    answers = Table("predicting with", "ms a sentence", "sentences/s", "start to first answer, s", box=box.SIMPLE)
    for kind, found in result["predict"].items():
        answers.add_row(
            kind, f"{found['latency_ms']:.1f}", f"{found['texts_per_s']:.0f}", f"{found['first_answer']:.1f}"
        )
    console.print(answers)
    console.print(
        f"ONNX Runtime gives the same label as torch in 4 bits for {100 * result['onnx_agreement']:.1f} % of the test "
        f"sentences, and is {result['ratios']['onnx_latency']:.1f} times as fast as torch in 32 bits."
    )


if __name__ == "__main__":
    sys.exit(main())
