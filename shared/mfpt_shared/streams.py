r"""The standard streams, made safe: none is missing, every text can be written, and every failure says where it was.

* A stream that was closed (`<&-`) is the null device. Python would have None there, and the next file that is opened
  would get its number, and with it whatever a library prints.
* What the encoding of standard output lacks is written as `\u00f1`, which is the same text in JSON.
* Whoever stops reading standard output (`| head`) ends the program, quietly.
"""

import codecs
import contextlib
import io
import os
import select
import sys
from typing import TYPE_CHECKING, Final, TextIO, TypeGuard, cast

from mfpt_shared.system.streams import is_unread, use_utf8

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

UNREAD: Final = 141
"""Exit code where nobody reads what is written: that of a program that SIGPIPE has ended, 128 + 13."""
_ESCAPED: Final = "mfpt-escaped"
_STDOUT: Final = 1
_STDERR: Final = 2


def open_streams() -> None:
    """Make the standard streams safe; once, before anything is written."""
    codecs.register_error(_ESCAPED, _escaped)
    # In this order: the system gives the lowest number that is free.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - a number, open until the end
    use_utf8()
    if _is_plain(sys.stdout):
        raw = _StandardOutput(_STDOUT, "w", closefd=False)
        sys.stdout = io.TextIOWrapper(
            # Without a buffer where none is wanted, as Python itself does it.
            cast("io.BufferedWriter", raw) if sys.stdout.write_through else io.BufferedWriter(raw),
            encoding=sys.stdout.encoding,
            errors=_ESCAPED,
            line_buffering=sys.stdout.line_buffering,
            write_through=sys.stdout.write_through,
        )


def _is_plain(stream: TextIO) -> TypeGuard[io.TextIOWrapper]:
    """Tell whether a stream is the standard output as Python made it, and no console of Windows, which is no file."""
    if not isinstance(stream, io.TextIOWrapper) or stream is not sys.__stdout__:
        return False
    return isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO)


class _StandardOutput(io.FileIO):
    """File descriptor 1, whose errors say so."""

    def write(self, content: "ReadableBuffer", /) -> int:
        """Write all of the content, and return its length; waits for a reader that the system does not wait for.

        Raises:
            SystemExit: Nobody reads it any more.
            OSError: It cannot be written.
        """
        left = memoryview(content).cast("B")
        length = len(left)
        try:
            while left:
                written = super().write(left)
                if written is None:
                    select.select([], [self], [])
                else:
                    left = left[written:]
        except OSError as error:
            _divert(_STDOUT)
            if is_unread(error):
                sys.exit(UNREAD)
            error.filename = "standard output"
            raise
        return length


def tell(text: str) -> None:
    """Write a text for people on standard error, if anybody can read it there."""
    try:
        sys.stderr.write(text)  # noqa: TID251 - here it is made safe
        sys.stderr.flush()
    except OSError:
        _divert(_STDERR)


def settle() -> None:
    """Give up what standard error does not take: Python would try again at its end, and exit with 120."""
    for stream in (sys.stderr, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _divert(_STDERR)


def _divert(number: int) -> None:
    """Let the null device take what is written from now on, and what waits in a buffer."""
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Return JSON's escapes of what cannot be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    units = (lacking[at : at + 2].hex() for at in range(0, len(lacking), 2))
    return "".join(f"\\u{unit}" for unit in units), error.end
