"""Things that go wrong in a small world, one after the other, drawn from its seed."""

import asyncio
from typing import Final

from support.rough_broker import Hearing
from support.small_world import COORDINATOR, World

PAUSE_SECONDS: Final = 12.0
BROKER_SECONDS: Final = 8.0
DISK_SECONDS: Final = 20.0
"""Longest pause between two faults, and longest times for which the broker is away and the disk full."""


async def misfortune(world: World) -> None:
    """Kill processes, cut connections, fill the disk, kill, replace or deafen the broker, until the world heals."""
    while world.age < world.setting.heals_after:
        await asyncio.sleep(world.rng.uniform(0, PAUSE_SECONDS))
        match world.rng.choice(["kill", "kill", "cut", "cut", "full disk", "deaf broker", "broker", "fresh broker"]):
            case "kill":
                world.kill(world.rng.choice([COORDINATOR, *world.devices]))
            case "cut":
                cut_one(world)
            case "full disk":
                await fill_the_disk(world)
            case "deaf broker":
                world.faults += 1
                world.broker.hearing = world.rng.choice([*Hearing])
            case what:
                await restart_the_broker(world, forgets=what == "fresh broker")


def cut_one(world: World) -> None:
    """Cut a connection, drawn from those that stand."""
    standing = [client for client in world.broker.clients.values() if client.is_up]
    if standing:
        world.faults += 1
        world.rng.choice(standing).cut()


async def restart_the_broker(world: World, *, forgets: bool) -> None:
    """Kill the broker, and start it a while later, with its folder or with a fresh one."""
    world.faults += 1
    world.broker.stop(forgets=forgets)
    await asyncio.sleep(world.rng.uniform(0, BROKER_SECONDS))
    world.broker.start()


async def fill_the_disk(world: World) -> None:
    """Let the coordinator's disk be full for a while."""
    world.faults += 1
    world.disk_is_full = True
    await asyncio.sleep(world.rng.uniform(0, DISK_SECONDS))
    world.disk_is_full = False
