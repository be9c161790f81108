"""What both command lines share: errors become one or two lines and an exit code, logs are plain lines on stderr."""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, Final

from mfpt_shared import __version__
from mfpt_shared.errors import Interrupted, MfptError
from mfpt_shared.texts import printable, printable_lines

DEBUG_FLAG: Final = "--debug"
EPILOG: Final = (
    "Exit codes: 0 ok, 1 error, 2 usage, 3 connection, 4 timeout, 5 authentication, 6 incompatible, 7 bad data, "
    "130 interrupted. Add --debug to any command for tracebacks and detailed logs."
)


def show_version(wanted: bool) -> None:
    """Print the version and end the program, if `--version` was given."""
    if wanted:
        sys.stdout.write(f"mfpt {__version__}\n")
        sys.exit()


class LogLines(logging.Formatter):
    """Lines of a log: one for each record, whatever a device or a file put into it, and those of a traceback."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - overrides
        """See logging.Formatter."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802, ANN401 - overrides
        """See logging.Formatter."""
        return printable_lines(super().formatException(ei))


def run(app: Callable[[], None], program: str) -> None:
    """Run a command line and exit: the one place where errors meet people."""
    debug = DEBUG_FLAG in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != DEBUG_FLAG]
    handler = logging.StreamHandler()
    handler.setFormatter(LogLines("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])
    for noisy in ("asyncio", "paho", "urllib3", "filelock", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns about kernels that this program does not use.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    hurry = False
    try:
        app()
    except MfptError as error:
        code, message, hurry = error.exit_code, str(error), isinstance(error, Interrupted)
    except KeyboardInterrupt:
        code, message, hurry = Interrupted.exit_code, "interrupted", True
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - people get a line, not a traceback, unless they ask for it
        code, message = 1, f"unexpected {type(error).__name__}: {error} (a bug; --debug shows where)"
    else:
        return
    if debug:
        sys.stderr.write(printable_lines(traceback.format_exc()))
    sys.stderr.write(f"{program}: {printable_lines(message)}\n")
    if hurry:
        # Everything is saved by now, but a thread may be busy with a download or a matrix product: do not wait for it.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
