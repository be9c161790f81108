"""What the owner of a running device can ask it: how it does, who helps, and what has left it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Final

import msgspec
import pytest

from mfpt_edge.session.control import ask
from mfpt_edge.session.orders import DeviceReport, ShowDevice, ShowSent
from mfpt_edge.storage.sent_report import SentReport
from mfpt_shared.errors import ConnectionFailed
from support.backbones import tiny_spec
from support.federation import tiny_plan
from support.neighbour import FEDERATION, plan_file
from support.operating import Operator
from support.programs import run, serve, variables

pytestmark = [pytest.mark.network, pytest.mark.slow]
SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.2


def rows() -> Iterator[str]:
    """Yield examples, each of them another: what is measured on one that was trained on tells nothing."""
    for label, words in (
        ("good", ("good", "fine", "great", "good and fine")),
        ("bad", ("bad", "poor", "awful", "bad a")),
    ):
        for thing, word in product(("food", "a", "b", "c", "d"), words):
            yield f"the {thing} was {word},{label}\n"


async def shown(folder: Path, enough: Callable[[DeviceReport], bool]) -> DeviceReport:
    """Ask a device how it does until that is enough."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                report = await asyncio.to_thread(ask, folder, ShowDevice(), DeviceReport)
            except ConnectionFailed:
                report = None
            if report is not None and enough(report):
                return report
            await asyncio.sleep(LOOK_SECONDS)


def test_an_owner_sees_how_the_device_does_who_helps_it_and_all_that_has_left_it(
    tmp_path: Path, tiny_folder: Callable[[str], Path]
) -> None:
    backbone, state = tiny_spec(tiny_folder("Bert")), tmp_path / "device"
    plan = plan_file(tmp_path, msgspec.structs.replace(tiny_plan(), backbone=backbone))
    data = tmp_path / "own.csv"
    data.write_text("text,label\n" + "".join(rows()), encoding="utf-8")
    options = ("--data", str(data), "--allow-backbone", backbone.uri, "--no-alone", "--activation-cache", "0")
    place = ("--lang", "sw", "--federation", FEDERATION, "--state-dir", str(state))

    async def scenario() -> tuple[DeviceReport, SentReport]:
        async with serve(tmp_path, tmp_path / "data", "--closed", "--plan", str(plan)):
            line = await Operator(tmp_path, tmp_path / "data").invites()
            command = ("-m", "mfpt_edge", "join", line, "--lang", "sw", "--state-dir", str(state), *options)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=variables(tmp_path),
            )
            try:
                device = await shown(state, lambda now: now.snapshot.rounds > 1 and bool(now.snapshot.helped_by))
                left = await asyncio.to_thread(ask, state, ShowSent(), SentReport)
            finally:
                process.terminate()
                await asyncio.wait_for(process.wait(), SECONDS)
            return device, left

    device, left = asyncio.run(asyncio.wait_for(scenario(), 2 * SECONDS))

    seen = device.snapshot
    assert 0 < seen.examples <= 40
    assert seen.helped_by == {"swh": 1.0}
    measured = [point for point in seen.curve if point.federated is not None]
    assert measured
    assert all(point.alone is not None and point.used is not None and point.share is not None for point in measured)
    assert {"enrol", "last-will", "state", "ready", "update"} <= left.totals.keys()
    enrolled = left.messages[0]
    assert {part.name for part in enrolled.parts if set(part.value) == {"*"}} == {"password", "client", "proof"}

    listed = json.loads(run(tmp_path, "mfpt_edge", "sent", *place, "--json").stdout)
    assert [one["number"] for one in listed["messages"]][: len(left.messages)] == [one.number for one in left.messages]
    update = next(one for one in left.messages if one.kind == "update")
    one = run(tmp_path, "mfpt_edge", "sent", str(update.number), *place).stdout
    assert "head.weight:scale" in one
    assert f"{update.payload_bytes:,}" in one
    status = json.loads(run(tmp_path, "mfpt_edge", "status", *place, "--json").stdout)
    assert status["helped_by"] == {"swh": 1.0}
