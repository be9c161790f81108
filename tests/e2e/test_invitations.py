"""What volunteers see: `mfpt-edge join` with invitations, good and bad, as processes beside `mfpt-coord serve`."""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import pytest

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.keys import fingerprint
from mfpt_shared.plan import Plan
from support.backbones import tiny_spec
from support.certificates import Authority
from support.federation import tiny_plan
from support.neighbour import FEDERATION, plan_file
from support.newcomer import Newcomer
from support.operating import Operator
from support.programs import Serving, messages, run, serve, variables
from support.sealing import key_of

pytestmark = pytest.mark.network
ANOTHER: Final = key_of("another coordinator").public
Completed: TypeAlias = "subprocess.CompletedProcess[str]"


def beside_a_coordinator(
    tmp_path: Path,
    scenario: Callable[[Operator, Serving], Awaitable[None]],
    *options: str,
    of: Plan | None = None,
) -> None:
    async def served() -> None:
        data, plan = tmp_path / "data", str(plan_file(tmp_path, of))
        async with serve(tmp_path, data, "--closed", "--plan", plan, *options) as serving:
            await scenario(Operator(tmp_path, data), serving)

    asyncio.run(asyncio.wait_for(served(), 120))


async def joined(home: Path, name: str, *arguments: str) -> Completed:
    """Run `mfpt-edge join` with a state folder of this name."""
    folder = ("--state-dir", str(home / name))
    return await asyncio.to_thread(run, home, "mfpt_edge", "join", *arguments, "--lang", "sw", *folder)


def refusal(result: Completed) -> str:
    """Return the one line with which a command ends that was refused."""
    assert result.returncode == 5, result.stderr
    (line,) = messages(result)
    assert line.startswith("mfpt-edge: ")
    assert result.stdout == ""
    return line


@pytest.mark.slow
def test_each_bad_invitation_is_told_in_one_line_with_exit_code_5(tmp_path: Path) -> None:
    async def scenario(operator: Operator, serving: Serving) -> None:
        good, used, expired = (
            await operator.invites(),
            await operator.invites(uses=1),
            await operator.invites(seconds=0.001),
        )
        await Newcomer(used, "first").is_admitted()
        line = InvitationLine.parse(good)
        secret = "A" * len(line.secret)
        wrong, foreign = str(replace(line, secret=secret)), str(replace(line, key=ANOTHER))
        results = await asyncio.gather(
            joined(tmp_path, "wrong", wrong),
            joined(tmp_path, "used", used),
            joined(tmp_path, "expired", expired),
            joined(tmp_path, "foreign", foreign),
            joined(tmp_path, "uninvited", "--federation", FEDERATION, "--broker", str(serving.address)),
        )
        told = [refusal(result) for result in results]
        for each, problem in zip(
            told,
            ("not known there", "used", "expired", fingerprint(ANOTHER), "takes an invitation: mfpt-edge join"),
            strict=True,
        ):
            assert problem in each
        assert fingerprint(line.key) in told[3]
        assert not any(line.secret in each or secret in each for each in told)
        assert not list(tmp_path.glob("*/membership.json"))

    beside_a_coordinator(tmp_path, scenario)


