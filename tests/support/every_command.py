"""Every command of both programs, in the order in which people come to use them."""

from pathlib import Path
from typing import Final

from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Privacy, PromptSpec, Task, Training, checked
from mfpt_shared.plan_files import plan_to_toml
from support.phone_watch import Runner

BROKER_PORT: Final = 21883
_BROKER: Final = f"mqtt://127.0.0.1:{BROKER_PORT}"
_LABELS: Final = ("health", "sports")


def every_command(runner: Runner) -> None:
    """Run a federation, a device in it, and whatever there is besides."""
    folder = runner.home.parent
    plan, data = _plan_and_data(folder)
    runner.run("mfpt_coord", "plan", "init", "--out", str(folder / "made.toml"))
    runner.run("mfpt_coord", "plan", "validate", str(folder / "made.toml"))
    runner.run("mfpt_coord", "broker-config", "other")
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


def _federation(runner: Runner, plan: Path, data: Path) -> None:
    folder = runner.home.parent
    serve = ("mfpt_coord", "serve", "--plan", str(plan), "--listen", f"127.0.0.1:{BROKER_PORT}")
    with runner.serving(*serve, ready="listening"):
        runner.run("mfpt_coord", "status")
        runner.run("mfpt_coord", "status", "--broker", _BROKER)
        runner.run("mfpt_coord", "invite", "--lang", "sw")
        runner.run("mfpt_coord", "invitations", "list")
        join = (
            "mfpt_edge",
            "join",
            "--lang",
            "sw",
            "--broker",
            _BROKER,
            "--data",
            str(data),
            "--rounds",
            "1",
            "--alone",
        )
        runner.run(*join)
        runner.run("mfpt_coord", "devices", "list")
        runner.run("mfpt_coord", "db", "backup", str(folder / "backup"))


def _device(runner: Runner, data: Path) -> None:
    folder = runner.home.parent
    text, device = "habari njema", ("--lang", "sw")
    runner.run("mfpt_edge", "data", "show", *device, "--data", str(data))
    runner.run("mfpt_edge", "status", *device)
    for runtime in ("torch", "onnx"):
        runner.run("mfpt_edge", "predict", *device, "--runtime", runtime, text)
    runner.run("mfpt_edge", "evaluate", *device, "--data", str(data))
    for form in ("onnx", "peft"):
        runner.run("mfpt_edge", "export", *device, f"--{form}", str(folder / form))
    runner.run("mfpt_edge", "cache", "show")


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
            aggregation=Aggregation(buffer=1),
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
