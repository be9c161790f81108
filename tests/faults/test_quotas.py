"""Devices that are cut off again and again send more than they may: what is refused is sent again, and not lost."""

import asyncio
from pathlib import Path

import pytest

from mfpt_coord.server import quotas
from support.federation import tiny_plan
from support.small_world import World, lived
from support.world_setting import Setting


async def storm(world: World) -> None:
    """Let the broker be away for a moment, every few seconds: everybody comes back at once each time."""
    while world.age < world.setting.heals_after:
        await asyncio.sleep(world.rng.uniform(1, 5))
        world.faults += 1
        world.broker.stop()
        world.broker.start()


def test_updates_that_a_quota_refuses_are_sent_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "BURST", 4.0)
    monkeypatch.setattr(quotas, "PER_SECOND", 0.5)
    refused: list[int] = []

    async def chaos(world: World) -> None:
        await storm(world)
        assert world.coordinator is not None
        refused.append(world.coordinator.status().refused.get("too many", 0))

    setting = Setting(tiny_plan(buffer=2), ("swh", "yor", "hau"), rounds=6, chaos=chaos, heals_after=60)
    _, ledger = lived(folder, setting)
    ledger.check_to_the_last()
    assert len(ledger.acknowledged) >= 3 * 6
    assert refused[0] > 5
