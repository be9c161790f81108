"""What the pages' servers answer in JSON, and how they read it: structs of msgspec on both ways."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from mfpt_shared.errors import MfptError, UsageError

BodyT = TypeVar("BodyT")

_log = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request came to nothing.

    Attributes:
        error: What happened and what to do, for the person at the page.
        kind: Name of the error in `mfpt_shared.errors`.
    """

    error: str
    kind: str


def answer(content: object, status: int = 200) -> Response:
    """Return an answer in JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


async def body_of(request: Request, kind: type[BodyT]) -> BodyT:
    """Return what a request brings.

    Raises:
        UsageError: It is not what the page sends.
    """
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"the page sent what its server does not understand ({error}): load it again") from error


def problem(error: MfptError) -> Response:
    """Return the answer to a request that failed: 400 where the person can do it another way, else 409."""
    status = 400 if isinstance(error, UsageError) else 409
    return answer(Problem(error=str(error), kind=type(error).__name__), status)


def handled(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler whose declared errors are answers."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except MfptError as error:
            _log.debug("%s %s: %s", request.method, request.url.path, error)
            return problem(error)

    return answered
