"""What comes from devices: only what an admitted device signed itself, in order, and once, reaches the core.

A message that is uninvited, forged, altered, replayed or overtaken changes nothing, and is counted by the reason.
Cheap questions are asked first: a signature is looked at only if size, number and sender are in order.
"""

from collections.abc import Callable, Mapping
from typing import Final

from mfpt_coord.core.admission import MAX_DEVICES, Enrolment
from mfpt_coord.core.events import (
    ClientSaid,
    DeviceLeft,
    DeviceMet,
    EnrolAsked,
    Event,
    MemberSaid,
    OfferMade,
    SessionOver,
    UpdateArrived,
)
from mfpt_coord.core.payloads import largest_payload
from mfpt_coord.core.state import State
from mfpt_coord.server.quotas import Quotas
from mfpt_shared.base64url import decoded
from mfpt_shared.errors import DecodeError
from mfpt_shared.invitation import INVITED
from mfpt_shared.keys import PublicKey, fingerprint
from mfpt_shared.languages import LanguageCode
from mfpt_shared.protocol import codec
from mfpt_shared.protocol.codec import Decoded, Received
from mfpt_shared.protocol.identity import update_digest
from mfpt_shared.protocol.messages import (
    ClientState,
    Enrol,
    EvaluationReport,
    FromDevice,
    KeyShares,
    Leaving,
    Masked,
    Offer,
    Ready,
    Reveal,
    Update,
)
from mfpt_shared.protocol.topics import CLIENT_STATE, CLIENT_UP, ENROL_UP, Address, parse
from mfpt_shared.refusals import Reason, Refusals
from mfpt_shared.transport.base import Inbound

WILL: Final = 0
"""Number of a last will in its session: it is older than no message, and newer than none."""


