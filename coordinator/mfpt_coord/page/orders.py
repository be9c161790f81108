"""What the page may order: just what the shell may, through the same orders, and written to the same audit table."""

from typing import Annotated, Final, TypeVar

import msgspec
import segno
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mfpt_coord.page.board import Board
from mfpt_coord.server.orders import (
    Invitation,
    Invite,
    Order,
    Rename,
    Revoke,
    Rollback,
    WithdrawInvitation,
)
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import device_language
from mfpt_shared.protocol.base import Text, Version
from mfpt_shared.protocol.messages import Role
from mfpt_shared.web.answers import answer, body_of, handled

OrderT = TypeVar("OrderT", bound=Order)

DAY_SECONDS: Final = 86_400


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What an invitation should be.

    Attributes:
        language: Tag of a language, such as `sw` or `swh`; empty: the one that each device names.
        days: After how many days it expires; None: never.
        host: Host name or address at which devices reach the broker; empty: as the coordinator knows it.
    """

    role: Role = "device"
    language: Annotated[str, Meta(max_length=100)] = ""
    uses: Annotated[int, Meta(ge=1, le=10_000)] = 1
    days: Annotated[float, Meta(gt=0, le=3650)] | None = 7
    max_examples: Annotated[int, Meta(ge=1, le=10**12)] | None = None
    host: Annotated[str, Meta(max_length=253)] = ""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation that was made; `qr` are the rows of its QR code, a 1 for each dark module."""

    invitation: Invitation
    qr: list[str]


class NewName(msgspec.Struct, frozen=True, kw_only=True):
    """Another name for a device."""

    name: Text


class WayBack(msgspec.Struct, frozen=True, kw_only=True):
    """Where a language goes back to; None: to its best version."""

    to: Version | None = None


def routes(board: Board) -> list[Route]:
    """Return the routes of a board that order something."""

    async def obeyed(order: WithdrawInvitation | Revoke | Rename | Rollback) -> Response:
        report = await board.source.order(order)
        await board.moment(fresh=True)
        return answer(report)

    async def invite(request: Request) -> Response:
        report = await board.source.order(_invite(await body_of(request, Wish)))
        assert isinstance(report, Invitation)
        return answer(Made(invitation=report, qr=_modules(report.line)))

    async def withdraw(request: Request) -> Response:
        return await obeyed(_valid(WithdrawInvitation, token=request.path_params["token"]))

    async def revoke(request: Request) -> Response:
        return await obeyed(_valid(Revoke, device=request.path_params["device"]))

    async def rename(request: Request) -> Response:
        name = (await body_of(request, NewName)).name.strip()
        return await obeyed(_valid(Rename, device=request.path_params["device"], name=name))

    async def go_back(request: Request) -> Response:
        to = (await body_of(request, WayBack)).to
        return await obeyed(_valid(Rollback, language=request.path_params["language"], to=to))

    paths = {
        "invitations": invite,
        "invitations/{token}/withdraw": withdraw,
        "devices/{device}/revoke": revoke,
        "devices/{device}/rename": rename,
        "languages/{language}/rollback": go_back,
    }
    return [Route(f"/api/{path}", handled(handler), methods=["POST"]) for path, handler in paths.items()]


def _invite(wish: Wish) -> Invite:
    language = device_language(wish.language) if wish.language.strip() and wish.role == "device" else None
    return _valid(
        Invite,
        role=wish.role,
        language=language,
        uses=wish.uses,
        seconds=None if wish.days is None else wish.days * DAY_SECONDS,
        max_examples=wish.max_examples,
        host=wish.host.strip() or None,
    )


def _valid(kind: type[OrderT], **values: object) -> OrderT:
    """Return an order whose values are within their bounds, as if it had come over the control socket.

    Raises:
        UsageError: They are not.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(kind(**values)), kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"this cannot be ordered: {error}") from error


def _modules(line: str) -> list[str]:
    """Return the rows of a line's QR code, with its quiet zone."""
    code = segno.make(line, error="l", micro=False)
    return ["".join("1" if module else "0" for module in row) for row in code.matrix_iter(border=2)]
