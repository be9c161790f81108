"""What both command lines share: errors become one or two lines and an exit code, and what is said is made safe."""

import contextlib
import functools
import logging
import os
import sys
import traceback
from collections.abc import Callable, Container
from typing import Final, NamedTuple

from mfpt_shared import __version__
from mfpt_shared.environment import explained
from mfpt_shared.errors import Interrupted, MfptError, Terminated
from mfpt_shared.logs import LOG_FORMATS, LogFormat, log_format_in, log_to_stderr, refuse_log_format
from mfpt_shared.stopping import sigterm_interrupts
from mfpt_shared.streams import UNREAD, open_streams, settle, tell
from mfpt_shared.texts import escaped, printable_lines

DEBUG_FLAG: Final = "--debug"
EPILOG: Final = (
    "Exit codes: 0 ok, 1 error, 2 usage, 3 connection, 4 timeout, 5 authentication, 6 incompatible, 7 bad data, "
    "130 interrupted. Add --debug to any command for tracebacks and detailed logs, --log-format json for a log of JSON "
    "lines."
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
    clean = "\t".join(map(printable_lines, text.split("\t")))
    if err:
        tell(f"{clean}\n")
    else:
        _print(clean)


def say_data(written: str) -> None:
    """Print JSON or TOML, for programs, so that it means what it meant and does nothing to a terminal."""
    _print(escaped(written))


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")  # noqa: TID251 - here it is made safe
    sys.stdout.flush()


class _Ending(NamedTuple):
    """How a command ended.

    Attributes:
        code: Exit code.
        message: What people are told; None: nothing.
        hurry: Whether nothing is waited for.
        error: Name of the error; empty: there was none.
        shown_error: Error whose traceback is shown; None: nobody asked for it.
    """

    code: int
    message: str | None = None
    hurry: bool = False
    error: str = ""
    shown_error: Exception | KeyboardInterrupt | None = None


def run(app: Callable[[], None], program: str, services: Container[str] = ()) -> None:
    """Run a command line and exit: the one place where errors meet people.

    Args:
        app: What parses and runs it.
        program: Name of the program.
        services: Commands that run until they are told to stop, so that SIGTERM is no failure, however early it comes.
    """
    debug = DEBUG_FLAG in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != DEBUG_FLAG]
    given, sys.argv = log_format_in(sys.argv)
    kind: LogFormat = "json" if given == "json" else "text"
    open_streams()
    log_to_stderr(kind, debug=debug)
    if not debug:
        # What an event loop says that could not even be set up.
        sys.unraisablehook = lambda _: None
    if given not in LOG_FORMATS:
        app = functools.partial(refuse_log_format, given)
    ending = _ended(app, is_service=any(name in services for name in sys.argv[1:2]), debug=debug)
    _last_words(program, ending, kind)
    if ending.hurry:
        # Everything is saved by now, but a thread may be busy with a download or a matrix product: do not wait for it.
        logging.shutdown()
        with contextlib.suppress(OSError, SystemExit):
            sys.stdout.flush()
        os._exit(ending.code)
    settle()
    sys.exit(ending.code)


def _last_words(program: str, ending: _Ending, kind: LogFormat) -> None:
    """Say why a command ends: the last line on standard error."""
    if ending.message is None:
        return
    if kind == "json":
        level = logging.ERROR if ending.code else logging.INFO
        about = {"exit_code": ending.code, "error": ending.error}
        logging.getLogger(program).log(level, "%s", ending.message, extra=about, exc_info=ending.shown_error)
        return
    if ending.shown_error is not None:
        tell(printable_lines("".join(traceback.format_exception(ending.shown_error))))
    tell(f"{program}: {printable_lines(ending.message)}\n")


def _ended(app: Callable[[], None], *, is_service: bool, debug: bool) -> _Ending:
    """Run a command line until its last word is written, and return how it ended."""
    try:
        code = _exit_code(app, is_service=is_service)
        sys.stdout.flush()
    except SystemExit:
        return _Ending(UNREAD)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - people get a line, and a traceback if they ask
        return _failed(error, debug=debug)
    return _Ending(code)


def _failed(error: Exception | KeyboardInterrupt, *, debug: bool) -> _Ending:
    shown = error if debug else None
    if isinstance(error, KeyboardInterrupt):
        return _Ending(Interrupted.exit_code, "interrupted", True, Interrupted.__name__, shown)
    known = error if isinstance(error, MfptError) else explained(error)
    if known is None:
        name = type(error).__name__
        return _Ending(1, f"unexpected {name}: {error} (a bug; --debug shows where)", False, name, shown)
    return _Ending(known.exit_code, str(known), isinstance(known, Interrupted), type(known).__name__, shown)


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
