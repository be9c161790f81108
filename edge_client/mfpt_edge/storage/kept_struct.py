"""Reads a file of the state folder that holds one struct as JSON."""

from pathlib import Path
from typing import TypeVar

import msgspec

from mfpt_shared.errors import Damaged

KeptT = TypeVar("KeptT")


def read_kept(file: Path, kind: type[KeptT], mend: str) -> KeptT | None:
    """Return what a file holds; None if there is none.

    Args:
        file: The file.
        kind: What it holds.
        mend: What to do where it is damaged, for people.

    Raises:
        Damaged: The file is damaged.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(f"{file} is damaged ({error}); {mend}") from error
