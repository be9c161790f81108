"""The way into a federation, as the page goes it: the invitation, the language, the examples, and the start."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mfpt_edge.page.children import computed
from mfpt_edge.page.devices import Devices
from mfpt_edge.page.runs import Runs, Wish
from mfpt_edge.page.state import state_of
from mfpt_edge.storage.examples_file import ExamplesFile, choose_none, chosen, path_of, receive
from mfpt_edge.storage.settings import Settings, write_settings
from mfpt_shared.errors import MfptError, UsageError
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.language_names import language_name
from mfpt_shared.languages import LanguageCode, device_language
from mfpt_shared.web.answers import Problem, answer, body_of, handled

LOOK_SECONDS = 120.0
"""Longest time to look at a file."""


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation, and the language that somebody named where it names none."""

    line: str
    language: str = ""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What an invitation says.

    Attributes:
        federation: Name of the federation.
        server: Host that it is at.
        language: Language of the device; empty: it has to be named.
        language_name: The language's English name.
        at: What the page calls the device; empty while there is no language.
        is_member: Whether a device is a member already, so that the invitation is not needed.
    """

    federation: str
    server: str
    language: str = ""
    language_name: str = ""
    at: str = ""
    is_member: bool = False


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """What is to begin: with an invitation, or again as the device that is there."""

    at: str
    line: str = ""
    language: str = ""
    settings: Settings | None = None


class NoFile(msgspec.Struct, frozen=True, kw_only=True):
    """The owner of a device has no examples of their own."""

    at: str


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """How a file would be read: what `data show --json` says, or why it cannot be."""

    file: ExamplesFile
    summary: msgspec.Raw | None = None
    problem: Problem | None = None


class Joining:
    """Answers the page's requests of this part."""

    def __init__(self, devices: Devices, runs: Runs) -> None:
        self._devices = devices
        self._runs = runs

    def routes(self) -> list[Route]:
        """Return what is answered where."""
        return [
            Route("/api/invitation", handled(self._invitation), methods=["POST"]),
            Route("/api/file", handled(self._file), methods=["POST"]),
            Route("/api/look", handled(self._look), methods=["POST"]),
            Route("/api/no-file", handled(self._no_file), methods=["POST"]),
            Route("/api/join", handled(self._join), methods=["POST"]),
        ]

    async def _invitation(self, request: Request) -> Response:
        invited = await body_of(request, Invited)
        line = InvitationLine.parse(invited.line)
        language = _language(line, invited.language)
        said = Invitation(federation=line.federation, server=line.addresses[0].host)
        if language is None:
            return answer(said)
        at = self._devices.at(line.federation, language)
        is_member = any(one.at == at for one in self._devices.known())
        name = language_name(language) or language
        return answer(msgspec.structs.replace(said, language=language, language_name=name, at=at, is_member=is_member))

    async def _file(self, request: Request) -> Response:
        """Keep a file, which is the body as it is, and say how it would be read."""
        at, name = request.query_params.get("at", ""), request.query_params.get("name", "")
        folder = self._devices.folder(at)
        given = await receive(folder, name, request.stream())
        return answer(await self._looked(at, given, request.query_params.get("language", "")))

    async def _look(self, request: Request) -> Response:
        at = (await body_of(request, NoFile)).at
        given = chosen(self._devices.folder(at))
        if given is None or not given.file:
            raise UsageError("no file was given yet")
        return answer(await self._looked(at, given, ""))

    async def _looked(self, at: str, given: ExamplesFile, language: str) -> Looked:
        folder = self._devices.folder(at)
        known = next((one.language for one in self._devices.known() if one.at == at), "")
        spoken = device_language(known or language or at.rpartition("/")[2])
        path = str(path_of(folder, given))
        try:
            shown = await computed(
                "data", "show", path, "--lang", spoken, "--state-dir", str(folder), "--json", seconds=LOOK_SECONDS
            )
        except MfptError as error:
            said = str(error).replace(path, given.called)
            return Looked(file=given, problem=Problem(error=said, kind=type(error).__name__))
        named = bytes(shown).replace(msgspec.json.encode(path)[1:-1], msgspec.json.encode(given.called)[1:-1])
        return Looked(file=given, summary=msgspec.Raw(named))

    async def _no_file(self, request: Request) -> Response:
        choose_none(self._devices.folder((await body_of(request, NoFile)).at))
        return answer(None)

    async def _join(self, request: Request) -> Response:
        wanted = await body_of(request, Join)
        folder = self._devices.folder(wanted.at)
        if wanted.settings is not None:
            write_settings(folder, wanted.settings)
        self._runs.begin(self._wish(wanted))
        return answer(await state_of(self._devices, self._runs, wanted.at))

    def _wish(self, wanted: Join) -> Wish:
        folder = self._devices.folder(wanted.at)
        given = chosen(folder)
        examples = path_of(folder, given) if given is not None and given.file else None
        if wanted.line:
            line = InvitationLine.parse(wanted.line)
            language = _language(line, wanted.language)
            if language is None:
                raise UsageError("name the language of your sentences")
            return Wish(folder, line.federation, language, line, examples)
        known = next((one for one in self._devices.known() if one.at == wanted.at), None)
        if known is None:
            raise UsageError("this device has not been invited yet: paste the line of an invitation")
        return Wish(folder, known.federation, LanguageCode(known.language), None, examples)


def _language(line: InvitationLine, named: str) -> LanguageCode | None:
    """Return the language of a device that is invited; None: it has to be named."""
    if line.language is not None:
        return line.language
    return device_language(named.strip()) if named.strip() else None
