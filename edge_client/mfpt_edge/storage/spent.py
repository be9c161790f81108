"""What a device's updates have given away so far under plans with noise, on its disk before each of them leaves."""

from pathlib import Path
from typing import Final

import msgspec

from mfpt_shared.atomic import write_durably
from mfpt_shared.folders import private_folder

_FILE: Final = "spent.json"


class Spent(msgspec.Struct, frozen=True):
    """What has been given away.

    Attributes:
        number: Number of the last update that is counted.
        cost: Sum of what updates up to that number cost, as rho; see `mfpt_shared.device.accountant`.
    """

    number: int
    cost: float

    def after(self, number: int, each: float) -> "Spent":
        """Return what is spent when all numbers up to this one are, at so much for each.

        A number that is skipped counts as well: another copy of this folder may have used it.
        """
        return self if number <= self.number else Spent(number, self.cost + each * (number - self.number))


def read_spent(folder: Path) -> Spent | None:
    """Return what the state folder of a device says; None where it says nothing, or nothing that can be read."""
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=Spent)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def save_spent(folder: Path, spent: Spent) -> None:
    """Remember what is spent; it is on the disk when this returns.

    Raises:
        OSError: It cannot be written.
    """
    write_durably(private_folder(folder) / _FILE, msgspec.json.encode(spent))
