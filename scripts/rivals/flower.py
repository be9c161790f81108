"""Runs the Flower app: in the simulation engine, or on a SuperLink with a SuperNode for each device."""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from rivals.errors import NotRun
from rivals.job import Adapter, Rates
from rivals.process_trees import Watch, ends_by, last_lines, running, watching

Engine = Literal["simulation", "processes"]

APP: Final = Path(__file__).parent / "flower_app"
_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1
_CONNECTION: Final = "rival"


@dataclass(frozen=True, slots=True)
class Rival:
    """What to run.

    Attributes:
        job: File of the job.
        adapter: What is tuned.
        rates: Learning rates.
        start: File with what all devices begin with.
        devices: Number of devices.
        limit: Longest time that it may take, seconds.
    """

    job: Path
    adapter: Adapter
    rates: Rates
    start: Path
    devices: int
    limit: float


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of it.

    Attributes:
        made: File with what was averaged last.
        seconds: From the start of the first process to the end of the last round.
        training_seconds: From the start of the first round to the end of the last.
        peaks: Tree -> MB; `server`, and in processes `device-0` and so on.
        bytes_up: Bytes of the arrays that a device sends in a round, and `bytes_down` of those that it gets.
    """

    made: Path
    seconds: float
    training_seconds: float
    peaks: dict[str, float]
    bytes_up: int
    bytes_down: int


def run(rival: Rival, engine: Engine, commands: Path, folder: Path) -> Ran:
    """Run the app to its end.

    Args:
        rival: What to run.
        engine: Where its devices run.
        commands: Folder with Flower's commands.
        folder: Empty folder for logs and results.

    Raises:
        NotRun: It failed, or took too long.
    """
    port = _free_port()
    env = _environment(commands, folder, port)
    log, began = folder / "flower.log", time.time()
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(watching())
        link = [*("--insecure", "--disable-runtime-dependency-installation", "--port", str(port))]
        link += ["--simulation"] if engine == "simulation" else []
        superlink = stack.enter_context(running([str(commands / "flower-superlink"), *link], env, log))
        watch.add("server", superlink.pid)
        _wait_for(superlink, port, log)
        if engine == "processes":
            for place in range(rival.devices):
                node = [str(commands / "flower-supernode"), *_node_options(place, rival.devices, port)]
                watch.add(f"device-{place}", stack.enter_context(running(node, env, log)).pid)
        _submit(stack, rival, engine, commands, env, folder)
    return _ran(rival, folder, began, watch)


def _environment(commands: Path, folder: Path, port: int) -> dict[str, str]:
    """Return the environment of Flower's processes, with a configuration of their own and one thread each."""
    home = folder / "home"
    home.mkdir()
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "{_CONNECTION}"\n\n'
        f'[superlink.{_CONNECTION}]\naddress = "127.0.0.1:{port}"\ninsecure = true\n',
        encoding="utf-8",
    )
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _node_options(place: int, devices: int, port: int) -> Sequence[str]:
    config = f"partition-id={place} num-partitions={devices}"
    address = ("--superlink", f"127.0.0.1:{port}", "--port", str(_free_port()))
    return ("--insecure", *address, "--node-config", config)


def _submit(
    stack: contextlib.ExitStack, rival: Rival, engine: Engine, commands: Path, env: Mapping[str, str], folder: Path
) -> None:
    """Start the run and wait for its report."""
    config = " ".join(f"{key}={_toml(value)}" for key, value in settings(rival, folder).items())
    # Logs are followed for as long as the app runs, and so its end is that of the command.
    command = [str(commands / "flwr"), "run", str(APP), _CONNECTION, "--stream", "--run-config", config]
    if engine == "simulation":
        command += ["--federation-config", f"num-supernodes={rival.devices} client-resources-num-cpus=1"]
    process = stack.enter_context(running(command, env, folder / "run.log"))
    if not ends_by(process, time.monotonic() + rival.limit):
        raise NotRun(f"Flower was not done after {rival.limit:.0f} s: {last_lines(folder / 'run.log')}")


def settings(rival: Rival, folder: Path) -> dict[str, Path | str | float]:
    """Return what the app is told; its results go to a folder."""
    return {
        "job": rival.job,
        "adapter": rival.adapter,
        "adapter-rate": rival.rates.adapter,
        "head-rate": rival.rates.head,
        "start": rival.start,
        "made": folder / "made.npz",
        "report": folder / "report.json",
    }


def _toml(value: object) -> str:
    return str(value) if isinstance(value, float) else f'"{value}"'


def _ran(rival: Rival, folder: Path, began: float, watch: Watch) -> Ran:
    try:
        report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except OSError:
        raise NotRun(f"Flower failed: {last_lines(folder / 'run.log')}") from None
    if set(report["replies"]) != {rival.devices}:
        raise NotRun(f"not every device of Flower took part in every round: {report['replies']} of {rival.devices}")
    return Ran(
        made=folder / "made.npz",
        seconds=report["ended"] - began,
        training_seconds=report["ended"] - report["began"],
        peaks=watch.peaks,
        bytes_up=report["bytes_up"],
        bytes_down=report["bytes_down"],
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(superlink: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and superlink.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(_POLL_SECONDS)  # there is no event for a port that opens
    raise NotRun(f"Flower's SuperLink did not start: {last_lines(log)}")
