"""Readers of what makes somebody a member of a closed federation: invitations, and the file that is kept of one."""

from pathlib import Path

import msgspec

from fuzzing.target import Target
from mfpt_edge.storage.membership import MEMBERSHIP_FILE, Membership, read_membership
from mfpt_shared.base64url import encoded
from mfpt_shared.errors import Damaged, UsageError
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.keys import SigningKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.address import BrokerAddress

_ADDRESSES = (
    BrokerAddress("radio.example", 8883, "mqtts"),
    BrokerAddress("::1", 443, "wss", path="/mqtt/radio"),
)
_KEY = SigningKey.generate().public


def targets(place: Path) -> list[Target]:
    """Return a target for each reader.

    Args:
        place: Empty folder for their files.
    """
    lines = [
        InvitationLine(_ADDRESSES, "radio", encoded(bytes(8)), encoded(bytes(16)), _KEY, LanguageCode("swh")),
        InvitationLine(_ADDRESSES[1:], "radio", encoded(bytes(8)), encoded(bytes(16)), _KEY),
    ]
    membership = Membership(
        addresses=tuple(map(str, _ADDRESSES)), federation="radio", coordinator=encoded(_KEY), role="device"
    )

    def kept(data: bytes) -> object:
        (place / MEMBERSHIP_FILE).write_bytes(data)
        found = read_membership(place)
        return found and (found.key, found.brokers())

    return [
        Target("invitation", [str(line).encode() for line in lines], _said_again, (UsageError,)),
        Target("membership", [msgspec.json.encode(membership)], kept, (Damaged,)),
    ]


def _said_again(data: bytes) -> object:
    """Read an invitation; what was understood can be said again, and means the same."""
    line = InvitationLine.parse(data.decode(errors="replace"))
    if InvitationLine.parse(str(line)) != line:
        raise AssertionError("what the invitation says does not come back from its line")
    return line
