"""What the page may ask: routes that read, and change nothing."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mfpt_coord.core.audit import Deed
from mfpt_coord.page.board import Board
from mfpt_coord.page.devices import DeviceRow
from mfpt_coord.page.heat import heat
from mfpt_coord.page.languages import Helper, LanguageRow
from mfpt_coord.page.listing import Asked, found, listed
from mfpt_coord.page.past import Point
from mfpt_coord.page.plans import plan_shown
from mfpt_coord.page.versions import version_detail, versions
from mfpt_coord.server.invitation_list import invitations
from mfpt_coord.server.stored_audit import newest_deeds
from mfpt_coord.server.stored_history import Kept, kept_of
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol.base import Version
from mfpt_shared.texts import printable
from mfpt_shared.web.answers import answer, handled

CURVE_POINTS: Final = 240
MOST_DEEDS: Final = 1000
DEVICES_OF_A_LANGUAGE: Final = 10


class LanguageDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One language with its curve, what moves it, whom it moves, and what it can go back to.

    Attributes:
        went_back: Version -> earlier version that the operator went back to there.
        devices: Some of its devices, those first that somebody should see to.
    """

    row: LanguageRow
    curve: list[Point]
    went_back: dict[int, int]
    learns_from: list[Helper]
    helps: list[Helper]
    kept: Kept
    devices: list[DeviceRow]


class DeedShown(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the audit table; `at` is in Unix seconds."""

    at: float
    by: str
    action: str
    subject: str
    detail: str


def routes(board: Board) -> list[Route]:
    """Return the routes of a board that read."""

    async def overview(_: Request) -> Response:
        return answer((await board.moment()).overview())

    async def languages(request: Request) -> Response:
        return answer((await board.moment()).languages.listed(_asked(request)))

    async def language(request: Request) -> Response:
        return answer(await _language(board, LanguageCode(request.path_params["language"])))

    async def helping(request: Request) -> Response:
        moment = await board.moment()
        return answer(heat(moment.languages, moment.past, board.names, _asked(request)))

    async def devices(request: Request) -> Response:
        return answer((await board.moment()).devices.listed(_asked(request)))

    async def device(request: Request) -> Response:
        row = (await board.moment()).devices.row(request.path_params["device"])
        if row is None:
            raise UsageError(f"no device {request.path_params['device']} is known here")
        return answer(row)

    async def made(request: Request) -> Response:
        asked = _asked(request)
        return answer(await board.source.read(lambda rows: versions(rows, asked)))

    async def version(request: Request) -> Response:
        number = _version(request.path_params["version"])
        detail = await board.source.read(lambda rows: version_detail(rows, number, board.names))
        if detail is None:
            raise UsageError(
                f"nothing is kept of version {number}; the newest thousand are, and all that --keep asks for"
            )
        return answer(detail)

    async def invited(request: Request) -> Response:
        moment, asked = await board.moment(), _asked(request)
        entries = reversed(invitations(moment.state, moment.seen.ahead))
        return answer(listed(found(entries, asked.search, lambda one: (one.id, one.role, one.language)), asked))

    async def plan(_: Request) -> Response:
        return answer(plan_shown((await board.moment()).state.plan))

    async def audit(request: Request) -> Response:
        deeds = await board.source.read(lambda rows: newest_deeds(rows, MOST_DEEDS))
        shown = [_deed_shown(one) for one in deeds]
        asked = _asked(request)
        wanted = found(shown, asked.search, lambda one: (one.by, one.action, one.subject, one.detail))
        return answer(listed(wanted, asked))

    paths = {
        "overview": overview,
        "languages": languages,
        "languages/{language}": language,
        "helping": helping,
        "devices": devices,
        "devices/{device}": device,
        "versions": made,
        "versions/{version}": version,
        "invitations": invited,
        "plan": plan,
        "audit": audit,
    }
    return [Route(f"/api/{path}", handled(handler)) for path, handler in paths.items()]


async def _language(board: Board, language: LanguageCode) -> LanguageDetail:
    moment = await board.moment()
    row = moment.languages.row(language)
    if row is None:
        raise UsageError(f"{language} is not a language of this federation")
    return LanguageDetail(
        row=row,
        curve=moment.past.points(language, CURVE_POINTS),
        went_back=moment.past.went_back(language),
        learns_from=moment.languages.helpers(language),
        helps=moment.languages.helped(language),
        kept=await board.source.read(lambda rows: kept_of(rows, language)),
        devices=moment.devices.of_language(language, DEVICES_OF_A_LANGUAGE),
    )


def _deed_shown(deed: Deed) -> DeedShown:
    """Return a line of the audit table; what a device calls itself may stand in it."""
    return DeedShown(
        at=deed.at,
        by=printable(deed.by.user),
        action=deed.action,
        subject=printable(deed.subject),
        detail=printable(deed.detail),
    )


def _version(text: str) -> int:
    """Return the number of a version, as it stands in an address.

    Raises:
        UsageError: It is none.
    """
    try:
        return msgspec.convert(text, Version, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError("this is not the number of a version") from error


def _asked(request: Request) -> Asked:
    """Return what the query of a request asks of a list.

    Raises:
        UsageError: It cannot be understood.
    """
    try:
        return msgspec.convert(dict(request.query_params), Asked, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"the page asked for what its server does not have ({error}): load it again") from error
