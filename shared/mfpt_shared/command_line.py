"""What both command lines share: errors become one or two lines and an exit code, logs are plain lines on stderr."""

import contextlib
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Container
from typing import Any, Final, NamedTuple

from mfpt_shared import __version__
from mfpt_shared.environment import explained
from mfpt_shared.errors import Interrupted, MfptError, Terminated
from mfpt_shared.stopping import sigterm_interrupts
from mfpt_shared.streams import UNREAD, open_streams, settle, tell
from mfpt_shared.texts import escaped, printable, printable_lines

DEBUG_FLAG: Final = "--debug"
EPILOG: Final = (
    "Exit codes: 0 ok, 1 error, 2 usage, 3 connection, 4 timeout, 5 authentication, 6 incompatible, 7 bad data, "
    "130 interrupted. Add --debug to any command for tracebacks and detailed logs."
)


def show_version(wanted: bool) -> None:
    """Print the version and end the program, if `--version` was given."""
    if wanted:
        say(f"mfpt {__version__}")
        sys.exit()


def say(text: str, *, err: bool = False) -> None:
    """Print a text for people, of one line or more, whatever devices and files put into it; tabs stay.

    Args:
        text: Text without the end of its last line.
        err: Whether it goes to standard error.
    """
    _print("\t".join(map(printable_lines, text.split("\t"))), err=err)


def say_data(written: str) -> None:
    """Print JSON or TOML, for programs, so that it means what it meant and does nothing to a terminal."""
    _print(escaped(written), err=False)


def _print(text: str, *, err: bool) -> None:
    stream = sys.stderr if err else sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


class LogLines(logging.Formatter):
    """Lines of a log: one for each record, whatever a device or a file put into it, and those of a traceback."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - overrides
        """See logging.Formatter."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802, ANN401 - overrides
        """See logging.Formatter."""
        return printable_lines(super().formatException(ei))


class _Ending(NamedTuple):
    """How a command ended.

    Attributes:
        code: Exit code.
        message: What people are told; None: nothing.
        hurry: Whether nothing is waited for.
    """

    code: int
    message: str | None = None
    hurry: bool = False


def run(app: Callable[[], None], program: str, services: Container[str] = ()) -> None:
    """Run a command line and exit: the one place where errors meet people.

    Args:
        app: What parses and runs it.
        program: Name of the program.
        services: Commands that run until they are told to stop, so that SIGTERM is no failure, however early it comes.
    """
    debug = DEBUG_FLAG in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != DEBUG_FLAG]
    open_streams()
    _log_to_stderr(debug=debug)
    ending = _ended(app, is_service=any(name in services for name in sys.argv[1:2]), debug=debug)
    if ending.message is not None:
        tell(f"{program}: {printable_lines(ending.message)}\n")
    if ending.hurry:
        # Everything is saved by now, but a thread may be busy with a download or a matrix product: do not wait for it.
        logging.shutdown()
        with contextlib.suppress(OSError, SystemExit):
            sys.stdout.flush()
        os._exit(ending.code)
    settle()
    sys.exit(ending.code)


def _log_to_stderr(*, debug: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(LogLines("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])
    for noisy in ("asyncio", "paho", "urllib3", "filelock", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns about kernels that this program does not use.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    if not debug:
        # What a library warns its developers about, and what an event loop says that could not even be set up.
        warnings.simplefilter("ignore")
        sys.unraisablehook = lambda _: None


def _ended(app: Callable[[], None], *, is_service: bool, debug: bool) -> _Ending:
    """Run a command line until its last word is written, and return how it ended."""
    try:
        code = _exit_code(app, is_service=is_service)
        sys.stdout.flush()
    except SystemExit:
        return _Ending(UNREAD)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - people get a line, and a traceback if they ask
        if debug:
            tell(printable_lines("".join(traceback.format_exception(error))))
        return _failed(error)
    return _Ending(code)


def _failed(error: Exception | KeyboardInterrupt) -> _Ending:
    if isinstance(error, KeyboardInterrupt):
        return _Ending(Interrupted.exit_code, "interrupted", hurry=True)
    known = error if isinstance(error, MfptError) else explained(error)
    if known is None:
        return _Ending(1, f"unexpected {type(error).__name__}: {error} (a bug; --debug shows where)")
    return _Ending(known.exit_code, str(known), isinstance(known, Interrupted))


def _exit_code(app: Callable[[], None], *, is_service: bool) -> int:
    """Run a command line, and return the exit code with which it ends by itself.

    Raises:
        KeyboardInterrupt: It was interrupted.
        Terminated: It is a service, and SIGTERM came before it ran.
    """
    with sigterm_interrupts() as terminated:
        try:
            app()
        except (SystemExit, KeyboardInterrupt) as ended:
            # typer makes an exit code of a KeyboardInterrupt
            if isinstance(ended, SystemExit) and ended.code != Interrupted.exit_code:
                return ended.code if isinstance(ended.code, int) else 0
            if terminated() and is_service:
                raise Terminated("stopped before it began") from ended
            raise KeyboardInterrupt from ended
    return 0
