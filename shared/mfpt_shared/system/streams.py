"""The standard streams, where systems differ: their encoding, and how one is told that nobody reads them any more."""

import errno
import io
import sys


def use_utf8() -> None:
    """Let the standard streams be UTF-8 on Windows, which takes the encoding of old programs for pipes and files.

    Its consoles are UTF-8 already. On other systems people say what they want (LANG, LC_ALL).
    """
    if sys.platform == "win32":
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors=stream.errors)


def is_unread(error: OSError) -> bool:
    """Tell whether a stream cannot be written because whoever read it has closed it."""
    # Windows' C library takes a pipe without a reader for an invalid argument.
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL)
