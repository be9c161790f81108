"""mfpt in the study of rivals: the simulator, and a coordinator with devices in processes over its broker."""

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from statistics import mean
from typing import Any, Final

from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.ports import claim_port
from mfpt_shared.errors import MfptError
from mfpt_shared.plan_files import plan_to_toml
from reproduction.rivals_bench import Bench
from reproduction.rivals_job import Holding, write_data
from reproduction.rivals_rows import REAL, SIMULATED
from reproduction.rivals_systems import Measure
from rivals.process_trees import ends_by, last_lines, running, watching

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
        *("--languages", ",".join(one.languages), "--examples", one.examples),
        *("--rounds", one.rounds, "--seeds", one.seed),
        cache=bench.folder / "cache-simulation",
    )
    ended = time.time()
    (outcome,) = child.answer["outcomes"]
    used = outcome.get("used") or outcome["kept"]
    return {
        "accuracy": mean(used.values()),
        "per_language": used,
        "seconds": ended - child.began,
        "peak_mb": child.peak_mb,
        "bytes_up": outcome["bytes_up"] / outcome["updates"],
        "bytes_down": outcome["bytes_down"] / outcome["updates"],
    }


def _real(bench: Bench) -> dict[str, Any]:
    """Run a coordinator and a device for each language, each with one thread and an empty cache."""
    folder = bench.new_folder("mfpt")
    port = claim_port(Listen(_HOST, 0))
    env = {**os.environ, "MFPT_CACHE": str(folder / "cache")}
    bench.say("mfpt, coordinator and devices")
    began = time.time()
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(watching())
        serve = [sys.executable, "-m", "mfpt_coord", "serve", "--open", "--listen", f"{_HOST}:{port}"]
        serve += ["--data-dir", str(folder / "coordinator"), "--plan", str(_plan_file(bench))]
        server = stack.enter_context(running(serve, env, folder / "coordinator.log"))
        watch.add("server", server.pid)
        devices = []
        for held in bench.held:
            log, output = folder / f"{held.language}.log", folder / f"{held.language}.json"
            started = time.time() - began
            join = _join(bench, held, folder, port)
            devices.append((stack.enter_context(running(join, env, log, output=output)), started, log, output))
            watch.add(held.language, devices[-1][0].pid)
        deadline = time.monotonic() + bench.limit
        for process, _, log, _ in devices:
            if not ends_by(process, deadline) or process.returncode:
                raise MfptError(f"rivals: a device of mfpt failed: {last_lines(log)}")
    results = {held.language: _result(output) for held, (_, _, _, output) in zip(bench.held, devices, strict=True)}
    used = {language: result["accuracy_kept"] for language, result in results.items()}
    return {
        "accuracy": mean(used.values()),
        "per_language": used,
        "seconds": max(
            started + result["seconds"] for (_, started, _, _), result in zip(devices, results.values(), strict=True)
        ),
        "peak_mb": max(watch.peaks[held.language] for held in bench.held),
        "server_mb": watch.peaks["server"],
        "bytes_up": mean(result["bytes_up"] / result["rounds"] for result in results.values()),
        "bytes_down": mean(result["bytes_down"] / result["rounds"] for result in results.values()),
    }


def _join(bench: Bench, held: Holding, folder: Path, port: int) -> list[str]:
    plan = bench.experiment.plan
    data = write_data(plan.task, held, folder / "data")
    command = [sys.executable, "-m", "mfpt_edge", "join", "--lang", held.language, "--data", str(data)]
    command += ["--broker", f"mqtt://{_HOST}:{port}", "--state-dir", str(folder / "devices" / held.language)]
    command += ["--rounds", str(bench.experiment.rounds), "--threads", "1", "--no-alone", "--json"]
    if not plan.backbone.uri.startswith("bundled:"):
        command += ["--allow-backbone", plan.backbone.uri]
    return command


def _plan_file(bench: Bench) -> Path:
    place = bench.folder / "plan.toml"
    if not place.exists():
        place.write_text(plan_to_toml(bench.experiment.plan), encoding="utf-8")
    return place


def _result(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8").strip().splitlines()[-1])
    return found
