"""The devices of this user on this machine, as the page names them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.storage.identity import Identity, read_identity
from mfpt_edge.storage.membership import read_membership
from mfpt_shared.errors import UsageError
from mfpt_shared.folders import is_owned
from mfpt_shared.language_names import language_name
from mfpt_shared.languages import LanguageCode, is_language
from mfpt_shared.plan import federation_name

HERE: Final = "here"
"""What the device in the folder of `--state-dir` is called."""


class KnownDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device.

    Attributes:
        at: What the page calls it.
        federation: Name of its federation.
        language: Its language.
        language_name: The language's English name.
        runs: Whether it takes part now.
    """

    at: str
    federation: str
    language: str
    language_name: str
    runs: bool


class Devices:
    """Where devices are.

    Args:
        home: Folder with a folder for each federation, and in it one for each language.
        given: The one folder that `--state-dir` names; None: all of the user's.
    """

    def __init__(self, home: Path, given: Path | None) -> None:
        self._home = home
        self._given = given

    def known(self) -> tuple[KnownDevice, ...]:
        """Return the devices that have taken part, by federation and language.

        Raises:
            Damaged: What a state folder says cannot be read.
        """
        found = ((at, folder, read_identity(folder)) for at, folder in self._folders())
        return tuple(_known(at, folder, identity) for at, folder, identity in found if identity is not None)

    def _folders(self) -> Iterator[tuple[str, Path]]:
        if self._given is not None:
            yield HERE, self._given
            return
        for folder in sorted(self._home.glob("*/*/")):
            yield f"{folder.parent.name}/{folder.name}", folder

    def at(self, federation: str, language: LanguageCode) -> str:
        """Return what the page calls a device, which need not be there yet."""
        return HERE if self._given is not None else f"{federation}/{language}"

    def folder(self, at: str) -> Path:
        """Return the state folder of a device.

        Raises:
            UsageError: No device can be called so.
        """
        if self._given is not None:
            if at != HERE:
                raise UsageError("this page shows the device of --state-dir and no other")
            return self._given
        federation, _, language = at.partition("/")
        if not is_language(language):
            raise UsageError("the page asks for a device that cannot be: load it again")
        return self._home / federation_name(federation) / language


def _known(at: str, folder: Path, identity: Identity) -> KnownDevice:
    membership = read_membership(folder)
    return KnownDevice(
        at=at,
        federation=membership.federation if membership else folder.parent.name,
        language=identity.language,
        language_name=language_name(identity.language) or identity.language,
        runs=is_owned(folder),
    )