class _Refused(Exception):
    """A message is ignored; caught in `understand`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Intake:
    """Turns messages of devices into events of the core.

    Attributes:
        refusals: Messages that changed nothing.
    """

    def __init__(self, state: Callable[[], State], holds: Callable[[str, int, bytes], bool]) -> None:
        """Prepare.

        Args:
            state: Gives the coordinator's state as it is now.
            holds: See `Store.holds`.
        """
        self._state = state
        self._holds = holds
        self._largest = largest_payload(state().plan)
        self._quotas = Quotas()
        # Devices that an open federation has met, which may not be in the state yet.
        self._met: dict[str, PublicKey] = {}
        self._last: dict[tuple[str, str], tuple[int, int]] = {}
        self.refusals = Refusals()

    def understand(self, inbound: Inbound, at: float) -> list[Event]:
        """Return what a message means to the core; nothing for one that is refused, or repeated by the broker.

        Args:
            inbound: Message from the broker.
            at: Time, Unix seconds.
        """
        try:
            return self._understood(inbound, at)
        except _Refused as refused:
            self.refusals.note(refused.reason, inbound.topic, str(refused), at)
        except DecodeError as error:
            self.refusals.note("damaged", inbound.topic, str(error), at)
        return []

    def _understood(self, inbound: Inbound, at: float) -> list[Event]:
        address = parse(inbound.topic, self._state().plan.federation)
        if not inbound.payload:
            return []
        self._check_quota(address, len(inbound.payload), at)
        received = codec.understand(inbound.topic, inbound.payload, self._state().plan.federation)
        assert received is not None
        message, signer = received.message, received.signer
        match message:
            case Update() | ClientState() | Ready() | EvaluationReport() | Offer():
                return self._from_device(address.key, received, at)
            case KeyShares() | Masked() | Reveal():
                return self._from_member(address.key, received, message, at)
            case Leaving():
                return self._from_leaver(address.key, received, message, at)
            case Enrol():
                return [EnrolAsked(at, address.key, message, signer)]
            case _:
                raise _Refused("damaged", f"a {type(message).__name__} does not come from a device")

    def _check_quota(self, address: Address, size: int, at: float) -> None:
        """Refuse what nobody may send, before it costs more than a look."""
        if size > self._largest:
            raise _Refused("too large", f"{size:,} bytes; the plan's largest update has {self._largest:,}")
        state = self._state()
        if address.topic is ENROL_UP:
            sender, is_known = INVITED + address.key, address.key in state.invitations
        else:
            known = state.enrolments.get(address.key)
            sender, is_known = address.key, known is not None and (state.open or known.is_invited)
            if not (is_known or state.open):
                raise _Refused("uninvited", "this device was not admitted")
        if not self._quotas.allows(sender, at, is_known=is_known):
            raise _Refused("too many", "more messages than a device sends")

    def _from_device(self, device: str, received: Received, at: float) -> list[Event]:
        met = self._check_signer(device, received, at)
        message = received.message
        if isinstance(message, Update):
            return [*met, self._arrived(device, message, received.content, at)]
        assert isinstance(message, ClientState | Ready | EvaluationReport | Offer)
        topic = received.address.topic.name
        if over := self._session_over(device, message, at):
            self.refusals.note("replayed", topic, "a later session of this device has begun", at)
            return [over]
        if not self._is_new(device, topic, message):
            return []
        said = self._offered(device, message, at) if isinstance(message, Offer) else ClientSaid(at, device, message)
        return [*met, said]

    def _from_member(
        self, device: str, received: Received, message: KeyShares | Masked | Reveal, at: float
    ) -> list[Event]:
        """Return what a member of a cohort has answered; nobody can be one before it was heard."""
        if device not in self._state().enrolments and device not in self._met:
            raise _Refused("uninvited", "this device is in no cohort")
        self._check_signer(device, received, at)
        # A masked update has no number; a cohort takes only one of each member.
        is_new = isinstance(message, Masked) or self._is_new(device, received.address.topic.name, message)
        return [MemberSaid(at, device, message)] if is_new else []

    def _from_leaver(self, device: str, received: Received, message: Leaving, at: float) -> list[Event]:
        """Return that a device has left for good; one that was never heard of has nothing to be forgotten."""
        if device not in self._state().enrolments:
            raise _Refused("uninvited", "nothing is known of this device")
        self._check_signer(device, received, at)
        is_new = self._is_new(device, received.address.topic.name, message)
        return [DeviceLeft(at, device)] if is_new and message.forget else []

    def _offered(self, device: str, offer: Offer, at: float) -> OfferMade:
        """Return an offer whose digest and keys can be read.

        Raises:
            DecodeError: They cannot.
        """
        try:
            digest = bytes.fromhex(offer.sha256)
        except ValueError as error:
            raise DecodeError(f"{offer.sha256[:80]!r} is not hexadecimal") from error
        for key in (offer.mask_key, offer.share_key):
            decoded(key)
        return OfferMade(at, device, offer, is_stored=self._is_stored(device, offer.sequence, digest))

    def _arrived(self, device: str, update: Update, content: bytes, at: float) -> UpdateArrived:
        is_stored = self._is_stored(device, update.header.sequence, update_digest(content))
        return UpdateArrived(at, device, update, content, is_stored=is_stored)

    def _is_stored(self, device: str, sequence: int, digest: bytes) -> bool:
        client = self._state().clients.get(device)
        return client is not None and sequence <= client.sequence and self._holds(device, sequence, digest)

    def _session_over(self, device: str, message: FromDevice, at: float) -> SessionOver | None:
        """Return what it means that a device is at work in a session although a later one has begun, if it is."""
        is_at_work = isinstance(message, Ready) or (isinstance(message, ClientState) and message.state == "online")
        newest = max(self._last_of(device, topic.name)[0] for topic in (CLIENT_STATE, CLIENT_UP))
        if not (is_at_work and message.session < newest) and not self._is_overtaken(device, message):
            return None
        ready = message.number if isinstance(message, Ready) else 0
        return SessionOver(at, device, message.session, ready, newest)

    def _check_signer(self, device: str, received: Received, at: float) -> list[Event]:
        """Refuse what another key than the device's signed; a device that an open federation meets is bound to one."""
        enrolments = self._state().enrolments
        known = enrolments[device].key if device in enrolments else self._met.get(device)
        if known is None:
            if self._is_full(enrolments):
                raise _Refused("full", f"there are {MAX_DEVICES:,} devices already")
            self._met[device] = received.signer
            return [DeviceMet(at, device, received.signer, _language(received.message))]
        if received.signer != known:
            raise _Refused("forged", f"signed by {fingerprint(received.signer)}, not by the device's own key")
        return []

    def _is_overtaken(self, device: str, message: FromDevice) -> bool:
        """Tell whether a later announcement than this one came; a restored device may have used this session before."""
        client = self._state().clients.get(device)
        if client is None or not isinstance(message, Ready):
            return False
        return (message.session, message.number) < (client.session, client.announced)

    def _is_full(self, enrolments: Mapping[str, Enrolment]) -> bool:
        if len(enrolments) + len(self._met) < MAX_DEVICES:
            return False
        self._met = {device: key for device, key in self._met.items() if device not in enrolments}
        return len(enrolments) + len(self._met) >= MAX_DEVICES

    def _is_new(self, device: str, topic: str, message: FromDevice) -> bool:
        """Tell whether a message is later than all before it on its topic; refuse it if it is earlier than one.

        A broker may send a message again, and keeps no order between topics.
        """
        number = (message.session, message.number)
        last = self._last_of(device, topic)
        if message.number == WILL and message.session == last[0]:
            return True
        if number < last:
            raise _Refused("replayed", "it came before, or later ones did")
        self._last[device, topic] = number
        return number > last

    def _last_of(self, device: str, topic: str) -> tuple[int, int]:
        """Return session and number of the newest message of a device on a topic, in this run or before it."""
        if last := self._last.get((device, topic)):
            return last
        client = self._state().clients.get(device)
        if client is None:
            return (0, 0)
        return (client.session, client.announced if topic == CLIENT_UP.name else 0)


def _language(message: Decoded) -> LanguageCode:
    if isinstance(message, Update):
        return LanguageCode(message.header.language)
    assert isinstance(message, ClientState | Ready | EvaluationReport | Offer)
    return LanguageCode(message.language)
