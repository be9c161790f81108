"""A coordinator that is killed again and again loses nothing that it acknowledged, and counts nothing twice."""

import asyncio
import json
import random
import signal
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from mfpt_coord.core import optimiser
from mfpt_coord.core.combine import combine, parts
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.tensors import Array, flatten, initial_state, layout
from support.brokers import free_port
from support.federation import Device, delta_of, rows, running, tiny_plan
from support.inbox import SECONDS
from support.programs import serve
from support.stub import StubTrainer

pytestmark = pytest.mark.network

KILLS: Final = 5
ROUNDS: Final = 12
LANGUAGES: Final = ("swh", "yor", "hau", "swh")
MORE_SECONDS: Final = 90.0


def acknowledged(device: Device) -> list[int]:
    """Return the numbers of the updates that a device made and no longer keeps."""
    outbox = device.folder.outbox()
    return sorted(set(range(1, outbox.last_sequence + 1)) - set(outbox.sequences()))


def replayed(directory: Path, plan: Plan) -> tuple[int, dict[str, Array], dict[str, Array]]:
    """Return the last version, its prompts and the optimiser's memory, from the first prompts and the updates."""
    how = plan.aggregation
    first: dict[tuple[str, int], Array] = {
        (language, version): np.frombuffer(vector, np.float32)
        for language, version, vector in rows(directory, "SELECT language, version, vector FROM prompts")
    }
    deltas = {
        (client, sequence): delta_of(payload, plan)
        for client, sequence, payload in rows(directory, "SELECT client, sequence, payload FROM updates")
    }
    version, prompts, moments = 0, {"und": first["und", 0]}, dict[str, Array]()
    for version, languages, updates, packed in rows(
        directory, "SELECT version, languages, updates, weights FROM folds ORDER BY version"
    ):
        targets = json.loads(languages)
        columns = [(client, sequence) for client, sequence in json.loads(updates)]
        weights = np.frombuffer(packed, np.float64).reshape(len(targets), len(columns))
        # A language that has just joined starts from the prompt that it got with the version before.
        start = np.stack([prompts[target] if target in prompts else first[target, version - 1] for target in targets])
        nothing = np.zeros((optimiser.moment_count(how), start.shape[1]), np.float32)
        steps = combine(weights, np.stack([deltas[column] for column in columns]), how, parts(layout(plan)))
        remembered = np.stack([moments.get(target, nothing) for target in targets])
        moved, remembered = optimiser.apply(start, steps, remembered, how)
        prompts = dict(zip(targets, moved, strict=True))
        moments = dict(zip(targets, remembered, strict=True))
    return version, prompts, moments


async def serve_and_be_killed(directory: Path, port: int, devices: list[Device]) -> None:
    """Kill the coordinator at random (seeded) points of the devices' work, and restart it at once each time."""
    rng = random.Random(20)
    total = ROUNDS * len(devices)
    points = sorted(rng.sample(range(1, total - len(devices)), KILLS))
    plan_file = str(directory / "plan.toml")
    for point in points:
        async with serve(directory, directory / "data", "--plan", plan_file, "--keep", "forever", port=port) as serving:
            while sum(device.client.snapshot.rounds for device in devices) < point:
                waits = [asyncio.ensure_future(_another_round(device)) for device in devices]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=SECONDS)
                for wait in waits:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)
                assert serving.process.returncode is None, "".join(serving.log)
            await asyncio.sleep(rng.uniform(0, 0.05))  # somewhere in the middle of what comes next
            assert await serving.end(signal.SIGKILL) == -signal.SIGKILL


async def _another_round(device: Device) -> None:
    before = device.client.snapshot.rounds
    await device.until(lambda seen: seen.rounds > before, MORE_SECONDS)


@pytest.mark.slow
def test_a_killed_coordinator_loses_no_acknowledged_update_and_counts_none_twice(tmp_path: Path) -> None:
    plan = tiny_plan(buffer=3, optimiser="momentum", momentum=0.5)
    (tmp_path / "plan.toml").write_text(plan_to_toml(plan), encoding="utf-8")
    data = tmp_path / "data"

    async def scenario() -> list[Device]:
        port = free_port()
        devices: list[Device] = []
        async with serve(
            tmp_path, data, "--plan", str(tmp_path / "plan.toml"), "--keep", "forever", port=port
        ) as serving:
            for number, language in enumerate(LANGUAGES):
                trainer = StubTrainer(step=0.1 * (1 + number), examples=10 * (1 + number))
                folder = tmp_path / f"device{number}"
                devices.append(Device(folder, language, serving.address, trainer, rounds=ROUNDS))
        async with running(*devices):
            await serve_and_be_killed(tmp_path, port, devices)
            async with serve(tmp_path, data, "--keep", "forever", port=port) as serving:
                for device in devices:
                    await device.until(lambda seen: seen.rounds == ROUNDS, MORE_SECONDS)
                assert await serving.end(signal.SIGTERM) == 0
        return devices

    devices = asyncio.run(asyncio.wait_for(scenario(), 150))

    stored = rows(data, "SELECT client, sequence FROM updates ORDER BY client, sequence")
    expected = sorted((device.identity.client, number) for device in devices for number in acknowledged(device))
    assert len(expected) >= ROUNDS * len(devices)
    assert [update for update in stored if update in set(expected)] == expected, "exactly once each"
    assert len(stored) == len(set(stored))

    folded = [tuple(update) for (updates,) in rows(data, "SELECT updates FROM folds") for update in json.loads(updates)]
    assert len(folded) == len(set(folded)), "no update is in two versions"
    in_books = rows(data, "SELECT client, sequence FROM updates WHERE fold IS NOT NULL")
    assert sorted(folded) == sorted(in_books)

    version, prompts, moments = replayed(data, plan)
    remembered = dict(rows(data, "SELECT language, vectors FROM moments"))
    newest = dict(rows(data, f"SELECT language, vector FROM prompts WHERE version = {version}"))
    assert version >= len(folded) / 3
    assert newest.keys() == prompts.keys() == {"und", *LANGUAGES}
    np.testing.assert_array_equal(
        np.frombuffer(
            rows(data, "SELECT vector FROM prompts WHERE language = 'und' AND version = 0")[0][0], np.float32
        ),
        flatten(initial_state(plan), layout(plan)),
    )
    for language, vector in newest.items():
        np.testing.assert_allclose(
            np.frombuffer(vector, np.float32), prompts[language], rtol=1e-5, atol=1e-5, err_msg=language
        )
        found = np.frombuffer(remembered[language], np.float32).reshape(moments[language].shape)
        np.testing.assert_allclose(found, moments[language], rtol=1e-5, atol=1e-5, err_msg=language)
