"""Packets of MQTT 3.1.1, as bytes, for clients that are lighter or ruder than a library's.

Source: MQTT 3.1.1, sections 2.2 (fixed header) and 3.1 to 3.14 (packets).
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

CONNACK: Final = 2
PUBLISH: Final = 3
PUBACK: Final = 4
SUBACK: Final = 9
_RETAINED: Final = 0x01
_AGAIN: Final = 0x08
_CLEAN: Final = 0x02
_WILL: Final = 0x2C
"""There is a will, which is retained and has QoS 1."""
_PASSWORD: Final = 0x40
_USER: Final = 0x80
_LENGTH_BYTES: Final = 4
REFUSED: Final = 0x80
"""Code of a SUBACK for a filter that is refused."""

PING: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"


class Packet(NamedTuple):
    """A packet that came: its kind, the flags of its first byte, and what follows its length."""

    kind: int
    flags: int
    body: bytes


class Published(NamedTuple):
    """A PUBLISH that came; its number is 0 for QoS 0."""

    topic: str
    payload: bytes
    number: int


def connect(
    client: str,
    user: str | None,
    password: str | None = None,
    *,
    keep_alive: int = 60,
    will: tuple[str, bytes] | None = None,
) -> bytes:
    """Return a CONNECT with a clean session.

    Args:
        client: MQTT client id.
        user: User name; None: none is given.
        password: Password; None: none is given.
        keep_alive: Seconds after which the broker may give up a silent client.
        will: Topic and payload of the last will, which is retained.
    """
    has_user, has_password = user is not None, password is not None
    flags = _CLEAN | (_WILL if will else 0) | (_USER if has_user else 0) | (_PASSWORD if has_password else 0)
    last = [_text(will[0]), _bytes(will[1])] if will else []
    login = [_text(given) for given in (user, password) if given is not None]
    body = [_text("MQTT"), b"\x04", bytes([flags]), struct.pack(">H", keep_alive), _text(client), *last, *login]
    return _packet(0x10, b"".join(body))


def publish(topic: str, payload: bytes = b"", number: int = 0, *, retain: bool = False, again: bool = False) -> bytes:
    """Return a PUBLISH with QoS 1; with QoS 0 where it has no number."""
    flags = (_RETAINED if retain else 0) | (_AGAIN if again else 0) | (0x02 if number else 0)
    return _packet(0x30 | flags, _text(topic) + (struct.pack(">H", number) if number else b"") + payload)


def puback(number: int) -> bytes:
    """Return a PUBACK."""
    return _packet(0x40, struct.pack(">H", number))


def subscribe(number: int, filters: tuple[str, ...], qos: int) -> bytes:
    """Return a SUBSCRIBE."""
    return _packet(0x82, struct.pack(">H", number) + b"".join(_text(one) + bytes([qos]) for one in filters))


def unsubscribe(number: int, filters: tuple[str, ...]) -> bytes:
    """Return an UNSUBSCRIBE."""
    return _packet(0xA2, struct.pack(">H", number) + b"".join(map(_text, filters)))


def read_publish(packet: Packet) -> Published:
    """Return what a PUBLISH carries."""
    length = number_of(packet.body)
    start = 2 + length
    topic = packet.body[2:start].decode()
    if not packet.flags & 0x06:
        return Published(topic, packet.body[start:], 0)
    return Published(topic, packet.body[start + 2 :], number_of(packet.body[start:]))


def number_of(body: bytes) -> int:
    """Return the number that a body begins with: a packet's, or a length."""
    found: tuple[int] = struct.unpack_from(">H", body)
    return found[0]


class Reader:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Take bytes, and give the packets that are complete now."""
        self._waiting += data
        while (end := self._end()) is not None:
            start, stop = end
            first, body = self._waiting[0], bytes(self._waiting[start:stop])
            del self._waiting[:stop]
            yield Packet(first >> 4, first & 0x0F, body)

    def _end(self) -> tuple[int, int] | None:
        """Return where the body of the first packet begins and ends; None where that has not come yet."""
        length = 0
        for place in range(_LENGTH_BYTES):
            if len(self._waiting) < place + 2:
                return None
            group = self._waiting[place + 1]
            length |= (group & 0x7F) << (7 * place)
            if not group & 0x80:
                stop = place + 2 + length
                return (place + 2, stop) if len(self._waiting) >= stop else None
        raise ValueError("the length of a packet has more than four bytes")


def _packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + _length(len(body)) + body


def _length(number: int) -> bytes:
    groups = bytearray()
    while True:
        number, group = divmod(number, 128)
        groups.append(group | (0x80 if number else 0))
        if not number:
            return bytes(groups)


def _text(text: str) -> bytes:
    return _bytes(text.encode())


def _bytes(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data
