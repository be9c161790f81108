"""MQTT 3.1.1 by hand, for what a well-behaved client does not do: QoS 0 at once, no login, no answer awaited.

Source: MQTT 3.1.1, sections 2.2 (fixed header), 3.1 (CONNECT), 3.2 (CONNACK), 3.3 (PUBLISH).
"""

import asyncio
import contextlib
import struct
from typing import Final

from mfpt_shared.transport.address import BrokerAddress

_CONNECT: Final = 0x10
_PUBLISH: Final = 0x30
_CLEAN: Final = 0x02
_PASSWORD: Final = 0x40
_USER: Final = 0x80
_ACCEPTED: Final = b"\x20\x02\x00\x00"
_ANSWER_SECONDS: Final = 10.0


def connect_packet(client: str, user: str, password: str) -> bytes:
    """Return a login."""
    flags = bytes([_CLEAN | _USER | _PASSWORD])
    return _packet(
        _CONNECT, _text("MQTT") + b"\x04" + flags + b"\0\x3c" + b"".join(map(_text, (client, user, password)))
    )


def publish_packet(topic: str, payload: bytes = b"") -> bytes:
    """Return a message with QoS 0."""
    return _packet(_PUBLISH, _text(topic) + payload)


async def send(address: BrokerAddress, *packets: bytes) -> None:
    """Send packets over a connection of their own, and close it once the broker has had time to take them."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    with contextlib.suppress(OSError, TimeoutError):
        writer.writelines(packets)
        await writer.drain()
        await asyncio.wait_for(reader.read(4), _ANSWER_SECONDS)
    writer.close()


async def may_log_in(address: BrokerAddress, client: str, user: str, password: str) -> bool:
    """Tell whether a broker accepts a login; whoever was connected under this client id before is cut off then."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(connect_packet(client, user, password))
        return await asyncio.wait_for(reader.readexactly(len(_ACCEPTED)), _ANSWER_SECONDS) == _ACCEPTED
    except (asyncio.IncompleteReadError, OSError):
        return False
    finally:
        writer.close()


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _length(len(body)) + body


def _length(number: int) -> bytes:
    groups = bytearray()
    while True:
        number, group = divmod(number, 128)
        groups.append(group | (0x80 if number else 0))
        if not number:
            return bytes(groups)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded
