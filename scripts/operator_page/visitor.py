"""A browser without a screen or a script: it listens to the events of a page, and asks for its parts in turn."""

import http.client
import sys
import threading
import time
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit

PARTS: Final = (
    "overview",
    "languages?size=40&sort=verdict",
    "helping?size=30&sort=examples",
    "devices?size=50&sort=doing",
    "devices?size=50&search=radio",
    "versions?size=50",
    "invitations?size=25",
    "plan",
    "audit?size=50",
)
EVERY_SECONDS: Final = 1.0


def visit(link: str, seconds: float) -> None:
    """Open a page by its link, and look at it for so long; once a second another part is asked for."""
    address = urlsplit(link)
    with closing(http.client.HTTPConnection(address.netloc, timeout=10)) as connection:
        connection.request("GET", f"/?{address.query}")
        answer = connection.getresponse()
        answer.read()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        threading.Thread(target=_listen, args=(address.netloc, cookie), daemon=True).start()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for part in PARTS:
                connection.request("GET", f"/api/{part}", headers={"Cookie": cookie})
                connection.getresponse().read()
                time.sleep(EVERY_SECONDS)


def _listen(host: str, cookie: str) -> None:
    with closing(http.client.HTTPConnection(host)) as connection:
        connection.request("GET", "/api/events", headers={"Cookie": cookie})
        answer = connection.getresponse()
        while answer.readline():
            pass


if __name__ == "__main__":
    visit(sys.argv[1], float(sys.argv[2]))
