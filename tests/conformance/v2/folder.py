"""What a device keeps on disk: who it is, how far it has counted, whom it believes, and what was not answered yet."""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conformance.v2.frames import State

FILE: Final = "device.json"


class Folder:
    """A device's folder. To open it is to begin a session."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path / FILE
        self._kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else _newcomer()
        self.id: str = self._kept["id"]
        self.password: str = self._kept["password"]
        self.mqtt_client: str = self._kept["client"]
        self.key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self._kept["key"]))
        self.session = self._next("session")

    @property
    def coordinator(self) -> bytes:
        """The coordinator's public key from an invitation; empty in an open federation."""
        return bytes.fromhex(self._kept["coordinator"])

    @property
    def account(self) -> str:
        """Whether the device has an account of its `own` at the broker, a `common` one, or (empty) was not invited."""
        return str(self._kept["account"])

    @property
    def seen(self) -> tuple[int, int]:
        """Highest epoch of the coordinator, and highest version of a prompt in it."""
        epoch, version = self._kept["seen"]
        return epoch, version

    def keep_membership(self, coordinator: bytes, account: str) -> None:
        self._keep(coordinator=coordinator.hex(), account=account)

    def keep_seen(self, epoch: int, version: int) -> None:
        self._keep(seen=[epoch, version])

    def next_sequence(self) -> int:
        return self._next("sequence")

    def keep(self, sequence: int, frame: bytes) -> None:
        (self._path / f"{sequence}.update").write_bytes(frame)

    def forget(self, sequence: int) -> bytes | None:
        """Remove an update and return it; None if it has been removed before."""
        file = self._path / f"{sequence}.update"
        frame = file.read_bytes() if file.exists() else None
        file.unlink(missing_ok=True)
        return frame

    def updates(self) -> list[bytes]:
        files = sorted(self._path.glob("*.update"), key=lambda file: int(file.stem))
        return [file.read_bytes() for file in files]

    def keep_prompt(self, version: int, state: State) -> None:
        values = {name: tensor.values for name, tensor in state.items()}
        (self._path / "prompt.json").write_text(json.dumps({"version": version, "values": values}))

    def _next(self, counter: str) -> int:
        number: int = self._kept[counter] + 1
        self._keep(**{counter: number})
        return number

    def _keep(self, **changed: object) -> None:
        """Write what has changed; a reader finds the old file or the new one, never half of it."""
        self._kept |= changed
        unfinished = self._path / f"{FILE}.new"
        unfinished.touch(mode=0o600)
        with unfinished.open("w") as file:
            json.dump(self._kept, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path / FILE)


def _newcomer() -> dict[str, Any]:
    return {
        "id": secrets.token_hex(8),
        "key": secrets.token_bytes(32).hex(),
        "password": secrets.token_urlsafe(16),
        "client": secrets.token_urlsafe(16),
        "session": 0,
        "sequence": 0,
        "seen": [0, 0],
        "coordinator": "",
        "account": "",
    }
