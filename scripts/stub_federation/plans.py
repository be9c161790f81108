"""The plan of a federation of stub devices."""

from typing import Final

from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, PromptSpec, Task, Training, checked

LANGUAGES: Final = ("swh", "zul", "yor", "amh")
FEDERATION: Final = "stubs"


def stub_plan(devices: int, buffer: int) -> Plan:
    """Return a plan with small updates, for which all devices may be at work at once.

    Args:
        devices: Number of devices.
        buffer: Updates of a fold.
    """
    return checked(
        Plan(
            federation=FEDERATION,
            task=Task(labels=("good", "bad")),
            backbone=BackboneSpec(uri="path:none", width=8, layers=2),
            prompt=PromptSpec(tokens=4),
            training=Training(head_start="zero"),
            aggregation=Aggregation(
                buffer=buffer, start_together=0, concurrency=devices, max_staleness=1_000_000, proximity="uniform"
            ),
        )
    )
