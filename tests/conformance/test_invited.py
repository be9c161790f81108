"""By invitation into a closed federation: the second client, and the real coordinator with the broker that asks it.

Invitations, accounts, rights and rounds are those of `mfpt-coord serve`; the orders come from the test.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from conformance.v2.folder import Folder
from mfpt_shared.invitation import InvitationLine
from support.closed import Closed, closed
from support.federation import rows
from support.second_client import SecondClient, second_client

pytestmark = pytest.mark.network


@contextlib.asynccontextmanager
async def joining(federation: Closed, line: InvitationLine, name: str, rounds: int = 2) -> AsyncIterator[SecondClient]:
    """Run a second client with an invitation."""
    libraries = federation.folder / f"libraries-{len(list(federation.folder.glob('libraries-*')))}"
    async with second_client(libraries, str(line), "swh", federation.folder / name, rounds=rounds) as client:
        yield client


def in_a_closed_federation(folder: Path, scenario: Callable[[Closed], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), closed(folder) as federation:
            await scenario(federation)

    asyncio.run(run())


def test_an_invited_device_finishes_rounds(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        async with joining(federation, await federation.invite(language="swh"), "swh") as client:
            await client.until_it_leaves()

    in_a_closed_federation(tmp_path, scenario)
    assert rows(tmp_path, "SELECT client, sequence FROM updates") == [(Folder(tmp_path / "swh").id, n) for n in (1, 2)]


def test_a_device_that_was_admitted_comes_back_without_asking(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        line = await federation.invite()
        for asked in (1, 0):
            async with joining(federation, line, "swh", rounds=1) as client:
                await client.until_it_leaves()
            assert len(client.reported("admitted")) == asked

    in_a_closed_federation(tmp_path, scenario)


async def refusal_of(federation: Closed, line: InvitationLine, name: str) -> str:
    """Return why a second client did not come in, which ends it with the code of authentication."""
    async with joining(federation, line, name) as client:
        why = str((await client.until("failed"))["why"])
        assert await client.process.wait() == 5
    return why


def test_an_invitation_that_is_used_up_admits_nobody(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        line = await federation.invite(uses=1)
        async with joining(federation, line, "first") as first:
            await first.until_it_leaves()
        assert "(used)" in await refusal_of(federation, line, "second")

    in_a_closed_federation(tmp_path, scenario)


def test_an_invitation_that_has_expired_admits_nobody(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        line = await federation.invite(expires=time.time() - 1)
        assert "(expired)" in await refusal_of(federation, line, "late")

    in_a_closed_federation(tmp_path, scenario)


def test_an_invitation_for_another_language_admits_nobody(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        line = await federation.invite(language="zul")
        assert "(language)" in await refusal_of(federation, line, "swh")

    in_a_closed_federation(tmp_path, scenario)


def test_whoever_was_not_invited_is_not_let_in(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        assert "refused the login" in await refusal_of(federation, federation.line(), "stranger")

    in_a_closed_federation(tmp_path, scenario)


def test_a_revoked_device_is_cut_off_and_does_not_come_back(tmp_path: Path) -> None:
    async def scenario(federation: Closed) -> None:
        line = await federation.invite()
        async with joining(federation, line, "swh", rounds=1000) as client:
            device = (await client.until("admitted"))["id"]
            await client.until("ack")
            await federation.revoke(device)
            await client.process.wait()
        assert "refused the login" in await refusal_of(federation, line, "swh")

    in_a_closed_federation(tmp_path, scenario)
