"""Several ways to one broker, tried in order: what was asked for, and what gets through where that is closed."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut, WrongCertificate
from mfpt_shared.transport.base import QOS, Event, Qos, Transport

UNREACHABLE: Final = (ConnectionFailed, TimedOut)

_log = logging.getLogger(__name__)


class FirstReachable:
    """A transport over the first of several that connects. See `base.Transport`.

    Once connected it stays with that one, which mends the connection itself.
    """

    def __init__(
        self, ways: Sequence[Callable[[], Transport]], passing: tuple[type[MfptError], ...] = UNREACHABLE
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            ways: At least one function that returns a transport that is not connected yet.
            passing: Errors after which the next one is tried. All others end the attempt at once, but for a wrong
                certificate that is not the first one's: it may be a hotel's login page, and says nothing about the
                first.
        """
        self._ways = ways
        self._passing = passing
        self._used: Transport | None = None
        self._waiting: list[tuple[str, bytes, bool, Qos]] = []

    async def connect(self) -> None:
        """See Transport.connect.

        Raises:
            MfptError: That of the first one, if all have failed.
        """
        failures: list[MfptError] = []
        for open_way in self._ways:
            transport = open_way()
            try:
                await transport.connect()
            except WrongCertificate as error:
                if not failures and WrongCertificate not in self._passing:
                    raise
                failures.append(error)
            except self._passing as error:
                failures.append(error)
            else:
                if failures and isinstance(failures[0], UNREACHABLE):
                    _log.info("%s; another way leads to the broker", failures[0])
                self._use(transport)
                return
        raise _all_failed(failures)

    def subscribe(self, *filters: str, qos: Qos = QOS) -> None:
        """See Transport.subscribe."""
        if self._used is not None:
            self._used.subscribe(*filters, qos=qos)

    def unsubscribe(self, *filters: str) -> None:
        """See Transport.unsubscribe."""
        if self._used is not None:
            self._used.unsubscribe(*filters)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: Qos = QOS) -> None:
        """See Transport.publish."""
        if self._used is None:
            self._waiting.append((topic, payload, retain, qos))
        else:
            self._used.publish(topic, payload, retain=retain, qos=qos)

    async def receive(self) -> list[Event]:
        """See Transport.receive; the transport is connected."""
        assert self._used is not None, "nothing comes before `connect`"
        return await self._used.receive()

    async def flush(self, timeout: float) -> bool:
        """See Transport.flush."""
        return not self._waiting if self._used is None else await self._used.flush(timeout)

    async def close(self) -> None:
        """See Transport.close."""
        if self._used is not None:
            await self._used.close()

    def _use(self, transport: Transport) -> None:
        self._used = transport
        waiting, self._waiting = self._waiting, []
        for topic, payload, retain, qos in waiting:
            transport.publish(topic, payload, retain=retain, qos=qos)


def _all_failed(failures: Sequence[MfptError]) -> MfptError:
    first, others = failures[0], len(failures) - 1
    if not others:
        return first
    tried = "1 other way was" if others == 1 else f"{others} other ways were"
    return type(first)(f"{first}; {tried} tried in vain")
