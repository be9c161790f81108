"""Checks of the way to a broker: proxy, name, IPv4 and IPv6, port, TLS."""

import asyncio
import socket
from dataclasses import replace
from datetime import datetime
from typing import Final

from mfpt_edge.doctor.examination import Answer, ok, skipped, warning
from mfpt_shared.errors import ConnectionFailed, MfptError
from mfpt_shared.transport import failures, probing
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.connection import Connection
from mfpt_shared.transport.probing import Encrypted, Place
from mfpt_shared.transport.proxy import Proxy

SERVE: Final = "is `mfpt-coord serve` running there, does a firewall let this laptop through, and is that the port?"
_ONLINE: Final = "is the name right, and is this laptop online? Does a page of the web open?"
_THROUGH_PROXY: Final = "the proxy sees to that"
_OTHER_PROXY: Final = "give the right one with --proxy, or unset HTTPS_PROXY and ALL_PROXY"


class Way:
    """The way to a broker, looked at step by step; the steps are asked for in the order of the methods.

    Attributes:
        encrypted: What the server has shown in TLS; None: nothing.
    """

    def __init__(self, connection: Connection) -> None:
        """Prepare; nothing is opened yet."""
        self.encrypted: Encrypted | None = None
        self._connection = connection
        self._places: dict[BrokerAddress, tuple[Place, ...]] = {}
        self._tried: dict[Place, OSError | None] = {}
        self._open: BrokerAddress | None = None

    async def proxy(self) -> Answer:
        """Look at the proxy on the way."""
        proxy = self._proxy_to(self._connection.addresses[0])
        if proxy is None:
            return ok("none is used")
        try:
            places = await probing.places_of(proxy.host, proxy.port)
        except ConnectionFailed as error:
            raise ConnectionFailed(f"the proxy {proxy}: {error}; {_OTHER_PROXY}") from error
        problems = [await self._problem(place) for place in places]
        if None in problems:
            return ok(f"{proxy} answers")
        raise ConnectionFailed(f"the proxy {proxy} does not answer ({_reason(problems[0])}); {_OTHER_PROXY}")

    async def names(self) -> Answer:
        """Look for the addresses of the broker's name."""
        unknown: list[ConnectionFailed] = []
        direct = [one for one in self._connection.addresses if self._proxy_to(one) is None]
        for address in direct:
            try:
                self._places[address] = await probing.places_of(address.host, address.port)
            except ConnectionFailed as error:
                unknown.append(error)
        if not direct:
            return skipped(_THROUGH_PROXY)
        if not self._places:
            raise ConnectionFailed(f"{unknown[0]}; {_ONLINE}")
        hosts = {one.host: ", ".join(dict.fromkeys(place.ip for place in self._places[one])) for one in self._places}
        found = "; ".join(host if host == ips else f"{host} is {ips}" for host, ips in hosts.items())
        return warning(f"{found}, but {unknown[0]}", "another way leads to the broker") if unknown else ok(found)

    async def ipv4(self) -> Answer:
        """Try the broker's addresses of IPv4."""
        return await self._family(socket.AF_INET, "IPv4")

    async def ipv6(self) -> Answer:
        """Try the broker's addresses of IPv6."""
        return await self._family(socket.AF_INET6, "IPv6")

    async def port(self) -> Answer:
        """See whether a port of the broker is open, over IPv4 or IPv6, or through the proxy."""
        failed: list[MfptError] = []
        for address in self._connection.addresses:
            proxy = self._proxy_to(address)
            try:
                await self._check_open(address, proxy)
            except MfptError as error:
                failed.append(error)
                continue
            self._open = address
            found = f"{replace(address, username=None)} is open" + ("" if proxy is None else f", through {proxy}")
            if not failed:
                return ok(found)
            return warning(f"{failed[0]}; {found}", "nothing: this way leads to the broker")
        raise type(failed[0])(f"{failed[0]}; {SERVE}")

    async def tls(self) -> Answer:
        """See whether the server that answers is the one that is meant."""
        address = self._open or self._connection.addresses[0]
        if not address.tls:
            return skipped("the connection is in the clear")
        shown = await probing.encrypted(address, self._proxy_to(address), self._connection.security)
        self.encrypted = shown
        why = "signed by the coordinator's key" if shown.is_pinned else f"from a CA, valid until {_day(shown.ends)}"
        return ok(f"{shown.version}, the certificate is {why}")

    async def time_of_web_server(self) -> float | None:
        """Return what a web server on the way says the time is, Unix seconds; None: there is none, or it does not."""
        address = self._open
        if address is None or not address.websocket:
            return None
        for security in self._connection.security.alternatives():
            said = await probing.time_of_web_server(address, self._proxy_to(address), security)
            if said is not None:
                return said
        return None

    def _proxy_to(self, address: BrokerAddress) -> Proxy | None:
        return self._connection.proxies.to(address)

    async def _family(self, family: socket.AddressFamily, name: str) -> Answer:
        places = [place for places in self._places.values() for place in places if place.family == family]
        if not places:
            return skipped(f"the broker has no {name} address" if self._places else _THROUGH_PROXY)
        problems = await asyncio.gather(*map(self._problem, places))
        if None in problems:
            opened = [str(place) for place, problem in zip(places, problems, strict=True) if problem is None]
            return ok(f"{', '.join(opened)} answers")
        return warning(f"{', '.join(map(str, places))}: {_reason(problems[0])}", "nothing, if port is open; see there")

    async def _problem(self, place: Place) -> OSError | None:
        """Return why a port is closed, None if it is open; it is tried once."""
        if place not in self._tried:
            self._tried[place] = await probing.why_closed(place)
        return self._tried[place]

    async def _check_open(self, address: BrokerAddress, proxy: Proxy | None) -> None:
        """Check that a port is open.

        Raises:
            ConnectionFailed: It is not, or no address is known.
            TimedOut: No answer came.
        """
        if proxy is not None:
            await probing.try_proxy(address, proxy)
            return
        problems = [await self._problem(place) for place in self._places.get(address, ())]
        if None in problems:
            return
        first = next((problem for problem in problems if problem is not None), None)
        if first is None:
            raise ConnectionFailed(f"no address is known for {address.host}")
        raise failures.not_reached(address, None, first, probing.STEP_SECONDS)


def _reason(problem: OSError | None) -> str:
    return str(problem and (problem.strerror or problem)) or "no answer"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