@pytest.mark.parametrize("given", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["its own", "given"])
def test_a_broker_with_the_wrong_certificate_is_told_in_one_line_with_exit_code_5(given: bool, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    certificate = authority.issue("broker", "127.0.0.1")
    options = ("--tls-cert", str(certificate.cert), "--tls-key", str(certificate.key)) if given else ("--tls",)

    async def scenario(operator: Operator, _: Serving) -> None:
        line = await operator.invites()
        if given:
            result = await joined(tmp_path, "unknown", line, "--ca-file", str(other.certificate))
        else:
            result = await joined(tmp_path, "foreign", str(replace(InvitationLine.parse(line), key=ANOTHER)))
        assert re.search("certificate|CA", refusal(result))
        assert not await operator.devices()

    beside_a_coordinator(tmp_path, scenario, *options)


def test_an_invitation_leads_to_a_broker_whose_certificate_a_known_authority_has_issued(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("broker", "127.0.0.1")
    known = {"SSL_CERT_FILE": str(authority.certificate)}

    async def scenario(operator: Operator, _: Serving) -> None:
        line = await operator.invites(role="reader")
        command = ("mfpt_edge", "join", line, "--lang", "sw", "--state-dir", str(tmp_path / "reader"))
        result = await asyncio.to_thread(run, tmp_path, *command, extra=known)
        assert result.returncode == 0, result.stderr

    options = ("--tls-cert", str(certificate.cert), "--tls-key", str(certificate.key))
    beside_a_coordinator(tmp_path, scenario, *options)


def test_a_reader_is_admitted_and_told_what_to_do_with_it(tmp_path: Path) -> None:
    async def scenario(operator: Operator, serving: Serving) -> None:
        line = await operator.invites(role="reader")
        result = await joined(tmp_path, "reader", line)
        assert result.returncode == 0, result.stderr
        told = " ".join(result.stdout.split())
        assert "as a reader, which does not train" in told
        assert f"mfpt-edge predict --lang swh --federation {FEDERATION}" in told
        status = ("status", "--lang", "sw", "--state-dir", str(tmp_path / "reader"))
        shown = json.loads((await asyncio.to_thread(run, tmp_path, "mfpt_edge", *status, "--json")).stdout)
        assert (shown["federation"], shown["role"]) == (FEDERATION, "reader")
        assert shown["broker"] == str(serving.address)
        assert shown["coordinator"] == fingerprint(InvitationLine.parse(line).key)

    beside_a_coordinator(tmp_path, scenario)


@contextlib.asynccontextmanager
async def joining(home: Path, *arguments: str) -> AsyncIterator[tuple[Process, list[str]]]:
    """Run `mfpt-edge join` from the moment it is connected; the lines are those that it writes for people."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mfpt_edge", "join", *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=PIPE,
        env=variables(home),
    )
    lines: list[str] = []
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            lines.append(line.decode())
            if "connected to" in lines[-1]:
                break
        yield process, lines
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.slow
def test_a_volunteer_is_invited_trains_comes_back_and_is_revoked_while_connected(
    tmp_path: Path, tiny_folder: Callable[[str], Path]
) -> None:
    backbone = tiny_spec(tiny_folder("Bert"))
    data = tmp_path / "own.csv"
    data.write_text("text,label\n" + "the food was great,good\nthe food was awful,bad\n" * 20, encoding="utf-8")
    options = ("--data", str(data), "--allow-backbone", backbone.uri, "--no-alone", "--activation-cache", "0")

    async def scenario(operator: Operator, _: Serving) -> None:
        made = await operator.does("invite", "--lang", "sw")
        first = await joined(tmp_path, "device", made["line"], *options, "--rounds", "1")
        assert first.returncode == 0, first.stderr
        device = DeviceFolder(tmp_path / "device").identity()
        assert device is not None

        again = ("--lang", "sw", "--federation", FEDERATION, "--state-dir", str(tmp_path / "device"), *options)
        async with joining(tmp_path, *again) as (process, lines):
            await operator.does("devices", "revoke", device.client)
            assert process.stderr is not None
            lines += [line.decode() async for line in process.stderr]
            assert await process.wait() == 5
        # What was being loaded may still say so afterwards.
        (told,) = [line for line in lines if line.startswith("mfpt-edge: ")]
        assert "revoked" in told
        assert "ask for a new invitation" in told
        assert not any("Traceback" in line for line in lines)

        back = await joined(tmp_path, "device", "--federation", FEDERATION, *options)
        assert "may have been revoked: ask for a new invitation" in refusal(back)

    beside_a_coordinator(tmp_path, scenario, of=msgspec.structs.replace(tiny_plan(), backbone=backbone))
