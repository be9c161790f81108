"""The log of a program, on standard error: lines for people, or a JSON object a line for other programs.

Whoever keeps a log also rotates it, such as systemd's journal or logrotate: the program only writes.
"""

import contextlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from mfpt_shared.errors import UsageError
from mfpt_shared.texts import escaped, printable, printable_lines

LOG_FORMAT_OPTION: Final = "--log-format"
LogFormat = Literal["text", "json"]
LOG_FORMATS: Final[tuple[str, ...]] = get_args(LogFormat)

FACTS: Final = ("federation", "device", "language", "version", "exit_code", "error")
"""What a JSON line may say beside its message: the attributes of a record that are written, where it has them."""
_NOISY: Final = ("asyncio", "paho", "urllib3", "filelock", "matplotlib")


class LogLines(logging.Formatter):
    """Lines of a log: one for each record, whatever a device or a file put into it, and those of a traceback."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - overrides
        """See logging.Formatter."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802, ANN401 - overrides
        """See logging.Formatter."""
        return printable_lines(super().formatException(ei))


class JsonLines(logging.Formatter):
    """JSON objects, one for each record; a traceback is part of it."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": printable(record.getMessage()),
        }
        line |= {fact: getattr(record, fact) for fact in FACTS if hasattr(record, fact)}
        if record.exc_info or record.exc_text:  # of another process, only the text came
            text = self.formatException(record.exc_info) if record.exc_info else record.exc_text
            line["exception"] = printable_lines(text or "")
        return escaped(json.dumps(line, ensure_ascii=False, default=str))


def log_to_stderr(kind: LogFormat, *, debug: bool) -> None:
    """Log to standard error from now on.

    Args:
        kind: How lines are written.
        debug: Whether details are logged, and what libraries warn their developers about.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if kind == "json" else LogLines("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])
    quieten_libraries(debug=debug)


def quieten_libraries(*, debug: bool) -> None:
    """Keep from the log what libraries say that no user can do anything about.

    Args:
        debug: Whether what they warn their developers about is wanted all the same.
    """
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns about kernels that this program does not use.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    if not debug:
        warnings.simplefilter("ignore")


def log_format_in(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Look for `--log-format` in a command line, whatever the command is.

    Returns:
        Its value, or `text` where it is not given; and the other arguments.
    """
    given, others, rest = "text", list[str](), iter(arguments)
    for argument in rest:
        if argument == "--":
            others += [argument, *rest]
        elif argument == LOG_FORMAT_OPTION:
            given = next(rest, "")
        elif argument.startswith(f"{LOG_FORMAT_OPTION}="):
            given = argument.partition("=")[2]
        else:
            others.append(argument)
    return given, others


def refuse_log_format(given: str) -> None:
    """Say that there is no format of that name.

    Raises:
        UsageError: Always.
    """
    raise UsageError(f"{LOG_FORMAT_OPTION} {given!r} is not a format: give {' or '.join(LOG_FORMATS)}")


@contextlib.contextmanager
def lines_about(facts: Callable[[], Mapping[str, object]]) -> Iterator[None]:
    """Add facts to every line of the log until the context ends, unless a line has its own.

    Args:
        facts: Returns the facts of the moment, some of `FACTS`; from any thread.
    """

    def note(record: logging.LogRecord) -> bool:
        for name, value in facts().items():
            record.__dict__.setdefault(name, value)
        return True

    handlers = tuple(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(note)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(note)
