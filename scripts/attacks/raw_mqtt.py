"""MQTT 3.1.1 by hand, for what a well-behaved client does not do: QoS 0 at once, no login, no answer awaited.

Source: MQTT 3.1.1, section 3.2 (CONNACK).
"""

import asyncio
import contextlib
from typing import Final

from mfpt_shared.transport.address import BrokerAddress
from stub_federation import packets

_ACCEPTED: Final = b"\x20\x02\x00\x00"
_ANSWER_SECONDS: Final = 10.0


async def send(address: BrokerAddress, *sent: bytes) -> None:
    """Send packets over a connection of their own, and close it once the broker has had time to take them."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    with contextlib.suppress(OSError, TimeoutError):
        writer.writelines(sent)
        await writer.drain()
        await asyncio.wait_for(reader.read(4), _ANSWER_SECONDS)
    writer.close()


async def may_log_in(address: BrokerAddress, client: str, user: str, password: str) -> bool:
    """Tell whether a broker accepts a login; whoever was connected under this client id before is cut off then."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(packets.connect(client, user, password))
        return await asyncio.wait_for(reader.readexactly(len(_ACCEPTED)), _ANSWER_SECONDS) == _ACCEPTED
    except (asyncio.IncompleteReadError, OSError):
        return False
    finally:
        writer.close()
