"""What happens, told to every browser that listens: the overview, whenever it has changed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mfpt_coord.page.board import Board
from mfpt_coord.page.overview import Overview
from mfpt_shared.errors import MfptError
from mfpt_shared.web.events import event_stream

LOOK_SECONDS: Final = 1.0


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """The coordinator does not answer; why, in words."""

    silent: str


def routes(board: Board, stopping: asyncio.Event, is_in: Callable[[Request], bool]) -> list[Route]:
    """Return the route of the events of a board.

    Args:
        board: The board.
        stopping: Ends them when it is set.
        is_in: Tells whether the session of a request lasts; its events end with it.
    """

    async def events(request: Request) -> Response:
        return event_stream(_news(board, lambda: is_in(request)), stopping)

    return [Route("/api/events", events)]


def _lasting(news: Overview | Silence) -> Overview | Silence:
    """Return news without what changes from second to second."""
    return news if isinstance(news, Silence) else msgspec.structs.replace(news, at=0.0)


async def _news(board: Board, is_in: Callable[[], bool]) -> AsyncGenerator[object, None]:
    told: object = None
    while is_in():
        try:
            news: Overview | Silence = (await board.moment()).overview()
        except MfptError as error:
            news = Silence(silent=str(error))
        if (state := _lasting(news)) != told:
            yield news
            told = state
        await asyncio.sleep(LOOK_SECONDS)
