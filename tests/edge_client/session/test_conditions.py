"""When a device may train: what was set, the machine, the month's upload; and it hears of changes at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from mfpt_edge.host.pauses import Courtesy, Machine, Pauses
from mfpt_edge.session.conditions import Conditions
from mfpt_edge.storage.settings import Said, Settings, read_settings, write_settings
from mfpt_edge.storage.uploaded import Uploaded
from mfpt_shared.errors import UsageError

NOON = datetime(2026, 11, 26, 12)


def conditions(folder: Path, said: Said = Said(), sent: int = 0, load: float = 0.0) -> Conditions:  # noqa: B008
    machine = Machine(lambda: load, lambda: True, clock=lambda: 0.0, wait=lambda _: None, local_time=lambda: NOON)
    uploaded = Uploaded(folder)
    uploaded.note(sent)
    return Conditions(folder, said, Courtesy(machine, Pauses(), threads=1), uploaded)


def scenario(run: Callable[[], Awaitable[None]]) -> None:
    async def within_a_time() -> None:
        await asyncio.wait_for(run(), 10)

    asyncio.run(within_a_time())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(), ""),
        (Settings(paused=True), "paused"),
        (Settings(hours="22-6"), "between 22:00 and 6:00"),
        (Settings(hours="11-13"), ""),
        (Settings(max_load=0.5), "load of 2.0"),
        (Settings(on_battery="pause"), "battery"),
        (Settings(max_upload=1_000_000), "2.0 MB were sent this month, and 1.0 MB may be"),
        (Settings(max_upload=3_000_000), ""),
    ],
)
def test_what_is_set_says_whether_a_training_may_begin(tmp_path: Path, settings: Settings, words: str) -> None:
    async def run() -> None:
        write_settings(tmp_path, settings)
        against = conditions(tmp_path, sent=2_000_000, load=2.0).against
        assert words in against
        assert bool(words) == bool(against)

    scenario(run)


def test_whoever_waits_hears_at_once_that_the_owner_has_paused_and_resumed(tmp_path: Path) -> None:
    async def run() -> None:
        device = conditions(tmp_path)
        for paused in (True, False):
            waiting = asyncio.create_task(device.changed())
            await asyncio.sleep(0)
            device.change(replace(device.settings, paused=paused))
            assert bool(await waiting) == paused
        assert read_settings(tmp_path) == Settings()

    scenario(run)


def test_what_the_command_line_says_is_not_kept_and_what_the_owner_changes_is(tmp_path: Path) -> None:
    async def run() -> None:
        device = conditions(tmp_path, Said(hours="11-13", max_load=9.0))
        device.change(replace(device.settings, hours="22-6"))
        assert read_settings(tmp_path) == Settings(hours="22-6")
        assert device.settings == Settings(hours="22-6", max_load=9.0)

    scenario(run)


def test_hours_that_are_none_change_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        device = conditions(tmp_path)
        with pytest.raises(UsageError):
            device.change(Settings(hours="late"))
        assert device.settings == read_settings(tmp_path) == Settings()

    scenario(run)
