"""Every command of both programs, in the order in which people come to use them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from mfpt_coord.commands.app import app as coordinator
from mfpt_edge.commands.app import app as device
from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Privacy, PromptSpec, Task, Training, checked
from mfpt_shared.plan_files import plan_to_toml
from support.phone_watch import Runner

BROKER_PORT: Final = 21883
_PAGE_PORT: Final = 21884
_BROKER: Final = f"mqtt://127.0.0.1:{BROKER_PORT}"
_LABELS: Final = ("health", "sports")


def every_command(runner: Runner) -> None:
    """Run a federation, a device in it, and whatever there is besides."""
    folder = runner.home.parent
    plan, data = _plan_and_data(folder)
    runner.run("mfpt_coord", "plan", "init", "--out", str(folder / "made.toml"))
    for command in ("show", "validate"):
        runner.run("mfpt_coord", "plan", command, str(folder / "made.toml"))
    runner.run("mfpt_coord", "broker-config", "other")
    runner.run("mfpt_coord", "broker-config", "mosquitto", "--out", str(folder / "mosquitto"))
    nodes = ("--node", "a.example", "--node", "b.example", "--node", "c.example")
    runner.run("mfpt_coord", "broker-config", "nats-cluster", "--out", str(folder / "nodes"), *nodes)
    runner.run("mfpt_coord", "languages", "swh", "zul", "yor", "--plot", str(folder / "distances.svg"))
    _federation(runner, plan, data)
    for command in ("check", "compact"):
        runner.run("mfpt_coord", "db", command)
    runner.run("mfpt_coord", "db", "restore", str(folder / "backup"), "--force")
    _device(runner, data)
    runner.run(
        *("mfpt_coord", "simulate", "--plan", str(plan), "--data", str(_languages(folder)), "--languages", "swh,zul"),
        *("--examples", "8", "--rounds", "1", "--method", "mfpt", "--plot", str(folder / "accuracy.png")),
    )
    runner.run("mfpt_edge", "cache", "clear")
    ran = [" ".join(command) for command in runner.ran]
    programs = {"mfpt_coord": coordinator, "mfpt_edge": device}
    commands = [name for program, app in programs.items() for name in _commands(typer.main.get_command(app), program)]
    runner.failed += [
        f"{name}: not run" for name in commands if not any(f"{one} ".startswith(f"{name} ") for one in ran)
    ]


def _commands(command: Any, name: str) -> Iterator[str]:
    """Give the names of all commands of a program."""
    inner = getattr(command, "commands", {})
    for part in inner:
        yield from _commands(inner[part], f"{name} {part}")
    if not inner:
        yield name


def _federation(runner: Runner, plan: Path, data: Path) -> None:
    folder = runner.home.parent
    serve = ("mfpt_coord", "serve", "--plan", str(plan), "--listen", f"127.0.0.1:{BROKER_PORT}", "--keep", "forever")
    with runner.serving(*serve, "--web", f"127.0.0.1:{_PAGE_PORT}", ready="listening"):
        runner.run("mfpt_coord", "web", "link")
        runner.run("mfpt_coord", "status")
        runner.run("mfpt_coord", "status", "--broker", _BROKER)
        options = ("--broker", _BROKER, "--data", str(data), "--rounds", "1", "--alone")
        runner.run("mfpt_edge", "join", "--lang", "sw", *options)
        runner.run("mfpt_edge", "doctor", "--lang", "sw", "--broker", _BROKER, "--data", str(data))
        runner.run("mfpt_edge", "refresh", "--lang", "sw", "--data", str(data))
        runner.run("mfpt_edge", "predict", "--lang", "xho", "--broker", _BROKER, "iindaba")
        _reader(runner)
        runner.run("mfpt_coord", "history")
        runner.run("mfpt_coord", "plan", "apply", str(plan), "--dry-run")
        runner.run("mfpt_coord", "audit")
        runner.run("mfpt_coord", "export", str(folder / "prompts"))
        runner.run("mfpt_coord", "rollback", "--to", "0")
        runner.run("mfpt_coord", "db", "backup", str(folder / "backup"))


def _reader(runner: Runner) -> None:
    """Invite somebody who joins, and exclude them again."""
    line = _found(r"mfpt://\S+", runner.run("mfpt_coord", "invite", "--role", "reader"))
    runner.run("mfpt_edge", "join", line, "--lang", "xho")
    member = _found(r'"id":"(\w+)"', runner.run("mfpt_coord", "devices", "list", "--json"))
    runner.run("mfpt_coord", "devices", "rename", member, "a reader")
    invitation = _found(r'"id":"([\w-]+)"', runner.run("mfpt_coord", "invitations", "list", "--json"))
    runner.run("mfpt_coord", "invitations", "withdraw", "--", invitation)
    runner.run("mfpt_coord", "devices", "revoke", member)


def _found(pattern: str, printed: str) -> str:
    """Return what a pattern, or its group, finds in what a command has printed."""
    found = re.search(pattern, printed)
    assert found is not None, f"{pattern} is not in {printed!r}"
    return found[found.re.groups]


def _device(runner: Runner, data: Path) -> None:
    folder = runner.home.parent
    text, whose = "habari njema", ("--lang", "sw")
    for command in ("fetch", "show"):
        runner.run("mfpt_edge", "backbone", command)
    with runner.serving("mfpt_edge", "open", "--no-browser", ready="page: http"):
        pass  # its requests are those of `tests/e2e/test_volunteers_page.py`
    runner.run("mfpt_edge", "data", "show", *whose, "--data", str(data))
    runner.run("mfpt_edge", "status", *whose)
    runner.run("mfpt_edge", "sent", *whose)
    for runtime in ("torch", "onnx"):
        runner.run("mfpt_edge", "predict", *whose, "--runtime", runtime, text)
    runner.run("mfpt_edge", "evaluate", *whose, "--data", str(data))
    for form in ("onnx", "peft"):
        runner.run("mfpt_edge", "export", *whose, f"--{form}", str(folder / form))
    runner.run("mfpt_edge", "cache", "show")
    runner.run("mfpt_edge", "settings", *whose, "--hours", "22-6", "--max-upload", "50MB/month")
    for command in ("pause", "resume"):
        runner.run("mfpt_edge", command, *whose)
    runner.run("mfpt_edge", "service", "install", *whose, "--data", str(data), "--print")
    for command in ("status", "remove"):
        runner.run("mfpt_edge", "service", command, *whose)
    runner.run("mfpt_edge", "leave", *whose, "--forget", "--yes")


def predict_without_the_variable(runner: Runner, seconds: str) -> None:
    """Predict with ONNX Runtime in a process that imported it before it could be told to be quiet, and goes on."""
    _federation(runner, *_plan_and_data(runner.home.parent))
    program = (
        "import sys, time, onnxruntime\n"
        "from mfpt_edge.commands.app import app\n"
        "app(sys.argv[2:], standalone_mode=False)\n"
        "time.sleep(float(sys.argv[1]))"
    )
    runner.run("-c", program, seconds, "predict", "--lang", "sw", "--runtime", "onnx", "habari njema")


def _plan_and_data(folder: Path) -> tuple[Path, Path]:
    plan, data = folder / "small.toml", folder / "texts.csv"
    plan.write_text(plan_to_toml(_small_plan()), encoding="utf-8")
    rows = [f"habari njema ya {_LABELS[number % 2]} {number},{_LABELS[number % 2]}" for number in range(40)]
    data.write_text("\n".join(("text,label", *rows)), encoding="utf-8")
    return plan, data


def _small_plan() -> Plan:
    return checked(
        Plan(
            task=Task(labels=_LABELS),
            backbone=BackboneSpec(fingerprint=f"sha256:{BUNDLED_SHA256}"),
            prompt=PromptSpec(tokens=2, layer=11),
            training=Training(epochs=1, batch_size=8, max_tokens=32),
            aggregation=Aggregation(buffer=1, start_together=0),
            privacy=Privacy(min_examples=4),
        )
    )


def _languages(folder: Path) -> Path:
    """Return a folder with texts in two languages."""
    place = folder / "languages"
    place.mkdir()
    for language in ("swh", "zul"):
        (place / f"{language}.csv").write_text((folder / "texts.csv").read_text(encoding="utf-8"), encoding="utf-8")
    return place
