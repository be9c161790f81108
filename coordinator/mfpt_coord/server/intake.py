"""What comes from devices: only what a device signed itself, in order, and once, reaches the core.

A message that is forged, altered, replayed or overtaken changes nothing, and is counted by the reason.
"""

from collections import Counter
from typing import Final

from mfpt_coord.core.events import ClientSaid, Event, UpdateArrived
from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import PublicKey
from mfpt_shared.protocol import codec
from mfpt_shared.protocol.messages import ClientState, EvaluationReport, FromDevice, Ready, Update
from mfpt_shared.transport.base import Inbound

WILL: Final = 0
"""Number of a last will in its session: it is older than no message, and newer than none."""


class Intake:
    """Turns messages of devices into events of the core.

    Attributes:
        refused: Number of messages that changed nothing, by reason.
    """

    def __init__(self, federation: str) -> None:
        """Begin with no device known.

        Args:
            federation: Name of the federation.
        """
        self._federation = federation
        self._keys: dict[str, PublicKey] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self.refused: Counter[str] = Counter()

    def understand(self, inbound: Inbound, at: float) -> Event | None:
        """Return what a message means to the core; None where a retained message was removed.

        Args:
            inbound: Message from the broker.
            at: Time, Unix seconds.

        Raises:
            DecodeError: The message is damaged, forged, replayed, or not from a device; it can be ignored.
        """
        try:
            received = codec.understand(inbound.topic, inbound.payload, self._federation)
        except DecodeError:
            self.refused["damaged"] += 1
            raise
        if received is None:
            return None
        device, message = received.address.key, received.message
        match message:
            case Update():
                self._check_signer(device, received.signer)
                return UpdateArrived(at, device, message, received.content)
            case ClientState() | Ready() | EvaluationReport():
                self._check_signer(device, received.signer)
                self._check_order(device, message)
                return ClientSaid(at, device, message)
            case _:
                raise self._problem("damaged", f"a {type(message).__name__} does not come from a device")

    def _check_signer(self, device: str, signer: PublicKey) -> None:
        if self._keys.setdefault(device, signer) != signer:
            raise self._problem("forged", "another key than this device's signed it")

    def _check_order(self, device: str, message: FromDevice) -> None:
        session, number = self._last.get(device, (0, 0))
        if message.number == WILL and message.session == session:
            return
        if (message.session, message.number) <= (session, number):
            raise self._problem("replayed", "it came before, or later ones did")
        self._last[device] = (message.session, message.number)

    def _problem(self, reason: str, detail: str) -> DecodeError:
        self.refused[reason] += 1
        return DecodeError(detail)
