"""mfpt in the study of rivals: the simulator, and a coordinator with devices in processes over its broker."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any, Final, NamedTuple

from mfpt_coord.commands.example_counts import described
from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.ports import claim_port
from mfpt_shared.errors import MfptError
from mfpt_shared.plan_files import plan_to_toml
from reproduction.rivals_bench import Bench
from reproduction.rivals_job import Holding, write_data
from reproduction.rivals_rows import REAL, SIMULATED
from reproduction.rivals_systems import Measure
from rivals.process_trees import Watch, ends_by, last_lines, running, watching

_HOST: Final = "127.0.0.1"


def our_systems() -> dict[str, Measure]:
    """Return ours by name."""
    return {SIMULATED: _simulated, REAL: _real}


def _simulated(bench: Bench) -> dict[str, Any]:
    """Run what `mfpt-coord simulate` runs, with a cache that is empty."""
    one, plan = bench.experiment, _plan_file(bench)
    child = bench.child(
        "mfpt_coord",
        *("simulate", "--method", "mfpt", "--data", bench.data, "--plan", plan, "--json"),
        *("--languages", ",".join(one.languages), "--examples", described(one.examples)),
        *("--rounds", one.rounds, "--seeds", one.seed),
        *(("--parallel",) if one.parallel else ()),
        cache=bench.folder / "cache-simulation",
    )
    ended = time.time()
    (outcome,) = child.answer["outcomes"]
    used = outcome["used"]
    return {
        "accuracy": mean(used.values()),
        "per_language": used,
        "seconds": ended - child.began,
        "peak_mb": child.peak_mb,
        "bytes_up": outcome["bytes_up"] / outcome["updates"],
        "bytes_down": outcome["bytes_down"] / outcome["updates"],
    }


class _Device(NamedTuple):
    """A device that takes part.

    Attributes:
        held: Its sentences.
        process: Its process.
        started: Seconds from the start of the coordinator to its own.
        log: What it says.
        output: What it ends with.
    """

    held: Holding
    process: "subprocess.Popen[bytes]"
    started: float
    log: Path
    output: Path


def _real(bench: Bench) -> dict[str, Any]:
    """Run a coordinator and a device for each language, each with one thread and an empty cache."""
    folder = bench.new_folder("mfpt")
    bench.say("mfpt, coordinator and devices")
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(watching())
        devices = _federate(bench, folder, stack, watch)
    results = {device.held.language: _result(device.output) for device in devices}
    used = {language: result["accuracy_personal"] for language, result in results.items()}
    ended = max(device.started + results[device.held.language]["seconds"] for device in devices)
    return {
        "accuracy": mean(used.values()),
        "per_language": used,
        "seconds": ended,
        "training_seconds": ended - min(device.started + _loading_seconds(device.log) for device in devices),
        "peak_mb": max(watch.peaks[language] for language in results),
        "server_mb": watch.peaks["server"],
        "bytes_up": mean(result["bytes_up"] / result["rounds"] for result in results.values()),
        "bytes_down": mean(result["bytes_down"] / result["rounds"] for result in results.values()),
    }


def _federate(bench: Bench, folder: Path, stack: contextlib.ExitStack, watch: Watch) -> list[_Device]:
    """Start a coordinator and all devices, and wait until the devices are done."""
    port, began = claim_port(Listen(_HOST, 0)), time.time()
    env = {**os.environ, "MFPT_CACHE": str(folder / "cache")}
    serve = [sys.executable, "-m", "mfpt_coord", "serve", "--open", "--listen", f"{_HOST}:{port}"]
    serve += ["--data-dir", str(folder / "coordinator"), "--plan", str(_plan_file(bench))]
    watch.add("server", stack.enter_context(running(serve, env, folder / "coordinator.log")).pid)
    devices = []
    for held in bench.held:
        log, output = folder / f"{held.language}.log", folder / f"{held.language}.json"
        started = time.time() - began
        process = stack.enter_context(running(_join(bench, held, folder, port), env, log, output=output))
        watch.add(held.language, process.pid)
        devices.append(_Device(held, process, started, log, output))
    deadline = time.monotonic() + bench.limit
    for device in devices:
        if not ends_by(device.process, deadline) or device.process.returncode:
            raise MfptError(f"rivals: the device for {device.held.language} failed: {last_lines(device.log)}")
    return devices


def _join(bench: Bench, held: Holding, folder: Path, port: int) -> list[str]:
    plan = bench.experiment.plan
    data = write_data(plan.task, held, folder / "data")
    command = [sys.executable, "-m", "mfpt_edge", "join", "--lang", held.language, "--data", str(data)]
    command += ["--broker", f"mqtt://{_HOST}:{port}", "--state-dir", str(folder / "devices" / held.language)]
    command += ["--rounds", str(bench.experiment.rounds), "--threads", "1", "--no-alone", "--json"]
    if not plan.backbone.uri.startswith("bundled:"):
        command += ["--allow-backbone", plan.backbone.uri]
    return command


def _loading_seconds(log: Path) -> float:
    """Return how long a device took until it could train, by the whole seconds of its log."""
    text = log.read_text(encoding="utf-8", errors="replace")
    first, loaded = (
        re.search(r"^([0-9:]{8}) ", text, re.MULTILINE),
        re.search(r"^([0-9:]{8}) backbone ", text, re.MULTILINE),
    )
    if first is None or loaded is None:
        raise MfptError(f"rivals: a device of mfpt does not say when it was ready: {last_lines(log)}")
    began, ready = (datetime.strptime(found[1], "%H:%M:%S") for found in (first, loaded))
    return (ready - began).seconds


def _plan_file(bench: Bench) -> Path:
    place = bench.folder / "plan.toml"
    if not place.exists():
        place.write_text(plan_to_toml(bench.experiment.plan), encoding="utf-8")
    return place


def _result(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8").strip().splitlines()[-1])
    return found
