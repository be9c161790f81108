"""What a device believes: messages of its coordinator that are new. Written from docs/protocol.md alone."""

from typing import Any

from conformance.v2.folder import Folder
from conformance.v2.sealing import unseal


class Listener:
    """Whose word counts, and what has been heard already."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._is_pinned = folder.coordinator != b""
        self._coordinator = folder.coordinator
        # Without a pinned key another coordinator may be met in every run, which counts from another number.
        self._epoch, self._version = folder.seen if self._is_pinned else (0, 0)
        self._ready, self._turn = 0, 0

    def announced(self, number: int) -> None:
        """Note the number of a `ready`: from now on only answers to this one count."""
        self._ready, self._turn = number, 0

    def content(self, topic: str, payload: bytes) -> bytes:
        """Return what the coordinator says on a topic; raise ValueError if somebody else does."""
        content, signer = unseal(topic, payload)
        if not self._coordinator:
            self._coordinator = signer
        if signer != self._coordinator:
            raise ValueError("not signed by the coordinator")
        return content

    def check_order(self, said: dict[str, Any]) -> None:
        """Raise ValueError if a message of the coordinator, other than a prompt, is not new."""
        if said["epoch"] < self._epoch:
            raise ValueError("from an earlier epoch")
        if said.get("type") in ("assign", "stop") and said.get("reason") != "revoked":
            if (said.get("session"), said.get("ready")) != (self._folder.session, self._ready):
                raise ValueError("an answer to an earlier ready")
            if said["type"] == "assign" and said.get("turn", 0) <= self._turn:
                raise ValueError("an assignment that came before")
        self._turn = said.get("turn", self._turn)
        self._heard(said["epoch"], 0)

    def check_prompt(self, header: dict[str, Any]) -> None:
        """Raise ValueError if a prompt is not new."""
        if (header["epoch"], header["version"]) < (self._epoch, self._version):
            raise ValueError("an earlier prompt")
        self._heard(header["epoch"], header["version"])

    def _heard(self, epoch: int, version: int) -> None:
        if (epoch, version) > (self._epoch, self._version):
            self._epoch, self._version = epoch, version
            if self._is_pinned:
                self._folder.keep_seen(epoch, version)
