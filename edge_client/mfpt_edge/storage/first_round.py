"""Which of a device's rounds is the first under its plan: updates are numbered on from one plan to the next."""

from pathlib import Path
from typing import Final

import msgspec

from mfpt_shared.atomic import write_durably
from mfpt_shared.folders import private_folder
from mfpt_shared.plan import Plan

_FILE: Final = "first-round.json"


class _FirstRound(msgspec.Struct, frozen=True):
    """Digest of a plan, and number of the first round under it."""

    plan: str
    number: int


def first_round(folder: Path, plan: Plan) -> int | None:
    """Return the number of a device's first round under a plan; None where it has made none, or it is not known.

    Args:
        folder: State folder of the device.
        plan: The plan.
    """
    try:
        known = msgspec.json.decode((folder / _FILE).read_bytes(), type=_FirstRound)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return known.number if known.plan == plan.digest else None


def save_first_round(folder: Path, plan: Plan, number: int) -> None:
    """Remember the number of a device's first round under a plan; arguments as for `first_round`.

    Raises:
        OSError: It cannot be written.
    """
    payload = msgspec.json.encode(_FirstRound(plan.digest, number))
    write_durably(private_folder(folder) / _FILE, payload)
