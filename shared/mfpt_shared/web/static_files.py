"""Files for browsers, served from the packages: styles, modules and the page itself.

They are small and read once. What a file is, its suffix says here: what the system believes about suffixes can be
changed by any program on Windows, and a module that is not called JavaScript is not run.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

KIT: Final = Path(__file__).parent / "static"
"""What the pages share."""

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class StaticFiles:
    """Files of folders by their names; a later folder's goes before an earlier one's.

    Args:
        folders: Folders, which are not searched further down.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._files = {
            file.name: (file.read_bytes(), _TYPES[file.suffix])
            for folder in folders
            for file in sorted(folder.iterdir())
            if file.suffix in _TYPES
        }

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        return sorted(self._files)

    def response(self, name: str, request: Request) -> Response:
        """Return a file as an answer; a browser that has it is told to keep it."""
        if name not in self._files:
            return PlainTextResponse("There is no such page.\n", 404)
        content, kind = self._files[name]
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)
