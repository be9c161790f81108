"""How a device's updates leave it: in the open, or added up with those of others under masks. The plan says which."""

import hmac
import logging
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from mfpt_edge.core.events import Event, Told
from mfpt_edge.session.channel import Channel
from mfpt_edge.session.patient_disk import PatientDisk
from mfpt_edge.session.sent_updates import read_update
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.device.cohorts import CohortOrder, Cohorts, NotAwaited
from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.identity import update_digest
from mfpt_shared.protocol.messages import Ack, Deliver, Disband, Gather, Reject, Resync, Unmask
from mfpt_shared.tensors import PromptState

_DIGESTS: Final = "digests of updates under masks"

_log = logging.getLogger(__name__)


class Sending(Protocol):
    """One of the two ways."""

    def name(self, content: bytes) -> str:
        """Return what an answer calls an update that is encoded like this."""

    def send(self, sequence: int) -> None:
        """Send an update of the outbox, or do what brings it on its way; it may be sent again and again."""

    def hear(self, order: CohortOrder, at: float) -> Event | None:
        """Do what the coordinator asks of a member of a cohort; return what it means to the core.

        Raises:
            DecodeError: The order is damaged, or asks for nothing that this device has.
            Exposing: It asks for more than masks may show.
        """

    def restarted(self) -> None:
        """Note that the coordinator is another, or has forgotten what it was about."""

    def ended(self, answer: Ack | Reject | Resync) -> None:
        """Note that an update was answered, and waits no longer."""


class OpenSending:
    """Updates travel as they are in the outbox."""

    def __init__(self, outbox: Outbox, channel: Channel) -> None:
        self._outbox = outbox
        self._channel = channel

    def name(self, content: bytes) -> str:
        """See Sending.name."""
        return update_digest(content).hex()

    def send(self, sequence: int) -> None:
        """See Sending.send."""
        self._channel.send_update(self._outbox.payload(sequence))

    def hear(self, order: CohortOrder, at: float) -> Event | None:
        """See Sending.hear."""
        del at
        raise DecodeError(f"a {type(order).__name__}, but the updates of this federation travel in the open")

    def restarted(self) -> None:
        """See Sending.restarted."""

    def ended(self, answer: Ack | Reject | Resync) -> None:
        """See Sending.ended."""


class MaskedSending:
    """Updates are offered, and leave under masks when others are there to be added up with."""

    def __init__(
        self,
        outbox: Outbox,
        channel: Channel,
        disk: PatientDisk,
        *,
        cohorts: Cohorts,
        key: SigningKey,
        carry: Callable[[PromptState], None],
        show: Callable[[str], None],
    ) -> None:
        """Begin without offers.

        Args:
            outbox: Where the updates are.
            channel: Channel to the coordinator.
            disk: Writes to the outbox.
            cohorts: Keys and memberships of this process.
            key: Private key of the device.
            carry: Takes what the grid left out of an update that was added up.
            show: Tells the person at the device where an update stands.
        """
        self._outbox = outbox
        self._channel = channel
        self._disk = disk
        self._cohorts = cohorts
        self._secret = bytes.fromhex(key.secret(_DIGESTS))
        self._carry = carry
        self._show = show
        self._offered = 0

    def name(self, content: bytes) -> str:
        """See Sending.name. Nobody else can tell whether it is that of some other update."""
        return hmac.digest(self._secret, content, "sha256").hex()

    def send(self, sequence: int) -> None:
        """See Sending.send. A device has one offer: of its updates that have not left, the oldest."""
        if self._outbox.was_sent(sequence) or sequence == min(self._unsent()):
            self._offer(sequence)

    def hear(self, order: CohortOrder, at: float) -> Event | None:
        """See Sending.hear."""
        match order:
            case Gather():
                self._gathered(order)
            case Deliver():
                self._delivered(order)
            case Unmask():
                self._unmasked(order)
            case Disband():
                return self._disbanded(order, at)
        return None

    def restarted(self) -> None:
        """See Sending.restarted."""
        for sequence in self._unsent():
            self._cohorts.leave(sequence)

    def ended(self, answer: Ack | Reject | Resync) -> None:
        """See Sending.ended."""
        self._offer_the_one_after(answer.sequence)
        number = self._cohorts.others(answer.sequence)
        left = self._cohorts.forget(answer.sequence)
        if isinstance(answer, Ack) and left is not None:
            self._carry(left)
            self._show(f"added up with {others(number)}")
            _log.info("update %d is added up with those of %s", answer.sequence, others(number))

    def _offer(self, sequence: int) -> None:
        content, sent = self._outbox.payload(sequence), self._outbox.was_sent(sequence)
        self._channel.send(self._cohorts.offer(read_update(content), self.name(content), sent=sent))
        if sent or self._cohorts.cohort(sequence):
            return
        least = f"{others(self._cohorts.min_group - 1)} or more"
        self._show(f"waiting for {least}")
        if sequence > self._offered:
            self._offered = sequence
            _log.info("update %d waits to be added up with those of %s", sequence, least)

    def _offer_the_one_after(self, sequence: int) -> None:
        if later := [number for number in self._unsent() if number > sequence]:
            self._offer(min(later))

    def _unsent(self) -> list[int]:
        return [number for number in self._outbox.sequences() if not self._outbox.was_sent(number)]

    def _gathered(self, order: Gather) -> None:
        if not self._is_here(order.sequence, order.sha256):
            raise NotAwaited(f"nothing new: there is no update {order.sequence} like that")
        if self._cohorts.has_served(order) and not self._outbox.was_sent(order.sequence):
            self._begin_anew(order.sequence)
            return
        answer = self._cohorts.gather(order)
        self._show(f"joining {others(self._cohorts.others(order.sequence))}")
        self._channel.send(answer)

    def _delivered(self, order: Deliver) -> None:
        sequence = self._cohorts.sequence(order.cohort)
        masked = self._cohorts.deliver(order, read_update(self._outbox.payload(sequence)))
        leave = partial(self._leave, order.cohort, sequence, encode(masked))
        self._disk.write(f"the note that update {sequence} leaves", leave)

    def _unmasked(self, order: Unmask) -> None:
        answer = self._cohorts.unmask(order)
        self._show(f"adding up with {others(len(order.survivors) - 1)}")
        self._channel.send(answer)

    def _leave(self, cohort: str, sequence: int, masked: bytes) -> None:
        """Note that an update leaves, then send it; before the disk takes the note, the cohort may be over."""
        if self._cohorts.cohort(sequence) == cohort:
            self._outbox.note_sent(sequence)
            self._channel.send_update(masked)

    def _disbanded(self, order: Disband, at: float) -> Event | None:
        """Offer an update again that has not left yet; one that has is for the core to drop."""
        sequence, joined = order.sequence, self._cohorts.cohort(order.sequence)
        if not self._is_here(sequence, order.sha256) or (joined and order.cohort not in (joined, "")):
            raise NotAwaited(f"nothing new: update {sequence} is not in cohort {order.cohort}")
        if self._outbox.was_sent(sequence):
            self._cohorts.forget(sequence)
            self._offer_the_one_after(sequence)
            return Told(at, order)
        self._begin_anew(sequence)
        return None

    def _begin_anew(self, sequence: int) -> None:
        """Leave the cohort of an update, and offer the update with new keys."""
        self._cohorts.leave(sequence)
        self._offer(sequence)

    def _is_here(self, sequence: int, name: str) -> bool:
        return sequence in self._outbox.sequences() and self.name(self._outbox.payload(sequence)) == name


def others(number: int) -> str:
    """Return a number of other devices, for people."""
    return "1 other" if number == 1 else f"{number} others"
