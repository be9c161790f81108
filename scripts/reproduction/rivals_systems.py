"""How each rival is measured: a linear probe, Flower, and full fine-tuning."""

from collections.abc import Callable, Mapping
from functools import partial
from statistics import mean
from typing import Any, Final, get_args

from reproduction.rivals_bench import Bench
from rivals import flower
from rivals.environment import flower_environment
from rivals.flower import Engine
from rivals.job import Adapter

Measure = Callable[[Bench], Mapping[str, Any]]
"""Measures a system: what a row holds beside system, task and seed."""

_ADAPTERS: Final[Mapping[Adapter, str]] = {"prompt": "prompt", "lora": "LoRA"}


def rival_systems() -> dict[str, Measure]:
    """Return all rivals by name, in the order of the table."""
    systems: dict[str, Measure] = {
        "linear probe, alone": partial(_probe, "alone"),
        "linear probe, pooled": partial(_probe, "pooled"),
    }
    for adapter, name in _ADAPTERS.items():
        for engine in get_args(Engine):
            systems[f"Flower and PEFT ({name}), {engine}"] = partial(_flower, adapter, engine)
    return systems | {"full fine-tuning, central": _fine_tuning}


def _probe(which: str, bench: Bench) -> dict[str, Any]:
    child = bench.child("rivals.linear_probe", bench.job_file)
    found = child.answer
    fitting = found["fitted"] - found["prepared"] if which == "alone" else found["pooled_at"] - found["fitted"]
    return {
        **_scores(found[which]),
        "seconds": found["prepared"] - child.began + fitting,
        "training_seconds": found["prepared"] - found["began"] + fitting,
        "peak_mb": child.peak_mb,
        **({"bytes_up": 0.0, "bytes_down": 0.0} if which == "alone" else {}),
    }


def _fine_tuning(bench: Bench) -> dict[str, Any]:
    rates = bench.chosen("all")
    child = bench.child("rivals.fine_tuning", bench.job_file, *rates)
    found = child.answer
    return {
        **_scores(found["accuracy"]),
        "seconds": found["trained"] - child.began,
        "training_seconds": found["trained"] - found["began"],
        "peak_mb": child.peak_mb,
        "rates": list(rates),
    }


def _flower(adapter: Adapter, engine: Engine, bench: Bench) -> dict[str, Any]:
    commands = flower_environment(bench.environment, bench.say)
    rates = bench.chosen(adapter)
    rival = flower.Rival(
        bench.job_file, adapter, rates, bench.start(adapter), len(bench.job.devices), limit=bench.limit
    )
    bench.say(f"Flower, {adapter}, {engine}")
    ran = flower.run(rival, engine, commands, bench.new_folder(f"flower-{adapter}-{engine}"))
    tested = bench.child("rivals.evaluating", bench.job_file, adapter, ran.made)
    devices = [peak for name, peak in ran.peaks.items() if name != "server"]
    return {
        **_scores(tested.answer["accuracy"]),
        "seconds": ran.seconds,
        "training_seconds": ran.training_seconds,
        # A simulation is one tree of processes, and has no server of its own.
        "peak_mb": max(devices) if devices else ran.peaks["server"],
        "server_mb": ran.peaks["server"] if devices else None,
        "bytes_up": ran.bytes_up,
        "bytes_down": ran.bytes_down,
        "rates": list(rates),
    }


def _scores(per_language: Mapping[str, float]) -> dict[str, Any]:
    return {"accuracy": mean(per_language.values()), "per_language": dict(per_language)}
