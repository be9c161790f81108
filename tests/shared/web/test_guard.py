"""What the door of a local page lets in, and what it refuses."""

import asyncio
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message

from mfpt_shared.web.guard import Door, Guard
from mfpt_shared.web.keys import Keys

HOST: Final = "127.0.0.1:8470"
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
OWN: Final = f"http://{HOST}"


class Page:
    """A guarded page with one session, which answers with what it was sent."""

    def __init__(self, **door: Any) -> None:
        self.time = 0.0
        self.keys = Keys(lambda: self.time, session_seconds=100)
        self.link = self.keys.new_link()
        cookie = self.keys.enter(self.link)
        self.session = {"cookie": f"mfpt={cookie}"}
        self.door = Door(frozenset({HOST}), self.keys, "mfpt", "Open the link.", **door)
        self.reached = 0
        self._app = Starlette(routes=[Route("/{path:path}", self._page, methods=METHODS)])

    async def _page(self, request: Request) -> Response:
        self.reached += 1
        return Response(await request.body())

    def ask(
        self,
        method: str = "GET",
        path: str = "/",
        headers: dict[str, str] | None = None,
        chunks: tuple[bytes, ...] = (b"",),
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the answer to a request with these headers, and `Host` unless given."""
        given = {"host": HOST, **(headers or {})}
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
        }
        left, answers = list(chunks), list[Message]()

        async def receive() -> Message:
            chunk = left.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(left)}

        async def send(message: Message) -> None:
            answers.append(message)

        asyncio.run(Guard(self._app, self.door)(scope, receive, send))
        sent = {name.decode(): value.decode() for name, value in answers[0]["headers"]}
        return answers[0]["status"], sent, b"".join(answer.get("body", b"") for answer in answers[1:])


def test_who_brings_the_link_gets_a_cookie_that_no_script_and_no_other_site_can_use() -> None:
    page = Page()

    status, headers, _ = page.ask(path=f"/?token={page.link}")
    cookie = headers["set-cookie"]

    assert status == 200
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert page.link not in cookie
    assert page.ask(headers={"cookie": cookie.partition(";")[0]})[0] == 200


@pytest.mark.parametrize("path", ["/", "/files/kit.css", "/?token=", "/?token=wrong", "/files/kit.css?token=LINK"])
def test_without_session_and_right_link_nothing_is_answered(path: str) -> None:
    page = Page()

    status, _, body = page.ask(path=path.replace("LINK", page.link))

    assert (status, page.reached) == (401, 0)
    assert b"Open the link." in body


def test_a_link_for_one_browser_lets_in_no_second_one() -> None:
    page = Page()
    link = page.keys.new_link(once=True)

    assert [page.ask(path=f"/?token={link}")[0] for _ in range(2)] == [200, 401]


def test_a_link_and_a_session_end_when_their_time_is_up() -> None:
    page = Page()
    link = page.keys.new_link(seconds=100)
    page.time = 100

    assert page.ask(path=f"/?token={link}")[0] == 401
    assert page.ask(headers=page.session)[0] == 401


@pytest.mark.parametrize("other", ['seen={"x": 1}', "a b=1", "expires=1", 'open="', "caf\xe9"])
def test_a_cookie_of_another_program_at_the_same_host_keeps_nobody_out(other: str) -> None:
    page = Page()

    assert page.ask(headers={"cookie": f"{other}; {page.session['cookie']}"})[0] == 200


def test_a_session_that_was_left_is_over() -> None:
    page = Page()
    page.keys.leave(page.session["cookie"].partition("=")[2])

    assert page.ask(headers=page.session)[0] == 401


@pytest.mark.parametrize("host", ["", "evil.example", "evil.example:8470", "127.0.0.1", "127.0.0.1:1", f"{HOST}."])
def test_no_other_host_is_answered_though_the_session_is_right(host: str) -> None:
    page = Page()

    assert page.ask(headers={**page.session, "host": host})[0] == 421
    assert page.reached == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"https://{HOST}", "http://127.0.0.1:1"])
def test_no_other_origin_is_answered_though_the_session_is_right(method: str, origin: str) -> None:
    page = Page()

    assert page.ask(method, headers={**page.session, "origin": origin})[0] == 403
    assert page.reached == 0


@pytest.mark.parametrize("method", METHODS[1:])
def test_whatever_changes_something_says_that_it_comes_from_this_page(method: str) -> None:
    page = Page()

    assert page.ask(method, headers=page.session)[0] == 403
    assert page.ask(method, headers={**page.session, "origin": OWN})[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_asks_for_another_site_is_refused(site: str) -> None:
    page = Page()

    assert page.ask(path="/events", headers={**page.session, "sec-fetch-site": site})[0] == 403
    assert page.ask(path=f"/?token={page.link}", headers={"sec-fetch-site": site})[0] == 200, "a link in a mail"


@pytest.mark.parametrize("chunks", [(b"12345",), (b"123", b"45")])
def test_a_body_may_be_as_long_as_its_path_takes_and_no_longer(chunks: tuple[bytes, ...]) -> None:
    page = Page(body_bytes=4, larger={"/file": 5})
    headers = {**page.session, "origin": OWN}

    assert page.ask("POST", "/other", headers, chunks)[0] == 413
    assert page.ask("POST", "/file", headers, chunks)[::2] == (200, b"12345")


def test_a_body_that_says_it_is_too_long_is_not_read() -> None:
    page = Page(body_bytes=4)

    assert page.ask("POST", headers={**page.session, "origin": OWN, "content-length": "5"})[0] == 413
    assert page.reached == 0


def test_every_answer_forbids_foreign_code_frames_and_referrers() -> None:
    page = Page()

    for headers in ({}, page.session):
        sent = page.ask(headers=headers)[1]
        assert sent["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe" not in sent["content-security-policy"]
        assert sent["x-content-type-options"] == "nosniff"
        assert sent["referrer-policy"] == "no-referrer"
        assert sent["cache-control"] == "no-store"
        assert sent["x-frame-options"] == "DENY"


def test_web_sockets_are_closed() -> None:
    answers: list[Message] = []

    async def send(message: Message) -> None:
        answers.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    guard = Guard(PlainTextResponse("no"), Page().door)
    asyncio.run(guard({"type": "websocket", "path": "/", "headers": []}, receive, send))

    assert [answer["type"] for answer in answers] == ["websocket.close"]
