"""What a message on the wire says, field by field and to the byte: what people are shown of what has left a device."""

import msgspec


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message.

    Attributes:
        name: Name of the field, with those of the fields around it: `metrics.loss`.
        bytes: What it takes of the payload; the parts of a message add up to all of it.
        value: What it is, as people read it, cut where it is long.
        says: What the field means; empty where the name is all that is known.
    """

    name: str
    bytes: int
    value: str
    says: str = ""
