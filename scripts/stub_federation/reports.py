"""What a process of stub devices is asked for, and what it tells, as lines of JSON."""

from typing import Literal

import msgspec

Disturbance = Literal["duplicated", "delayed", "reordered"]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The devices of one process.

    Attributes:
        broker: URL of the broker.
        federation: Name of the federation.
        folders: State folder of each device.
        languages: Language of each device.
        seconds: Shortest and longest time that a training takes.
        seed: Seed of what is random.
        disturbed: Share of the messages, 0 to 1, that are duplicated, delayed or overtaken on their way.
        is_light: Whether connections are `LightTransport`s instead of paho's, of which each needs a thread.
        spread: Time over which the devices connect for the first time, seconds.
    """

    broker: str
    federation: str
    folders: list[str]
    languages: list[str]
    seconds: tuple[float, float]
    seed: int = 0
    disturbed: float = 0.0
    is_light: bool = False
    spread: float = 0.0


class Report(msgspec.Struct, frozen=True, tag=True):
    """Base of what is told."""


class Acknowledged(Report, frozen=True):
    """A device was told that its update is stored; `sha256` is the hexadecimal digest of what it sent last."""

    device: str
    sequence: int
    sha256: str


class Disturbed(Report, frozen=True):
    """A message did not pass as it was sent."""

    how: Disturbance


class Lost(Report, frozen=True):
    """A device has lost its connection."""

    device: str


class Ended(Report, frozen=True):
    """A device gave up; it is started again, as a service would be."""

    device: str
    reason: str


AnyReport = Acknowledged | Disturbed | Lost | Ended
