"""What folds cost: measured, and shown."""

from itertools import zip_longest
from typing import TypedDict

import numpy as np
from rich.table import Table

from masks_bench.device import Device
from masks_bench.folds import masked_fold, open_fold
from masks_bench.sides import FEDERATION, CoordinatorSide
from mfpt_shared.plan import BackboneSpec, Plan, Privacy, Task
from mfpt_shared.tensors import PromptState, layout


class Cost(TypedDict):
    """What one fold costs.

    Attributes:
        sent_kb: Of a device, on average.
        received_kb: Of a device, on average.
        device_ms: Processor time of a device, on average.
        coordinator_s: Processor time of the coordinator.
        fold_s: Until the fold is made, if devices work side by side and messages take no time.
    """

    sent_kb: float
    received_kb: float
    device_ms: float
    coordinator_s: float
    fold_s: float


class Compared(TypedDict):
    """A fold of so many devices, both ways."""

    devices: int
    cohorts: int
    masked: Cost
    open: Cost


def bench_plan() -> Plan:
    """Return a plan with 20 x 384 virtual tokens and a head of 7 labels, under masks."""
    return Plan(
        federation=FEDERATION,
        task=Task(labels=tuple(f"label {index}" for index in range(7))),
        backbone=BackboneSpec(),
        privacy=Privacy(aggregation="masked"),
    )


def compare(number: int, silent: float) -> Compared:
    """Measure one fold under masks and one in the open.

    Args:
        number: Devices of the fold.
        silent: Share of them that falls silent under masks.
    """
    plan, in_the_open, under_masks = bench_plan(), CoordinatorSide(), CoordinatorSide()
    deltas = [_delta(plan, seed) for seed in range(number)]
    plain = [Device(f"{place:08x}", plan, delta) for place, delta in enumerate(deltas)]
    masked = [Device(f"{place:08x}", plan, delta) for place, delta in enumerate(deltas)]
    cohorts = masked_fold(under_masks, plan, masked, silent)
    open_fold(in_the_open, plan, plain)
    return {
        "devices": number,
        "cohorts": cohorts,
        "masked": _cost(under_masks, masked),
        "open": _cost(in_the_open, plain),
    }


def table(found: list[Compared]) -> Table:
    """Return the figures as a table."""
    shown = Table("devices", "cohorts", "", "device sends", "receives", "works", "coordinator works", "fold takes")
    for column in shown.columns:
        column.justify = "right"
    for one in found:
        for name, cost in (("masked", one["masked"]), ("open", one["open"])):
            first = (f"{one['devices']:,}", str(one["cohorts"])) if name == "masked" else ("", "")
            sizes = (f"{cost['sent_kb']:.1f} kB", f"{cost['received_kb']:.1f} kB", f"{cost['device_ms']:.1f} ms")
            shown.add_row(*first, name, *sizes, f"{cost['coordinator_s']:.3f} s", f"{cost['fold_s']:.3f} s")
    return shown


def _delta(plan: Plan, seed: int) -> PromptState:
    rng = np.random.default_rng(seed)
    return {name: (0.01 * rng.standard_normal(shape)).astype(np.float32) for name, shape in layout(plan).items()}


def _cost(coordinator: CoordinatorSide, devices: list[Device]) -> Cost:
    slowest = [max(step) for step in zip_longest(*(device.steps for device in devices), fillvalue=0.0)]
    return {
        "sent_kb": round(sum(device.sent for device in devices) / len(devices) / 1000, 2),
        "received_kb": round(sum(device.received for device in devices) / len(devices) / 1000, 2),
        "device_ms": round(1000 * sum(sum(device.steps) for device in devices) / len(devices), 2),
        "coordinator_s": round(sum(coordinator.steps), 4),
        "fold_s": round(sum(coordinator.steps) + sum(slowest), 4),
    }
