"""Runs a coordinator and four devices on this machine until a number of versions exist, then shows what they learnt.

Every process is started as a user would start it, and stopped however this script ends.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

import command_line
from mfpt_shared.terminal import PlainConsole

LANGUAGES = ("sw", "zu", "yo", "am")
START_SECONDS = 30.0
LIMIT_SECONDS = 3600.0
SAMPLE = "Ufaransa"
ACCURACIES = ("accuracy_before", "accuracy_alone", "accuracy_after", "accuracy_personal")


def main() -> int:
    arguments = _arguments()
    console = PlainConsole(stderr=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mfpt-demo-") as folder, contextlib.ExitStack() as stack:
        base, broker = Path(folder), f"127.0.0.1:{_free_port()}"
        serve = ["mfpt-coord", "serve", "--data-dir", str(base / "coordinator"), "--listen", broker]
        serve += ["--folds", str(arguments.folds)]
        if arguments.preset != "cldr":
            plan = str(base / "plan.toml")
            subprocess.run(
                ["mfpt-coord", "plan", "init", "--preset", arguments.preset, "--out", plan],
                check=True,
                stdout=sys.stderr,
            )
            serve += ["--plan", plan]
        server = stack.enter_context(_running(serve, base / "coordinator.log"))
        _wait_for(broker, server, base / "coordinator.log")
        console.print(f"coordinator on {broker}; devices for {', '.join(arguments.languages)} …")
        devices = {}
        for language in arguments.languages:
            join = ["mfpt-edge", "join", "--lang", language, "--broker", f"mqtt://{broker}", "--json"]
            join += ["--threads", "1", "--state-dir", str(base / language), *_data_options(arguments, language)]
            devices[language] = stack.enter_context(
                _running(join, base / f"{language}.log", output=base / f"{language}.json")
            )
        if problem := _follow(console, base, server, devices):
            console.print(problem)
            return 1
        results = {language: json.loads((base / f"{language}.json").read_text()) for language in arguments.languages}
        _report(results, base, time.monotonic() - began, as_json=arguments.json)
    return 0


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("demo", __doc__, "--folds 6 --languages sw,zu")
    parser.add_argument("--folds", type=int, default=12, help="versions to make (default 12)")
    parser.add_argument(
        "--examples", type=int, default=50, help="training examples of each device, 0 for all (default 50)"
    )
    parser.add_argument(
        "--languages",
        type=lambda text: text.split(","),
        default=list(LANGUAGES),
        help="separated by commas (default sw,zu,yo,am)",
    )
    parser.add_argument("--preset", default="cldr", help="task: cldr (default), sib200 or masakhanews")
    parser.add_argument("--data", type=Path, help="folder with a folder for each language, named after it")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _data_options(arguments: argparse.Namespace, language: str) -> list[str]:
    options = ["--examples", str(arguments.examples)] if arguments.examples else []
    if arguments.data is not None:
        data = command_line.called_from() / arguments.data
        folders = [folder for folder in sorted(data.glob("*")) if folder.name.split("_")[0] == language]
        if len(folders) != 1:
            sys.exit(f"demo: --data {data}: it holds {len(folders)} folders for {language!r}; it must hold one")
        options += ["--data", str(folders[0])]
    return options


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(command: list[str], log: Path, output: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the context ends; ask it to stop, and kill it if it does not."""
    with log.open("wb") as errors, (output or Path(os.devnull)).open("wb") as stdout:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def _wait_for(broker: str, server: subprocess.Popen[bytes], log: Path) -> None:
    host, port = broker.split(":")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.1)
    sys.exit(f"demo: the coordinator did not start; its log:\n{log.read_text(encoding='utf-8')}")


def _follow(
    console: PlainConsole, base: Path, server: subprocess.Popen[bytes], devices: dict[str, subprocess.Popen[bytes]]
) -> str:
    """Show the coordinator's log until every process has ended; return what went wrong, or nothing."""
    shown, deadline = 0, time.monotonic() + LIMIT_SECONDS
    while True:
        running = [process for process in devices.values() if process.poll() is None]
        lines = (base / "coordinator.log").read_text(encoding="utf-8").splitlines()
        for line in lines[shown:]:
            console.print(line, soft_wrap=True)
        shown = len(lines)
        if server.poll():
            return f"the coordinator ended with exit code {server.returncode}"
        for language, process in devices.items():
            if process.poll():
                log = (base / f"{language}.log").read_text(encoding="utf-8")
                return f"the device for {language} ended with exit code {process.returncode}:\n{log}"
        if server.poll() is not None and not running:
            return ""
        if time.monotonic() > deadline:
            return f"the devices were not done after {LIMIT_SECONDS:g} s"
        time.sleep(0.3)


def _report(results: dict[str, dict[str, Any]], base: Path, seconds: float, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"seconds": round(seconds, 1), "devices": results}))
        return
    names = ("language", "examples", "updates", "before", "alone", "federated", "personal", "sent", "a round", "memory")
    table = Table(*names, box=box.SIMPLE, show_edge=False, pad_edge=False)
    for language, result in results.items():
        sent, updates = result["bytes_up"], max(1, result["rounds"])
        table.add_row(
            *(language, str(result["examples"]), str(result["rounds"])),
            *(_percent(result[key]) for key in ACCURACIES[:-1]),
            f"{_percent(result['accuracy_personal'])} ({result['own_share']:.0%})",
            *(f"{sent / 1000:.0f} kB", f"{sent / updates / 1000:.1f} kB", f"{result['peak_rss_bytes'] / 1e9:.2f} GB"),
        )
    means = [_percent(statistics.mean(result[key] for result in results.values())) for key in ACCURACIES]
    table.add_row("mean", "", "", *means, "", "", "", style="bold")
    console = PlainConsole(width=110)
    console.print(table)
    console.print(
        "accuracy on test examples; alone: as many epochs on the device's own examples; sent: bytes to the broker"
    )
    console.print("personal: the federated prompt with a head of the device's own, and how much of its own that is")
    console.print(f"{seconds:.0f} s in total\n")
    if "sw" in results:
        command = ["mfpt-edge", "predict", "--lang", "sw", "--state-dir", str(base / "sw"), SAMPLE]
        prediction = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        console.print(f"$ mfpt-edge predict --lang sw {SAMPLE}\n{prediction}")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
