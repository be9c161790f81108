"""Devices as the page shows them: everybody who was admitted or has spoken, and what each waits for."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from mfpt_coord.core.admission import Enrolment
from mfpt_coord.core.client import FAILURES, Client
from mfpt_coord.core.state import State
from mfpt_coord.core.waits import WAITS, Wait, Waits
from mfpt_coord.page.listing import Asked, Listed, found, listed
from mfpt_coord.page.names import Names
from mfpt_shared.keys import fingerprint
from mfpt_shared.languages import LanguageCode
from mfpt_shared.texts import printable

Doing = Wait | Literal["revoked", "unseen", "looking"]
"""What a device waits for; or it was revoked, was admitted and never seen, or only reads and trains nothing."""
FAILING: Final = "failing"
"""Kind of devices, whatever they wait for, that only fail."""
NAME_CHARACTERS: Final = 80
"""Characters of a device's name, and of what it says it runs on, that are shown."""


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One device; times are Unix seconds by the clock on the wall.

    Attributes:
        progress: How far it is with its round, 0 to 1.
        base: Version that it was assigned; None: it is not assigned.
        until: When it is past its time, or no longer pauses; None: it has no such time.
        last_seen: When it was last heard; None: never.
        folded: Number of its updates that are in a version.
        failures: Number of versions that it was assigned in vain since its last update.
        epsilon: What it has spent of its privacy budget; None: it has not said it.
        token: Invitation by which it came; empty: it came uninvited, or before the federation was closed.
        runs_on: What it says it runs on.
    """

    id: str
    name: str
    role: str
    language: str
    language_name: str = ""
    doing: Doing
    progress: float = 0.0
    base: int | None = None
    until: float | None = None
    last_seen: float | None = None
    accuracy: float | None = None
    examples: int = 0
    folded: int = 0
    failures: int = 0
    epsilon: float | None = None
    token: str = ""
    fingerprint: str = ""
    admitted: float | None = None
    revoked: float | None = None
    runs_on: str = ""


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """How many devices there are of each kind."""

    total: int
    online: int
    kinds: dict[str, int]


class DeviceView:
    """All devices as of one state and time: a walk over them, which takes some ten milliseconds for thousands."""

    def __init__(self, state: State, at: float, ahead: float, names: Names) -> None:
        """Look at a state.

        Args:
            state: The state.
            at: Now, by the clock of the state's times.
            ahead: How far the clock on the wall is ahead of that one, seconds.
            names: Names of languages, which have been learned.
        """
        self._state, self._ahead, self._names = state, ahead, names
        waits = Waits(state, at)
        self._doing: dict[str, Doing] = {client.id: waits.of(client) for client in state.clients.values()}
        for name, enrolment in state.enrolments.items():
            if enrolment.revoked is not None:
                self._doing[name] = "revoked"
            elif enrolment.role != "device":
                self._doing[name] = "looking"
            else:
                self._doing.setdefault(name, "unseen")
        self.crowd = self._crowd(at)

    def row(self, device: str) -> DeviceRow | None:
        """Return one device; None: it is not known here."""
        return self._row(device) if device in self._doing else None

    def listed(self, asked: Asked) -> Listed[DeviceRow]:
        """Return a page of devices: those first that somebody should see to."""
        names = [name for name, doing in self._doing.items() if asked.only in ("", doing) or self._fails(name, asked)]
        names = found(names, asked.search, self._texts)
        page = listed(sorted(names, key=lambda name: self._key(name, asked.sort)), asked)
        return Listed(rows=[self._row(name) for name in page.rows], total=page.total, page=page.page, pages=page.pages)

    def of_language(self, language: LanguageCode, most: int) -> list[DeviceRow]:
        """Return some devices of a language, those first that somebody should see to."""
        names = [client.id for client in self._state.clients.values() if client.language == language]
        return [self._row(name) for name in sorted(names, key=lambda name: self._key(name, ""))[:most]]

    def _fails(self, name: str, asked: Asked) -> bool:
        return asked.only == FAILING and self._failures(name) >= FAILURES and self._doing[name] != "revoked"

    def _failures(self, name: str) -> int:
        client = self._state.clients.get(name)
        return 0 if client is None else client.failures

    def _texts(self, name: str) -> tuple[str | None, ...]:
        client, enrolment = self._state.clients.get(name), self._state.enrolments.get(name)
        known = (None, None) if client is None else (client.language, client.device)
        return (name, *known, *((None,) if enrolment is None else (enrolment.name, enrolment.language)))

    def _key(self, name: str, sort: str) -> tuple[Any, ...]:
        client = self._state.clients.get(name)
        return (*_ORDERS.get(sort, _ORDERS["doing"])(client, self._doing[name]), name)

    def _row(self, name: str) -> DeviceRow:
        client, enrolment = self._state.clients.get(name), self._state.enrolments.get(name)
        row = DeviceRow(id=name, name="", role="device", language="", doing=self._doing[name])
        if enrolment is not None:
            row = msgspec.structs.replace(row, **self._of_enrolment(enrolment))
        if client is not None:
            row = msgspec.structs.replace(row, **self._of_client(client))
        return msgspec.structs.replace(row, language_name=self._names.of(LanguageCode(row.language)))

    def _of_enrolment(self, enrolment: Enrolment) -> dict[str, Any]:
        return {
            "name": printable(enrolment.name, NAME_CHARACTERS),
            "role": enrolment.role,
            "language": enrolment.language or "",
            "token": enrolment.token,
            "fingerprint": fingerprint(enrolment.key),
            "admitted": enrolment.at + self._ahead,
            "revoked": None if enrolment.revoked is None else enrolment.revoked + self._ahead,
        }

    def _of_client(self, client: Client) -> dict[str, Any]:
        doing, assignment = self._doing[client.id], client.assignment
        until = client.retry_at if doing == "rejected" else None if assignment is None else assignment.deadline
        return {
            "language": client.language,
            "progress": client.progress if doing == "training" else 0.0,
            "base": None if assignment is None else assignment.version,
            "until": None if until is None else until + self._ahead,
            "last_seen": client.last_seen + self._ahead if client.last_seen else None,
            "accuracy": client.accuracy,
            "examples": client.examples,
            "folded": client.folded,
            "failures": client.failures,
            "epsilon": client.epsilon,
            "runs_on": printable(client.device, NAME_CHARACTERS),
        }

    def _crowd(self, at: float) -> Crowd:
        kinds = Counter(self._doing.values())
        failing = sum(self._doing[name] != "revoked" for _, name in self._state.clients.indices.failing)
        return Crowd(
            total=len(self._doing),
            online=self._state.clients.indices.heard_by(at),
            kinds={**{str(kind): number for kind, number in kinds.items()}, FAILING: failing},
        )


_PLACES: Final = {doing: place for place, doing in enumerate((*WAITS, "looking", "unseen", "revoked"))}
_ORDERS: Final[dict[str, Callable[[Client | None, str], tuple[Any, ...]]]] = {
    "doing": lambda client, doing: (
        client is None or client.failures < FAILURES,
        _PLACES[doing],
        -(client.last_seen if client else 0.0),
    ),
    "id": lambda _client, _doing: (),
    "language": lambda client, _doing: (client.language if client else "zzzz",),
    "seen": lambda client, _doing: (-(client.last_seen if client else 0.0),),
    "accuracy": lambda client, _doing: (client is None or client.accuracy is None, client.accuracy if client else 0.0),
    "folded": lambda client, _doing: (-(client.folded if client else 0),),
    "spent": lambda client, _doing: (-((client.epsilon or 0.0) if client else 0.0),),
}
