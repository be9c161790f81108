"""What the page steers and asks: orders for the device, its settings, what left it, and what it makes of a text."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mfpt_edge.host.hours import Hours
from mfpt_edge.page.children import computed
from mfpt_edge.page.devices import Devices
from mfpt_edge.page.relay import asked
from mfpt_edge.page.runs import Runs
from mfpt_edge.page.state import state_of
from mfpt_edge.session.control import LEAVE_SECONDS
from mfpt_edge.session.orders import Change, Leave, Order, Pause, Resume, ShowSent
from mfpt_edge.storage.forgetting import forget_device
from mfpt_edge.storage.sent_log import read_sent
from mfpt_edge.storage.settings import Settings, read_settings, write_settings
from mfpt_shared.errors import ConnectionFailed, MfptError, UsageError
from mfpt_shared.folders import cache_home, owned
from mfpt_shared.web.answers import answer, body_of, handled
from mfpt_shared.web.events import event_stream

PREDICT_SECONDS: Final = 180.0
_TICK: Final = 1.0
"""Seconds between two looks at what is shown."""


class At(msgspec.Struct, frozen=True, kw_only=True):
    """A request about a device."""

    at: str


class SetTo(At, frozen=True, kw_only=True):
    """What its owner sets."""

    settings: Settings


class LeaveIt(At, frozen=True, kw_only=True):
    """That it leaves; `forget`: for good, and nothing is kept."""

    forget: bool = False


class Answered(At, frozen=True, kw_only=True):
    """An answer to a question."""

    number: int
    answer: Annotated[str, Meta(max_length=1000)]


class Texts(At, frozen=True, kw_only=True):
    """Texts to be labelled or completed, one a line."""

    text: Annotated[str, Meta(min_length=1, max_length=20_000)]


class Steering:
    """Answers the page's requests of this part.

    Args:
        devices: Where devices are.
        runs: Devices of this process.
        stopping: Set when the page's server stops.
    """

    def __init__(self, devices: Devices, runs: Runs, stopping: asyncio.Event) -> None:
        self._devices = devices
        self._runs = runs
        self._stopping = stopping

    def routes(self) -> list[Route]:
        """Return what is answered where."""
        return [
            Route("/api/state", handled(self._state)),
            Route("/api/events", handled(self._events)),
            Route("/api/sent", handled(self._sent)),
            Route("/api/pause", handled(self._pause), methods=["POST"]),
            Route("/api/resume", handled(self._resume), methods=["POST"]),
            Route("/api/settings", handled(self._settings), methods=["POST"]),
            Route("/api/leave", handled(self._leave), methods=["POST"]),
            Route("/api/answer", handled(self._answer), methods=["POST"]),
            Route("/api/predict", handled(self._predict), methods=["POST"]),
        ]

    async def _now(self, at: str) -> Response:
        return answer(await state_of(self._devices, self._runs, at))

    async def _state(self, request: Request) -> Response:
        return await self._now(request.query_params.get("at", ""))

    async def _events(self, request: Request) -> Response:
        return event_stream(self._changes(request.query_params.get("at", "")), self._stopping)

    async def _changes(self, at: str) -> AsyncGenerator[msgspec.Raw, None]:
        before = b""
        while True:
            now = msgspec.json.encode(await state_of(self._devices, self._runs, at))
            if now != before:
                yield msgspec.Raw(now)
            before = now
            await asyncio.sleep(_TICK)

    async def _sent(self, request: Request) -> Response:
        folder = self._devices.folder(request.query_params.get("at", ""))
        after = request.query_params.get("after", "0")
        number = int(after) if after.isascii() and after.isdigit() and len(after) < 16 else 0
        try:
            return answer(await asked(folder, ShowSent(after=number)))
        except ConnectionFailed:
            return answer(await asyncio.to_thread(read_sent, folder, number))

    async def _pause(self, request: Request) -> Response:
        return await self._ordered(request, Pause(), paused=True)

    async def _resume(self, request: Request) -> Response:
        return await self._ordered(request, Resume(), paused=False)

    async def _ordered(self, request: Request, order: Order, *, paused: bool) -> Response:
        at = (await body_of(request, At)).at
        folder = self._devices.folder(at)
        await self._order_or_set(folder, order, msgspec.structs.replace(read_settings(folder), paused=paused))
        return await self._now(at)

    async def _settings(self, request: Request) -> Response:
        wanted = await body_of(request, SetTo)
        if wanted.settings.hours:
            Hours.parse(wanted.settings.hours)
        folder = self._devices.folder(wanted.at)
        await self._order_or_set(folder, Change(settings=wanted.settings), wanted.settings)
        return await self._now(wanted.at)

    async def _order_or_set(self, folder: Path, order: Order, settings: Settings) -> None:
        """Give an order to a device that runs; where none does, let it find the settings when it starts."""
        try:
            await asked(folder, order)
        except ConnectionFailed:
            with owned(folder, "--state-dir"):
                write_settings(folder, settings)

    async def _leave(self, request: Request) -> Response:
        wanted = await body_of(request, LeaveIt)
        folder = self._devices.folder(wanted.at)
        try:
            await asked(folder, Leave(forget=wanted.forget), LEAVE_SECONDS)
        except ConnectionFailed:
            if wanted.forget:
                await asyncio.to_thread(_forget, folder)
        run = self._runs.of(folder)
        if run is not None:
            await run.ended()
            self._runs.forget(folder)
        return await self._now("" if wanted.forget else wanted.at)

    async def _answer(self, request: Request) -> Response:
        given = await body_of(request, Answered)
        run = self._runs.of(self._devices.folder(given.at))
        if run is None:
            raise UsageError("this question is not asked any more")
        run.owner.take(given.number, given.answer)
        return await self._now(given.at)

    async def _predict(self, request: Request) -> Response:
        texts = await body_of(request, Texts)
        folder = self._devices.folder(texts.at)
        known = next((one for one in self._devices.known() if one.at == texts.at), None)
        if known is None:
            raise MfptError("this device has no prompt yet")
        return answer(
            await computed(
                "predict", "--lang", known.language, "--federation", known.federation, "--state-dir", str(folder),
                "--offline", "--json", "-", seconds=PREDICT_SECONDS, given=texts.text,
            )
        )  # fmt: skip


def _forget(folder: Path) -> None:
    """Remove what a device keeps that does not run."""
    with owned(folder, "--state-dir"):
        forget_device(folder, cache_home())
