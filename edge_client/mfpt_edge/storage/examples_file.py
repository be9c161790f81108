"""The examples that an owner has given to a device through its page: a copy in the state folder, the owner's alone.

Each file that is given gets a name of its own, so that a training that reads the one before it is not disturbed; which
one counts is in a small file beside them.
"""

import os
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from mfpt_shared.atomic import write_durably
from mfpt_shared.environment import sentence
from mfpt_shared.errors import MfptError, UsageError
from mfpt_shared.folders import FILE_MODE, private_folder
from mfpt_shared.system.files import remove
from mfpt_shared.texts import printable

EXAMPLES: Final = "examples"
"""Folder in the state folder."""
MOST_BYTES: Final = 200_000_000
_CHOSEN: Final = "chosen.json"
_SUFFIX: Final = re.compile(r"(\.[a-z0-9]{1,8})(\.gz)?$", re.ASCII)
_LONGEST_NAME: Final = 120


class ExamplesFile(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner has given.

    Attributes:
        file: Name in the folder; empty: the owner has none, and uses the data that the federation names.
        called: What the owner calls it.
        bytes: Its size.
    """

    file: Annotated[str, Meta(pattern=r"^([A-Za-z0-9_-]+(\.[a-z0-9]+){1,2})?$")] = ""
    called: Annotated[str, Meta(max_length=_LONGEST_NAME)] = ""
    bytes: int = 0


def chosen(state: Path) -> ExamplesFile | None:
    """Return what the owner of a state folder has given; None: nothing yet, or nothing that can be read."""
    try:
        found = msgspec.json.decode((state / EXAMPLES / _CHOSEN).read_bytes(), type=ExamplesFile)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if not found.file or (state / EXAMPLES / found.file).is_file() else None


def path_of(state: Path, given: ExamplesFile) -> Path:
    """Return where the examples are; `given.file` is not empty."""
    return state / EXAMPLES / given.file


def choose_none(state: Path) -> None:
    """Note that the owner has no examples of their own.

    Raises:
        MfptError: It cannot be written.
    """
    _choose(state, ExamplesFile())


async def receive(state: Path, called: str, chunks: AsyncIterator[bytes]) -> ExamplesFile:
    """Keep a file that the owner gives; it counts from now on, and those before it are removed.

    Args:
        state: State folder.
        called: Name of the file on the owner's disk; only its suffix counts.
        chunks: Its content.

    Raises:
        UsageError: The name has no suffix that a file of data could have.
        MfptError: It cannot be written.
    """
    suffix = _SUFFIX.search(called.lower())
    if suffix is None:
        raise UsageError("the name of the file must end in what it is, such as .csv, .tsv, .json or .conll")
    file = f"{secrets.token_hex(8)}{suffix[0]}"
    try:
        folder = private_folder(private_folder(state) / EXAMPLES)
        size = await _written(folder / file, chunks)
    except OSError as error:
        raise MfptError(f"the file cannot be kept: {sentence(error)}") from error
    given = ExamplesFile(file=file, called=printable(called, _LONGEST_NAME), bytes=size)
    _choose(state, given)
    return given


async def _written(path: Path, chunks: AsyncIterator[bytes]) -> int:
    size = 0
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as stream:
            async for chunk in chunks:
                size += stream.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size


def _choose(state: Path, given: ExamplesFile) -> None:
    try:
        folder = private_folder(private_folder(state) / EXAMPLES)
        write_durably(folder / _CHOSEN, msgspec.json.encode(given))
        for file in folder.iterdir():
            if file.name not in (given.file, _CHOSEN):
                remove(file, missing_ok=True)
    except OSError as error:
        raise MfptError(f"what you have chosen cannot be kept: {sentence(error)}") from error
