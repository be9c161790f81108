"""What both command lines share: errors become one or two lines and an exit code, logs are plain lines on stderr."""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import Final

from mfpt_shared import __version__
from mfpt_shared.errors import Interrupted, MfptError

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


def run(app: Callable[[], None], program: str) -> None:
    """Run a command line and exit: the one place where errors meet people."""
    debug = DEBUG_FLAG in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != DEBUG_FLAG]
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
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
        traceback.print_exc()
    sys.stderr.write(f"{program}: {message}\n")
    if hurry:
        # Everything is saved by now, but a thread may be busy with a download or a matrix product: do not wait for it.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
