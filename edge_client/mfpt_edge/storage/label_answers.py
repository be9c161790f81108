"""What the owner of a device has said that the labels of his data mean, remembered in its state folder."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from mfpt_shared.atomic import write_durably

_FILE: Final = "labels.json"

_log = logging.getLogger(__name__)


class LabelAnswers:
    """Label of the data -> label of the plan, or nothing for one that is left out; in one file, mode 0600."""

    def __init__(self, folder: Path) -> None:
        """Use the file in a state folder; it may be missing."""
        self._file = folder / _FILE

    def given(self, labels: tuple[str, ...]) -> dict[str, str]:
        """Return the answers that still make sense; a damaged file has none.

        Args:
            labels: The plan's labels; it may be another plan than the one that was answered for.
        """
        try:
            found = msgspec.json.decode(self._file.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            _log.warning("%s is damaged (%s): what labels mean is asked again", self._file, error)
            return {}
        return {label: meant for label, meant in found.items() if not meant or meant in labels}

    def keep(self, answers: Mapping[str, str], labels: tuple[str, ...]) -> None:
        """Remember answers, beside those that were given before."""
        write_durably(self._file, msgspec.json.encode({**self.given(labels), **answers}))
