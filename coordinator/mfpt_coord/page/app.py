"""The operator's page as one application: its files, what it may ask and order, its events, and the guard before it."""

import asyncio
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mfpt_coord.page import answers, news, orders
from mfpt_coord.page.board import Board
from mfpt_shared.web.answers import answer
from mfpt_shared.web.guard import Door, Guard, cookie_of
from mfpt_shared.web.pages import page_routes
from mfpt_shared.web.static_files import KIT, StaticFiles

STATIC: Final = Path(__file__).parent / "static"


def application(board: Board, door: Door, stopping: asyncio.Event) -> ASGIApp:
    """Return the application.

    Args:
        board: What it shows, and what carries out its orders.
        door: Who may come in.
        stopping: Ends streams of events when it is set.
    """

    def is_in(request: Request) -> bool:
        return door.keys.knows(cookie_of(request.headers, door))

    async def leave(request: Request) -> Response:
        door.keys.leave(cookie_of(request.headers, door))
        return answer({})

    everything = [
        *page_routes(StaticFiles((KIT, STATIC))),
        *answers.routes(board),
        *orders.routes(board),
        *news.routes(board, stopping, is_in),
        Route("/api/leave", leave, methods=["POST"]),
    ]
    return Guard(Starlette(routes=everything), door)
