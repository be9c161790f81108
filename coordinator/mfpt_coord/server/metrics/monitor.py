"""What monitoring may ask of a coordinator: its figures, whether it is alive, and whether it is ready.

All of it is asked of the coordinator's event loop: one that does not turn does not answer, and is not alive.
"""

import asyncio
import concurrent.futures
import json
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from mfpt_coord.server.metrics.families import families
from mfpt_coord.server.metrics.meters import Meters
from mfpt_coord.server.metrics.vital_signs import CHECKS, WAITING, VitalSigns
from mfpt_shared.errors import TimedOut

LOOP_SECONDS: Final = 5.0
"""Time in which the event loop has to answer, unless another is given."""
_JSON: Final = "application/json"
_PLAIN: Final = "text/plain; charset=utf-8"

Look = Callable[[], VitalSigns]
"""Tells how a coordinator is."""


class Answer(NamedTuple):
    """An answer to a reader."""

    status: HTTPStatus
    kind: str
    body: bytes


class Monitor:
    """Answers what a reader may ask of one coordinator; from any thread.

    Attributes:
        meters: What is measured while it works.
    """

    def __init__(self, meters: Meters, database: Path, patience: float = LOOP_SECONDS) -> None:
        """Prepare.

        Args:
            meters: What is measured while it works.
            database: Path of its database.
            patience: Time in which the loop has to answer, seconds.
        """
        self._followed: tuple[asyncio.AbstractEventLoop, Look] | None = None
        self.meters = meters
        self._database = database
        self._patience = patience

    def follow(self, loop: asyncio.AbstractEventLoop, look: Look) -> None:
        """Ask a coordinator how it is from now on.

        Args:
            loop: Its event loop.
            look: Tells in that loop how it is.
        """
        self._followed = (loop, look)

    def answer(self, path: str, accept: str = "") -> Answer:
        """Return the answer to `GET path`.

        Args:
            path: Path, without a query.
            accept: Formats that the reader wants, as in the header of that name.
        """
        try:
            match path:
                case "/metrics":
                    return self._metrics(accept)
                case "/healthz":
                    self._signs()
                    return Answer(HTTPStatus.OK, _PLAIN, b"ok\n")
                case "/readyz":
                    return _readiness(self._signs())
        except TimedOut as error:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, _PLAIN, f"{error}\n".encode())
        return Answer(HTTPStatus.NOT_FOUND, _PLAIN, b"there are /metrics, /healthz and /readyz\n")

    def _metrics(self, accept: str) -> Answer:
        signs = self._signs()
        encode, kind = choose_encoder(accept)
        return Answer(HTTPStatus.OK, kind, encode(_Page(signs, self.meters, self._database)))

    def _signs(self) -> VitalSigns | None:
        """Return how the coordinator is; None: it does not serve yet.

        Raises:
            TimedOut: Its event loop does not answer.
        """
        if self._followed is None:
            return None
        loop, look = self._followed
        seen = concurrent.futures.Future[VitalSigns]()
        try:
            loop.call_soon_threadsafe(lambda: seen.set_result(look()))
            return seen.result(self._patience)
        except (TimeoutError, RuntimeError):  # the loop hangs, or has been closed
            raise TimedOut(f"the coordinator has not answered for {self._patience:g} s: it is busy, or hangs") from None


class _Page:
    """A Collector of prometheus-client: all figures at one moment."""

    def __init__(self, signs: VitalSigns | None, meters: Meters, database: Path) -> None:
        self._signs = signs
        self._meters = meters
        self._database = database

    def collect(self) -> list[Metric]:
        """Return all families; until the coordinator runs, those that are measured."""
        seen = [] if self._signs is None else families(self._signs, self._database)
        return [*seen, *self._meters.collect()]


def _readiness(signs: VitalSigns | None) -> Answer:
    problems = {"leadership": WAITING} if signs is None else dict(signs.problems)
    report = {"ready": not problems, "checks": {check: problems.get(check, "ok") for check in CHECKS}}
    status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
    return Answer(status, _JSON, json.dumps(report).encode() + b"\n")
