"""The two sides of the benchmark: what they say and hear is signed, encoded and counted as on a broker."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.codec import Decoded, encode, understand
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_DOWN, CLIENT_UP, Topic

FEDERATION: Final = "bench"

Heard = TypeVar("Heard", bound=Decoded)


class Side:
    """What one side spends.

    Attributes:
        steps: Processor time of each of its steps, seconds.
        sent: Bytes.
        received: Bytes.
    """

    def __init__(self, says: Topic, hears: Topic) -> None:
        self.steps: list[float] = []
        self.sent = self.received = 0
        self._key = SigningKey.generate()
        self._says, self._hears = says, hears

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count what happens in this context as a step."""
        began = time.process_time()
        yield
        self.steps.append(time.process_time() - began)

    def say(self, device: str, message: Decoded) -> bytes:
        """Return a message to or from a device as it travels."""
        payload = seal(self._says.path(FEDERATION, device), encode(message), self._key)
        self.sent += len(payload)
        return payload

    def hear(self, device: str, payload: bytes, kind: type[Heard]) -> Heard:
        """Return the message that came, which is of this kind."""
        self.received += len(payload)
        received = understand(self._hears.path(FEDERATION, device), payload, FEDERATION)
        assert received is not None
        assert isinstance(received.message, kind)
        return received.message


class DeviceSide(Side):
    """A device.

    Attributes:
        name: Its id.
    """

    def __init__(self, name: str) -> None:
        super().__init__(CLIENT_UP, CLIENT_DOWN)
        self.name = name


class CoordinatorSide(Side):
    """The coordinator."""

    def __init__(self) -> None:
        super().__init__(CLIENT_DOWN, CLIENT_UP)

    def tell(self, devices: Sequence[DeviceSide], messages: Sequence[Decoded]) -> list[bytes]:
        """Return a message for each device as it travels."""
        with self.at_work():
            return [self.say(device.name, message) for device, message in zip(devices, messages, strict=True)]

    def listen(self, devices: Sequence[DeviceSide], payloads: Sequence[bytes], kind: type[Heard]) -> list[Heard]:
        """Return the message that came from each device."""
        with self.at_work():
            return [self.hear(device.name, payload, kind) for device, payload in zip(devices, payloads, strict=True)]
