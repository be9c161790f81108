"""Files and folders that are there whole or not at all, even after a power cut. Needs no torch."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mfpt_shared.system.files import remove, remove_folder, replace, sync
from mfpt_shared.system.names import check_name

_UNFINISHED: Final = ".part"


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, which replaces the file when the context ends without an error.

    Raises:
        OSError: The file cannot be written.
    """
    with naming(path):
        check_name(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.stem, suffix=_UNFINISHED, delete=False) as part:
            made = Path(part.name)
        try:
            yield made
            sync(made)
            replace(made, path)
            sync(path.parent)
        finally:
            remove(made, missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which replaces the folder when the context ends without an error.

    Raises:
        OSError: The folder cannot be written.
    """
    with naming(path):
        check_name(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # What somebody still reads in the old one can stay on some systems; `remove_unfinished` removes it later.
        with tempfile.TemporaryDirectory(
            dir=path.parent, prefix=path.name, suffix=_UNFINISHED, ignore_cleanup_errors=True
        ) as part:
            made, replaced = Path(part) / "made", Path(part) / "replaced"
            made.mkdir()
            yield made
            for inside in (*made.rglob("*"), made):
                sync(inside)
            if path.exists():
                replace(path, replaced)  # removed only when the new one is in place
            replace(made, path)
            sync(path.parent)


def write_durably(path: Path, payload: bytes) -> None:
    """Replace a file's content; whatever happens, the file has the whole old content or the whole new one.

    Raises:
        OSError: The file cannot be written.
    """
    with atomic_file(path) as made:
        made.write_bytes(payload)


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that were killed left half written; nobody else may be writing to the folder."""
    for left in folder.glob(f"*{_UNFINISHED}"):
        if left.is_dir():
            remove_folder(left)
        else:
            remove(left)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors name what is to be written: those of a full disk name nothing, others a name that nobody knows.

    Raises:
        OSError: The same, with the path as its file name.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None:  # an error without a number has no room for a name
            error.filename = str(path)
        raise
