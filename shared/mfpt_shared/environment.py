"""Errors of the machine that a program runs on, told as what they are: a full disk is no defect of mfpt.

No traceback helps with them: a person is told what failed, where, and what to do about it.
"""

import errno
import os
from typing import Final

from mfpt_shared.errors import ConnectionFailed, MfptError, UsageError
from mfpt_shared.system.files import is_held, may_be_held, number_of
from mfpt_shared.system.limits import HAS_ULIMIT

_OR_RAISE_MEMORY: Final = ", or raise the limit (ulimit -v) of this one" if HAS_ULIMIT else ""
OUT_OF_MEMORY: Final = f"there is too little memory: end other programs{_OR_RAISE_MEMORY}"
_ROOM: Final = "make room there, or name another place"
_RIGHTS: Final = "have its owner allow it, or name another place"
_FILES: Final = "raise the limit of open files (ulimit -n)" if HAS_ULIMIT else "end other programs"
_LARGE: Final = (
    "raise the limit on the size of files (ulimit -f)" if HAS_ULIMIT else "name a disk that takes larger files"
)
_OR_RAISE_THREADS: Final = ", or raise the limit (ulimit -u)" if HAS_ULIMIT else ""
_HELD: Final = "another program has it open: close that one"
_MAY_BE_HELD: Final = f"another program may have it open; or else {_RIGHTS}"
_PLACE: Final = "something else is in its place: move that away, or name another one"

_ADVICE: Final = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _LARGE,
    errno.EROFS: "name a place that can be written to",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: OUT_OF_MEMORY,
    errno.EAGAIN: f"too many processes or threads run here: end some{_OR_RAISE_THREADS}",
    errno.ENOENT: "it is missing: make it, or name another place",
    errno.ENOTDIR: _PLACE,
    errno.EISDIR: _PLACE,
    errno.ENOTEMPTY: _PLACE,
    errno.EEXIST: _PLACE,
    errno.ELOOP: _PLACE,
    errno.ENAMETOOLONG: "name a place with a shorter path",
    errno.EIO: "the disk may be failing: look into the system's log",
}

_NO_PLACE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP})
_TEMPORARY: Final = "no usable temporary directory"

# What libraries say instead of raising an OSError or a MemoryError, in lower case, and what it means.
_SAID: Final = {
    "cannot allocate memory": OUT_OF_MEMORY,
    "can't allocate memory": OUT_OF_MEMORY,
    "failed to map segment": OUT_OF_MEMORY,
    "failed to allocate memory": OUT_OF_MEMORY,
    "failed to serialize proto": OUT_OF_MEMORY,
    "out of memory": OUT_OF_MEMORY,
    "bad_alloc": OUT_OF_MEMORY,
    "can't start new thread": f"no thread can be started: {_ADVICE[errno.EAGAIN]}",
    "too many open files": f"too many files are open: {_FILES}",
    "no space left on device": f"a disk is full: {_ROOM}",
    "home directory": "this user has no home folder: set HOME",
    "uid not found": "this user has no name on this machine: set HOME and USER",
}


def explained(error: BaseException) -> MfptError | None:
    """Return an error of the environment as one for people; None: it is something else, a defect maybe."""
    if isinstance(error, MemoryError):
        return MfptError(OUT_OF_MEMORY)
    if isinstance(error, OSError) and error.errno is not None:
        line = sentence(error)
        return ConnectionFailed(line) if isinstance(error, ConnectionError) else MfptError(line)
    if isinstance(error, UnicodeEncodeError):
        return MfptError(f"a text cannot be written in {error.encoding}: set LC_ALL=C.UTF-8")
    if isinstance(error, ValueError | TypeError):
        return None  # these quote what somebody has written
    said = str(error).lower()
    return next((MfptError(meaning) for words, meaning in _SAID.items() if words in said), None)


def sentence(error: OSError, where: object = None) -> str:
    """Return what failed, where, and what to do.

    Args:
        error: Error of the system.
        where: What was read or written, if the error does not name it.
    """
    reason = error.strerror or str(error) or type(error).__name__
    if _TEMPORARY in reason.lower():
        return "there is no folder for temporary files that can be written to: set TMPDIR to one"
    place = error.filename if error.filename is not None else where
    if place is None and error.errno == errno.ENOENT and not _has_working_folder():
        return "the folder in which this was started is gone: go to another one"
    advice = _advice(error)
    named = reason if place is None else f"{_text(place)}: {reason}"
    return named if advice is None else f"{named}; {advice}"


def _advice(error: OSError) -> str | None:
    """Return what to do about an error; None: nothing that would help is known."""
    if is_held(error):
        return _HELD
    return _MAY_BE_HELD if may_be_held(error) else _ADVICE.get(number_of(error))


def not_written(path: object, error: OSError) -> MfptError:
    """Return an error about a file that somebody asked for: of the argument, if it names no place for one."""
    line = f"cannot write {sentence(error, path)}"
    return UsageError(line) if error.errno in _NO_PLACE else MfptError(line)


def _text(place: object) -> str:
    return os.fsdecode(place) if isinstance(place, str | bytes | os.PathLike) else str(place)


def _has_working_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - the question is whether there is one
    except OSError:
        return False
    return True
