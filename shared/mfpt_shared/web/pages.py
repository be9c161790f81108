"""What every page answers: its files, its words, and in which languages there are any."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mfpt_shared.web.answers import answer
from mfpt_shared.web.static_files import StaticFiles
from mfpt_shared.web.words import preferred, spoken, words


def page_routes(files: StaticFiles) -> list[Route]:
    """Return the routes of a page whose `index.html` is among its files.

    `/` is the page, `/files/NAME` its files, `/words` the languages that it speaks, and `/words/LANGUAGE` one of them.
    """

    async def index(request: Request) -> Response:
        return files.response("index.html", request)

    async def file(request: Request) -> Response:
        return files.response(request.path_params["name"], request)

    async def languages(request: Request) -> Response:
        return answer({"preferred": preferred(request.headers.get("accept-language", "")), "spoken": spoken()})

    async def catalogue(request: Request) -> Response:
        language = request.path_params["language"]
        if language not in spoken():
            return PlainTextResponse("The page does not speak this language.\n", 404)
        return answer(words(language))

    return [
        Route("/", index),
        Route("/files/{name}", file),
        Route("/words", languages),
        Route("/words/{language}", catalogue),
    ]
