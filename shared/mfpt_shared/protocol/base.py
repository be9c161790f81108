"""What all messages have in common: the types of their fields, and what orders them.

What orders messages is stamped by the channel of the side that sends them: an epoch by the coordinator, a session and a
number by a device. A stamp of 0 is never sent.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

PROTOCOL: Final = 2

Protocol = Annotated[int, Meta(ge=PROTOCOL, le=2**16)]
Epoch = Annotated[int, Meta(ge=0, le=2**53)]
Number = Annotated[int, Meta(ge=0, le=2**53)]
Version = Annotated[int, Meta(ge=0, le=2**53)]
Sequence = Annotated[int, Meta(ge=1, le=2**53)]
Examples = Annotated[int, Meta(ge=0, le=10**12)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]
Share = Annotated[float, Meta(ge=0, le=1)]
Tag = Annotated[str, Meta(pattern=r"^[a-z]{3}\Z")]
Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Digest = Annotated[str, Meta(max_length=80)]
Padding = Annotated[str, Meta(max_length=2**20)]
Text = Annotated[str, Meta(max_length=500)]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the JSON messages.

    Attributes:
        protocol: Number of the protocol that the sender speaks.
    """

    protocol: Protocol = PROTOCOL


class FromCoordinator(Message, frozen=True, kw_only=True):
    """Base of what the coordinator says.

    Attributes:
        epoch: Number of the coordinator's run. It rises with every start, so that nothing older is taken for new.
        version: Newest version of the prompts.
        at: Time at which it was said.
    """

    epoch: Epoch = 0
    version: Version = 0
    at: Seconds = 0.0


class FromDevice(Message, frozen=True, kw_only=True):
    """Base of what a device says, except for updates, which have sequence numbers.

    Attributes:
        session: Number of the device's run. It rises with every start.
        number: Number of the message in its session; 0 in a last will, which belongs to the session as a whole.
    """

    session: Number = 0
    number: Number = 0
