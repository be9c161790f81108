"""What leaves the outbox of a device, and what comes back about it; how it leaves is in the plan that comes."""

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator

from mfpt_edge.core.events import CoordinatorSeen, Event, Told
from mfpt_edge.session.channel import Channel, Understood
from mfpt_edge.session.hearing import Hearing
from mfpt_edge.session.patient_disk import PatientDisk
from mfpt_edge.session.sending import MaskedSending, OpenSending, Sending, others
from mfpt_edge.session.sent_updates import answers_what_waits, shows_too_much
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.device.cohorts import CohortOrder, Cohorts
from mfpt_shared.errors import DecodeError, Exposing
from mfpt_shared.keys import SigningKey
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Ack, Reject, Resync
from mfpt_shared.tensors import PromptState

_log = logging.getLogger(__name__)


class Sender:
    """Sends updates as the plan says."""

    def __init__(
        self,
        outbox: Outbox,
        channel: Channel,
        disk: PatientDisk,
        key: SigningKey,
        *,
        carry: Callable[[PromptState], None],
        show: Callable[[str], None],
    ) -> None:
        """Wait for a plan; arguments as for `MaskedSending`."""
        self._outbox = outbox
        self._channel = channel
        self._disk = disk
        self._key = key
        self._carry = carry
        self._show = show
        self._way: Sending = OpenSending(outbox, channel)
        self._epoch = 0

    def begin(self, plan: Plan, at: float) -> Iterator[Event]:
        """Send as a plan says from now on; yield what became of updates that can be sent in no way.

        Args:
            plan: The plan that the device follows.
            at: Time, Unix seconds.
        """
        if plan.privacy.is_masked:
            least = others(plan.privacy.min_group - 1)
            _log.info("updates are added up under masks with those of %s or more; nobody reads a single one", least)
            self._way = MaskedSending(
                *(self._outbox, self._channel, self._disk),
                cohorts=Cohorts(plan, secrets.token_bytes),
                key=self._key,
                carry=self._carry,
                show=self._show,
            )
            return
        detail = "it was made under another plan, and would show more than this one lets it; it is not sent"
        for sequence in shows_too_much(self._outbox, plan):
            yield Told(at, Reject(sequence=sequence, reason="incompatible", detail=detail))

    def send(self, sequences: Iterable[int]) -> None:
        """Send updates, in order; one that the disk has not taken yet under a new number waits until it has."""
        for sequence in sorted(set(sequences).intersection(self._outbox.sequences())):
            self._way.send(sequence)

    def hear(self, understood: Understood, topic: str, at: float, hearing: Hearing) -> Event | None:
        """Return what a message means to the core; None if it is no affair of the core's.

        Args:
            understood: The message.
            topic: Topic on which it came.
            at: Time, Unix seconds.
            hearing: Told of an order that is ignored.
        """
        if isinstance(understood, CohortOrder):
            try:
                return self._way.hear(understood, at)
            except (DecodeError, Exposing) as error:
                hearing.ignore(error, topic, at)
                return None
        if not answers_what_waits(self._outbox, understood, self._way.name):
            return None
        if isinstance(understood, CoordinatorSeen) and understood.message.epoch != self._epoch:
            self._epoch = understood.message.epoch
            self._way.restarted()
        if isinstance(understood, Told) and isinstance(understood.message, Ack | Reject | Resync):
            self._way.ended(understood.message)
        return understood
