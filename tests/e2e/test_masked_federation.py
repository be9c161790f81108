"""A federation under masks: real coordinator, real devices with trainers that only do arithmetic, a real broker."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from mfpt_shared.device.trainer import OnProgress, Tuned
from mfpt_shared.languages import LanguageCode
from mfpt_shared.masking.grid import Extras, grid
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Masked, Offer, Update, UpdateHeader
from mfpt_shared.tensors import PromptState, flatten, initial_state, layout, quantise, size, unflatten
from support.brokers import embedded
from support.federation import LANGUAGES, Device, coordinating, running, stored_prompts
from support.inbox import SECONDS
from support.masked_federation import listening, masked_plan
from support.stub import StubTrainer

pytestmark = pytest.mark.network

CHANCE: Final = 6.0
"""Standard deviations of the correlation with random numbers, which nothing exceeds by chance."""


def wide_plan() -> Plan:
    """Return a plan with some thousand values, so that a correlation is told from chance."""
    return masked_plan(
        buffer=3, backbone=BackboneSpec(uri="path:none", width=64, layers=2), prompt=PromptSpec(tokens=14)
    )


def delta_of(language: str, plan: Plan) -> PromptState:
    """Return what training changes on the device of a language."""
    rng = np.random.default_rng(LANGUAGES.index(LanguageCode(language)))
    return unflatten((0.02 * rng.standard_normal(size(layout(plan)))).astype(np.float32), layout(plan))


class Patterned(StubTrainer):
    """Changes every value by another amount."""

    def __init__(self, delta: PromptState) -> None:
        super().__init__()
        self._delta = delta

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        del epochs, seed, on_progress, hold_out
        return Tuned({name: array + self._delta[name] for name, array in start.items()}, 1.0, epochs=1)


def loudest(payloads: list[bytes], wanted: NDArray[Any]) -> float:
    """Return the largest correlation of numbers with what payloads hold at any place, as 8 or 16 bits."""
    return max((abs(one) for payload in payloads for one in _correlations(payload, wanted)), default=0.0)


def _correlations(payload: bytes, wanted: NDArray[Any]) -> Iterator[float]:
    centred = (wanted - wanted.mean()) / wanted.std()
    for kind in (np.int8, np.uint8, np.int16, np.uint16):
        width = np.dtype(kind).itemsize
        for start in range(width):
            numbers = np.frombuffer(payload[start : start + (len(payload) - start) // width * width], kind)
            if len(numbers) >= len(wanted):
                windows = np.lib.stride_tricks.sliding_window_view(numbers.astype(np.float64), len(wanted))
                spread = windows.std(axis=1)
                found = windows @ centred / len(wanted) / np.where(spread > 0, spread, 1.0)
                yield float(np.abs(found).max())


def test_a_masked_fold_is_the_mean_of_updates_of_which_the_broker_has_seen_nothing(tmp_path: Path) -> None:
    plan = wide_plan()
    deltas = {language: delta_of(language, plan) for language in LANGUAGES}

    async def scenario() -> list[bytes]:
        async with (
            embedded(tmp_path / "broker") as broker,
            listening(broker.address) as ear,
            coordinating(tmp_path, plan, broker.address, folds=1) as (_, serving),
        ):
            devices = [
                Device(tmp_path / language, language, broker.address, Patterned(delta), rounds=1)
                for language, delta in deltas.items()
            ]
            async with running(*devices) as ended:
                await asyncio.wait_for(ended, SECONDS)
            await asyncio.wait_for(serving, SECONDS)
            await ear.until(Masked, 3)
            assert [device.client.snapshot.added_up for device in devices] == ["added up with 2 others"] * 3
            assert len(ear.said(Offer)) >= 3
            assert ear.said(Update) == []
            return ear.payloads

    said = asyncio.run(asyncio.wait_for(scenario(), 60))

    flat = {language: flatten(delta, layout(plan)) for language, delta in deltas.items()}
    steps = grid(plan).spacing
    expected = flatten(initial_state(plan), layout(plan)) + np.mean(list(flat.values()), axis=0)
    for state in stored_prompts(tmp_path, plan, version=1).values():
        assert (np.abs(flatten(state, layout(plan)) - expected) <= 1.01 * steps).all()
    for language, delta in deltas.items():
        codes, _ = grid(plan).encode(delta, 1.0, Extras(None, 0.5))
        assert not any(codes.tobytes() in payload or flat[language].tobytes() in payload for payload in said)
        limit = CHANCE / np.sqrt(len(flat[language]))
        assert loudest(said, flat[language]) < limit, "masks hide what is under them"
        header = UpdateHeader(sequence=1, language=language, base_version=0, examples=1, plan="p", backbone="b")
        in_the_open = encode(Update(header, {"prompt": quantise(delta["prompt"])}))
        assert loudest([in_the_open], delta["prompt"].ravel()) > 3 * limit, "what is in the open would be found"
