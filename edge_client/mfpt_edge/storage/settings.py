"""What a device's owner has set, in one small file of the state folder: when it trains, and how much it sends."""

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict, replace

from mfpt_edge.storage.kept_struct import read_kept
from mfpt_shared.atomic import write_durably
from mfpt_shared.folders import private_folder

SETTINGS_FILE: Final = "settings.json"

OnBattery = Literal["pause", "train"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """When a device trains, and how much it sends.

    Attributes:
        paused: Whether its owner has paused it.
        hours: Hours of the day, local time, in which it trains, such as `22-6`; empty: always.
        max_load: Load average of other programs above which training waits; None: it does not matter.
        on_battery: What it does while the machine runs on battery.
        max_upload: Bytes sent in a calendar month after which it begins no more trainings; None: no limit.
    """

    paused: bool = False
    hours: Annotated[str, Meta(max_length=20)] = ""
    max_load: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    on_battery: OnBattery = "train"
    max_upload: Annotated[int, Meta(ge=0, le=10**15)] | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says, and leaves open; see `Settings`."""

    hours: str | UnsetType = UNSET
    max_load: float | UnsetType | None = UNSET
    on_battery: OnBattery | UnsetType = UNSET
    max_upload: int | UnsetType | None = UNSET

    def over(self, settings: Settings) -> Settings:
        """Return the settings that are in force."""
        said = {key: value for key, value in asdict(self).items() if value is not UNSET}
        return replace(settings, **said)

    def without(self, before: Settings, after: Settings) -> "Said":
        """Return what is still said once the owner has changed settings."""
        differ = [key for key in asdict(self) if getattr(before, key) != getattr(after, key)]
        return replace(self, **dict.fromkeys(differ, UNSET))


def read_settings(folder: Path) -> Settings:
    """Return what the owner has set; the defaults, where nothing was.

    Raises:
        Damaged: The file is damaged.
    """
    return read_kept(folder / SETTINGS_FILE, Settings, "remove it, and set again when this device trains") or Settings()


def write_settings(folder: Path, settings: Settings) -> None:
    """Keep what the owner has set; it is on the disk when this returns.

    Raises:
        OSError: The file cannot be written.
    """
    write_durably(private_folder(folder) / SETTINGS_FILE, msgspec.json.encode(settings))
