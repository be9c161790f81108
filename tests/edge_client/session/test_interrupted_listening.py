"""Somebody presses Ctrl-C while a device listens after its last round."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mfpt_edge.session import client
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.saved_prompt import kept_model
from mfpt_shared.device.own_share import SHARES
from mfpt_shared.protocol.messages import Ack, Update
from mfpt_shared.protocol.topics import PROMPT
from mfpt_shared.tensors import PromptState
from support.device import Running, assigned, next_up
from support.keeper import Keeper
from support.session import SWAHILI, broker_of_a_running_federation, prompt_of, said
from support.stub import Gate

SECONDS = 10.0


class SlowToFit(Keeper):
    """Fits its second head only when a gate is open."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(SHARES[5])
        self._fitted = 0
        self._held = gate

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        self._fitted += 1
        if self._fitted > 1:
            self._held.wait(lambda *_: None)
        return super().with_own_head(state, share)


@asynccontextmanager
async def listening(folder: Path, trainer: Keeper) -> AsyncIterator[Running]:
    """Run a device that made its only round from version 7, and holds version 9 by now."""
    async with assigned(folder, broker_of_a_running_federation(7), 7, trainer=trainer, rounds=1) as running:
        await next_up(running.spy, Update)
        running.told(Ack(sequence=1))
        running.hears(said(PROMPT, prompt_of(9), SWAHILI))
        while running.client.snapshot.version != 9:
            await asyncio.sleep(0)
        assert running.client.snapshot.listens
        yield running


def test_it_uses_the_newest_prompt_that_it_holds_with_a_head_fitted_to_that(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with listening(tmp_path, Keeper(SHARES[5])) as running:
            running.ended.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running.ended

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))
    header = kept_model(DeviceFolder(tmp_path)).prompt.header
    assert (header.version, header.own_share) == (9, SHARES[5])


def test_where_fitting_takes_long_it_uses_the_older_prompt_with_the_head_fitted_to_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "FIT_SECONDS", 0.05)
    gate = Gate()

    async def scenario() -> None:
        async with listening(tmp_path, SlowToFit(gate)) as running:
            running.ended.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running.ended
            gate.open.set()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))
    header = kept_model(DeviceFolder(tmp_path)).prompt.header
    assert (header.version, header.own_share) == (7, SHARES[5])


def test_whoever_presses_ctrl_c_again_does_not_wait_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIT_SECONDS", 10 * SECONDS)
    gate = Gate()

    async def scenario() -> None:
        async with listening(tmp_path, SlowToFit(gate)) as running:
            running.ended.cancel()
            assert await asyncio.to_thread(gate.reached.wait, SECONDS)
            running.ended.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running.ended
            assert not gate.open.is_set()
            gate.open.set()

    asyncio.run(asyncio.wait_for(scenario(), SECONDS))
    assert kept_model(DeviceFolder(tmp_path)).prompt.header.version == 7
