"""Messages through a pipe: each as msgpack, with its length before it in 4 bytes, big-endian."""

import struct
import threading
from typing import BinaryIO, Final, Generic, TypeVar

import msgspec

MessageT = TypeVar("MessageT")

_LENGTH: Final = struct.Struct(">I")


class Closed(Exception):
    """The other side does not listen or speak any more; no error by itself."""


class Sending:
    """The end of a pipe that is written to; any thread may."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._encoder = msgspec.msgpack.Encoder()
        self._lock = threading.Lock()

    def send(self, message: msgspec.Struct) -> None:
        """Send a message.

        Raises:
            Closed: Nobody reads it.
        """
        payload = self._encoder.encode(message)
        try:
            with self._lock:
                self._stream.write(_LENGTH.pack(len(payload)) + payload)
                self._stream.flush()
        except (OSError, ValueError) as error:  # a ValueError where this side has closed the stream
            raise Closed from error


class Receiving(Generic[MessageT]):
    """The end of a pipe that is read from, by one thread at a time."""

    def __init__(self, stream: BinaryIO, decoder: "msgspec.msgpack.Decoder[MessageT]") -> None:
        self._stream = stream
        self._decoder = decoder

    def receive(self) -> MessageT:
        """Wait for the next message, and return it.

        Raises:
            Closed: None comes any more, or what came is none.
        """
        try:
            (length,) = _LENGTH.unpack(self._stream.read(_LENGTH.size))
            return self._decoder.decode(self._stream.read(length))
        except (OSError, ValueError, struct.error, msgspec.DecodeError) as error:
            raise Closed from error
