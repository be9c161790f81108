"""What a device's owner has allowed, remembered in its state folder."""

import logging
from pathlib import Path
from typing import Final

import msgspec

from mfpt_shared.atomic import write_durably

_FILE: Final = "allowed.json"

_log = logging.getLogger(__name__)


class Answers:
    """The keys of wishes (`consent.Wish`) that were allowed, in one file, mode 0600."""

    def __init__(self, folder: Path) -> None:
        """Use the file in a state folder; it may be missing."""
        self._file = folder / _FILE

    def given(self) -> frozenset[str]:
        """Return what was allowed; a damaged file allows nothing."""
        try:
            return frozenset(msgspec.json.decode(self._file.read_bytes(), type=list[str]))
        except FileNotFoundError:
            return frozenset()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            _log.warning("%s is damaged (%s): what it allowed is asked again", self._file, error)
            return frozenset()

    def add(self, *keys: str) -> None:
        """Remember that something was allowed."""
        write_durably(self._file, msgspec.json.encode(sorted({*self.given(), *keys})))
