"""Updates in the outbox, which are bytes there: what is an answer to them, and how one gets another number."""

import logging
from collections.abc import Callable, Iterator

import msgspec

from mfpt_edge.core.events import Event, Told
from mfpt_edge.storage.outbox import Outbox
from mfpt_shared.errors import DecodeError
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import decode, encode
from mfpt_shared.protocol.messages import Ack, Reject, Resync, Update
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import Quantised

_log = logging.getLogger(__name__)


def answers_what_waits(outbox: Outbox, event: Event, name: Callable[[bytes], str]) -> bool:
    """Tell whether an event may change anything: an answer to another update than the one that waits must not.

    Where a device's folder was restored or copied, two updates have had one number.

    Args:
        outbox: Where the updates are.
        event: What happened.
        name: What answers call an update that is encoded like this.
    """
    if not isinstance(event, Told) or not isinstance(event.message, Ack | Reject | Resync):
        return True
    answer = event.message
    if not answer.sha256 or answer.sequence not in outbox.sequences():
        return True
    return answer.sha256 == name(outbox.payload(answer.sequence))


def renumber(outbox: Outbox, sequence: int, new: int) -> None:
    """Give an update another number. If the process dies in between, both are there, and one of them is taken."""
    if sequence not in outbox.sequences():
        return  # done before, all but its last step
    update = read_update(outbox.payload(sequence))
    header = msgspec.structs.replace(update.header, sequence=new)
    if outbox.was_sent(sequence):
        outbox.note_sent(new)
    outbox.put(new, encode(Update(header, update.delta)))
    outbox.forget(sequence)


def forget_damaged(outbox: Outbox) -> None:
    """Drop updates that cannot be read; they would be sent again and again."""
    for sequence in outbox.sequences():
        try:
            read_update(outbox.payload(sequence))
        except DecodeError as error:
            _log.warning("dropped update %d, its file in the outbox is damaged: %s", sequence, error)
            outbox.forget(sequence)


def shows_too_much(outbox: Outbox, plan: Plan) -> Iterator[int]:
    """Yield the numbers of updates that must not travel in the open as they are, under a plan without masks.

    They were made under another plan: to travel under masks, in 32 bits and not in 8, or perhaps without the noise that
    this plan asks for. They would be laid bare before the coordinator could say that they do not fit.
    """
    for sequence in outbox.sequences():
        update = read_update(outbox.payload(sequence))
        in_8_bits = any(isinstance(tensor, Quantised) for tensor in update.delta.values())
        if update.header.plan != plan.digest and not (in_8_bits and plan.privacy.noise == "none"):
            yield sequence


def read_update(payload: bytes) -> Update:
    """Return an update of the outbox.

    Raises:
        DecodeError: Its file is damaged.
    """
    message = decode(CLIENT_UP, payload)
    if not isinstance(message, Update):
        raise DecodeError(f"it is a {type(message).__name__}, not an update")
    return message
