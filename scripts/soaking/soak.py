"""A soak: faults and samples until the time is up, then a quiet end, at which everything must add up."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from machine import machine
from mfpt_shared.errors import MfptError
from soaking.audit import Audit, Ledger, audit
from soaking.faults import choose
from soaking.field import Field, field_of
from soaking.looks import look
from soaking.result import Soak
from soaking.series import Sample, trends

_MOST_AT_ONCE: Final = 5
_RECOVER_SECONDS: Final = 60.0
"""How long devices may take, when nothing goes wrong any more, to get rid of what waits in their outboxes."""
_FOLD_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.5

Say = Callable[[str], None]
"""Tells how far it is."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a soak is, and how dense.

    Attributes:
        seconds: Time in which faults happen.
        every: Mean time between two faults, seconds.
        sample: Time between two samples, seconds.
        warm_up: Time at the beginning of a process's life that does not count for its growth, seconds.
    """

    seconds: float
    every: float
    sample: float
    warm_up: float


@dataclass(slots=True)
class _Notes:
    """What is gathered meanwhile."""

    ledger: Ledger = field(default_factory=Ledger)
    samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


async def soak(folder: Path, devices: int, seed: int, pace: Pace, say: Say) -> Soak:
    """Run a federation under random faults.

    Args:
        folder: Empty folder for everything that is written.
        devices: Number of devices.
        seed: Seed of what is random; what happens when depends on the machine as well.
        pace: How long, and how dense.
        say: Tells how far it is.

    Raises:
        MfptError: The coordinator does not start, or not again.
    """
    notes = _Notes()
    async with field_of(folder, devices, seed, notes.ledger.hear) as ground:
        sampling = asyncio.create_task(_sample(ground, notes, pace, say))
        try:
            await _harm(ground, notes, pace, sampling)
            await _recover(ground)
        finally:
            sampling.cancel()
            with suppress(asyncio.CancelledError):
                await sampling
        await asyncio.gather(*(cell.process.leave() for cell in ground.cells))
        found = await _settled(ground, notes)
        return Soak(
            minutes=pace.seconds / 60,
            devices=devices,
            seed=seed,
            faults=dict(ground.done),
            disturbed=dict(notes.ledger.disturbed),
            lost_connections=notes.ledger.lost_connections,
            updates=found,
            in_outboxes=len(ground.outboxes()),
            ended=dict(notes.ledger.ended),
            problems=notes.problems,
            trends=trends(notes.samples, pace.warm_up),
            series=notes.samples,
            machine=machine(),
        )


async def _harm(ground: Field, notes: _Notes, pace: Pace, sampling: "asyncio.Task[None]") -> None:
    """Do faults until the time is up, and wait until the last is mended; a soak that is not looked at ends at once."""
    end, running = time.monotonic() + pace.seconds, set[asyncio.Task[None]]()
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, ground.chance.expovariate(1 / pace.every)))
        if sampling.done():
            break
        running = {task for task in running if not task.done()}
        if len(running) < _MOST_AT_ONCE and time.monotonic() < end:
            running.add(asyncio.create_task(_do(ground, notes)))
    await asyncio.gather(*running)


async def _do(ground: Field, notes: _Notes) -> None:
    try:
        ground.done[await choose(ground).do(ground)] += 1
    except (MfptError, OSError) as error:
        notes.problems.append(f"{type(error).__name__}: {error}")


async def _recover(ground: Field) -> None:
    """Wait until nothing that waits on a device now does so any longer, or the time is up."""
    end = time.monotonic() + _RECOVER_SECONDS
    if ground.service.pid is None:
        await ground.service.start()
    waiting = ground.outboxes()
    while waiting & ground.outboxes() and time.monotonic() < end:
        await asyncio.sleep(_LOOK_SECONDS)  # folders tell nothing unasked


async def _settled(ground: Field, notes: _Notes) -> Audit:
    """Return how it stands once the coordinator has folded what came last, or the time is up.

    Raises:
        sqlite3.Error: The database cannot be read even then.
    """
    end = time.monotonic() + _FOLD_SECONDS
    while time.monotonic() < end:
        with suppress(sqlite3.Error):
            found = await asyncio.to_thread(audit, ground.service.database, notes.ledger.snapshot())
            if not found.waiting:
                return found
        await asyncio.sleep(_LOOK_SECONDS)  # nor does the database
    return await asyncio.to_thread(audit, ground.service.database, notes.ledger.snapshot())


async def _sample(ground: Field, notes: _Notes, pace: Pace, say: Say) -> None:
    """Look at everything now and then."""
    began = time.monotonic()
    while True:
        with suppress(sqlite3.Error):  # between two starts of the coordinator
            found = await asyncio.to_thread(audit, ground.service.database, notes.ledger.snapshot())
            notes.samples.append(look(ground.service, found, time.monotonic() - began))
            say(_progress(notes.samples[-1], ground, pace))
        await asyncio.sleep(pace.sample)


def _progress(sample: Sample, ground: Field, pace: Pace) -> str:
    return (
        f"{sample.seconds / 60:.1f} of {pace.seconds / 60:g} min: {ground.done.total()} faults, "
        f"{sample.acknowledged} acknowledged, {sample.folded} folded, {sample.lost} lost, {sample.twice} twice"
    )
