"""What the owner may ask of a running device, from a shell or from its page, and its answers, as JSON."""

from typing import Annotated

import msgspec
from msgspec import Meta

from mfpt_edge.session.snapshot import Snapshot
from mfpt_edge.storage.sent_report import SentReport
from mfpt_edge.storage.settings import Settings
from mfpt_shared.control_socket import Failed


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what may be asked."""


class ShowDevice(Order, frozen=True, kw_only=True, tag="device"):
    """Say who the device is and what it does."""


class Pause(Order, frozen=True, kw_only=True, tag="pause"):
    """Let training wait until `Resume`, also after a restart."""


class Resume(Order, frozen=True, kw_only=True, tag="resume"):
    """Take a `Pause` back."""


class Change(Order, frozen=True, kw_only=True, tag="change"):
    """Set when the device trains and how much it sends, from now on.

    What differs from the settings in force is kept in the state folder, even if an option of the command line has said
    otherwise for this run.
    """

    settings: Settings


class Leave(Order, frozen=True, kw_only=True, tag="leave"):
    """End in order, without waiting for the end of a round; answered with `Left` once that is done.

    Attributes:
        forget: Whether the device removes what it keeps, and asks the coordinator to forget it.
    """

    forget: bool = False


class ShowSent(Order, frozen=True, kw_only=True, tag="sent"):
    """Say what has left the device, as messages with a number above `after`."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0


class DeviceReport(msgspec.Struct, frozen=True, kw_only=True, tag="device"):
    """Who a device is and what it does.

    Attributes:
        device: Random id of the device.
        language: Its language.
        federation: Name of the federation; empty before an invitation was answered.
        folder: Its state folder.
        broker: Where the federation is, without a password; empty before it is known.
        started: When this run began, Unix seconds.
        snapshot: What it does, with its curve and the languages that help it; see `Snapshot`.
        pause: Why training waits, in words; empty: it does not.
        settings: Settings in force.
        uploaded: Bytes sent this calendar month.
    """

    device: str
    language: str
    federation: str = ""
    folder: str = ""
    broker: str = ""
    started: float = 0.0
    snapshot: Snapshot = Snapshot()
    pause: str = ""
    settings: Settings = Settings()
    uploaded: int = 0


class Left(msgspec.Struct, frozen=True, kw_only=True, tag="left"):
    """A device has left because its owner wanted it to.

    Attributes:
        device: Random id of the device.
        language: Its language.
        updates_waiting: Updates that it keeps, and sends when it is back.
        forgotten: Whether it has removed all that it kept, and will never be back.
        coordinator_asked: Whether the coordinator was there, and was asked to forget the device too.
    """

    device: str
    language: str
    updates_waiting: int = 0
    forgotten: bool = False
    coordinator_asked: bool = False


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """It has happened."""


AnyOrder = ShowDevice | Pause | Resume | Change | Leave | ShowSent
AnyReport = DeviceReport | SentReport | Left | Done | Failed
