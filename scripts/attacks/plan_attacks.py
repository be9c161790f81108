"""Attacks by a plan on the devices of volunteers: files, downloads, code, memory."""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from safetensors.numpy import save_file

from attacks.network_attack import Harm, NetworkAttack
from attacks.target import Target
from attacks.volunteer import Report, Volunteer
from mfpt_shared.plan import BackboneSpec, Plan, Task, Training, plan_to_json

_LABELS: Final = ("good", "bad")
_OWN: Final = "own.csv"
_PRIVATE: Final = "Documents"
_BATCH: Final = 1_000_000
_TEXTS: Final = 48
_MEMORY: Final = 560_000_000
# What the allocator keeps beside what is counted.
_TOLERATED: Final = 1.1


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    """Make the folder of a volunteer, with own data, and a private folder that is nobody's business."""
    with tempfile.TemporaryDirectory(prefix="mfpt-attack-") as place:
        home = Path(place)
        (home / _PRIVATE).mkdir()
        rows = [f"{'neno ' * 120}{row},{_LABELS[row % 2]}" for row in range(_TEXTS)]
        for file in (home / _OWN, home / _PRIVATE / "train.csv"):
            file.write_text("\n".join(["text,label", *rows, ""]), encoding="utf-8")
        yield home


async def _told(home: Path, volunteer: Volunteer) -> Report:
    """Give a plan to a device that answers every question with yes."""
    scripts = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "attacks.volunteer", msgspec.json.encode(volunteer).decode()),
        cwd=home,
        env={**os.environ, "PYTHONPATH": scripts, "HF_HUB_OFFLINE": "1", "MFPT_CACHE": str(home / "cache")},
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    out, _ = await process.communicate(b"y\n" * 9)
    if process.returncode:
        return Report((("crash", f"exit code {process.returncode}"),), 0)
    return msgspec.json.decode(out, type=Report)


def _plan(backbone: str = "bundled:multilingual-e5-small", data: str = "") -> str:
    """Return a plan as it travels: a hostile coordinator is not held to what plans may say."""
    plan = plan_to_json(Plan(task=Task(labels=_LABELS)))
    written = json.loads(plan)
    written["backbone"]["uri"], written["task"]["data"] = backbone, data
    return json.dumps(written)


async def reads_documents(_: Target) -> Harm:
    with _home() as home:
        names = (
            f"hf:../{_PRIVATE}",
            f"hf:{_PRIVATE}",
            f"hf:./{_PRIVATE}",
            _PRIVATE,
            str(home / _PRIVATE / "train.csv"),
        )
        report = await _told(home, Volunteer(tuple(_plan(data=name) for name in names), yes=True))
    read = [name for name, error in zip(names, report.errors, strict=True) if error is None]
    return f"the device trains on {', '.join(read)}" if read else None


async def opens_files(_: Target) -> Harm:
    with _home() as home:
        uris = (f"path:{home}", "path:..", f"gguf:{home / _OWN}")
        plans = tuple(map(_plan, uris))
        report = await _told(home, Volunteer(plans, data=_OWN, allowed=("path:/elsewhere",), yes=True))
    return _more_than_allowed(report)


async def downloads(_: Target) -> Harm:
    plans = _plan("hf:evil/backbone"), _plan("hf:evil/backbone@main")
    with _home() as home:
        reports = [
            await _told(home, Volunteer(plans, data=_OWN)),
            await _told(home, Volunteer((_plan(data="hf:evil/data"),))),
        ]
    return next(filter(None, map(_more_than_allowed, reports)), None)


def _more_than_allowed(report: Report) -> Harm:
    other = [error for error in report.errors if error is None or error[0] != "NotAllowed"]
    return f"the device does not say that its owner must allow it, but {other[0]}" if other else None


async def runs_code(_: Target) -> Harm:
    with _home() as home:
        model, trace = home / "model", home / "ran"
        _booby_trap(model, trace)
        uri = f"path:{model}"
        plan = Plan(task=Task(labels=_LABELS), backbone=BackboneSpec(uri=uri, width=8, layers=1, quantisation="none"))
        report = await _told(home, Volunteer((plan_to_json(plan).decode(),), data=_OWN, allowed=(uri,), yes=True))
        if trace.exists():
            return "code that came with a model has run"
    return None if report.errors[0] is not None else "a model that brings code is taken"


def _booby_trap(folder: Path, trace: Path) -> None:
    """Write a model whose classes are its own code, which leaves a trace."""
    folder.mkdir()
    code = f"open({str(trace)!r}, 'w').close()\nclass Evil:\n    pass\n"
    for name in ("configuration_evil.py", "modeling_evil.py", "tokenization_evil.py"):
        (folder / name).write_text(code, encoding="utf-8")
    classes = {"AutoConfig": "configuration_evil.Evil", "AutoModel": "modeling_evil.Evil"}
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "model_type": "evil"}
    tokenizer = {"auto_map": {"AutoTokenizer": ["tokenization_evil.Evil", None]}, "tokenizer_class": "EvilTokenizer"}
    (folder / "config.json").write_text(json.dumps({"auto_map": classes, **sizes}), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    save_file({"weight": np.zeros((8, 8), np.float32)}, folder / "model.safetensors")


async def takes_memory(_: Target) -> Harm:
    plan = Plan(task=Task(labels=_LABELS), training=Training(batch_size=_BATCH, min_steps=1, head_start="zero"))
    with _home() as home:
        report = await _told(home, Volunteer((plan_to_json(plan).decode(),), data=_OWN, memory=_MEMORY))
    if report.errors[0] is not None:
        return _more_than_allowed(report)
    used = f"{report.peak / 1e6:.0f} MB where {_MEMORY / 1e6:.0f} were given"
    return used if report.peak > _TOLERATED * _MEMORY else None


async def takes_memory_for_a_prompt(_: Target) -> Harm:
    plan = json.loads(_plan())
    plan["prompt"] |= {"method": "p-tuning", "encoder_width": 65_536, "tokens": 512}
    with _home() as home:
        report = await _told(home, Volunteer((json.dumps(plan),), data=_OWN, memory=_MEMORY))
    return _more_than_allowed(report)


PLAN_ATTACKS: Final = (
    NetworkAttack(
        "plan-documents", "a plan names a private folder as data: hf:../Documents and others", reads_documents
    ),
    NetworkAttack("plan-files", "a plan names a file of the device as backbone: path:, gguf:", opens_files),
    NetworkAttack("plan-downloads", "a plan has the device download what its owner has not allowed", downloads),
    NetworkAttack("plan-code", "a plan names a model that brings code, and every question gets a y", runs_code),
    NetworkAttack("plan-batches", f"a plan asks for batches of {_BATCH:,}", takes_memory),
    NetworkAttack("plan-prompt", "a plan asks for a prompt larger than the device's memory", takes_memory_for_a_prompt),
)
