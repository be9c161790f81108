"""A TCP relay in front of a broker that records every byte and can be cut like a cable."""

import asyncio
from collections.abc import Callable

from mfpt_shared.transport.address import BrokerAddress
from stub_federation.relay import Relay


class Proxy(Relay):
    """Listens on a free port and relays to a target; an async context manager."""

    def __init__(self, target: BrokerAddress) -> None:
        super().__init__(target)
        self.recorded: list[bytes] = []
        """Bytes that passed, one entry for each direction of each connection."""

    async def pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[bytes], None] = lambda _: None
    ) -> None:
        position = len(self.recorded)
        self.recorded.append(b"")

        def record(chunk: bytes) -> None:
            seen(chunk)
            self.recorded[position] += chunk

        await super().pump(reader, writer, record)
