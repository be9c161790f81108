"""The texts that a command is given: arguments, lines of standard input, or of a file."""

import logging
import os
import sys
from pathlib import Path
from typing import Final

from mfpt_edge.data.conll import CONLL_SUFFIXES
from mfpt_edge.data.unlabelled import are_tagged_words
from mfpt_shared.errors import BadData, UsageError

_TABLES: Final = frozenset({".csv", ".jsonl"})

_log = logging.getLogger(__name__)


def given_texts(given: list[str], file: Path | None) -> list[str]:
    """Return the texts that a command was given, one a line, without empty ones; arguments as for `given_lines`.

    Raises:
        UsageError: There are both or neither, or the file cannot be read.
        BadData: A text is not UTF-8, or the lines are words with labels.
    """
    lines = given_lines(given, file)
    if (file is not None and file.suffix.lower() in CONLL_SUFFIXES) or are_tagged_words(lines):
        what = f"--file {file}" if file is not None else "what was given"
        raise BadData(
            f"{what} looks like tagged words (CoNLL), and this federation's task is about whole texts: give one text "
            "a line"
        )
    return [line for line in map(str.strip, lines) if line]


def given_lines(given: list[str], file: Path | None) -> list[str]:
    """Return the arguments, the lines of standard input where the only one is -, or those of a file.

    Args:
        given: Arguments of the command line.
        file: What `--file` says.

    Raises:
        UsageError: There are both or neither, or the file cannot be read.
        BadData: A text is not UTF-8.
    """
    if bool(given) == (file is not None):
        raise UsageError("give either texts, - for standard input, or --file FILE")
    if given and given != ["-"]:
        return [_as_utf8(text, row) for row, text in enumerate(given, start=1)]
    try:
        content = (sys.stdin.buffer.read() if file is None else file.read_bytes()).decode("utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"--file {file}: no such file") from error
    except OSError as error:
        raise UsageError(f"--file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadData(f"{file or 'standard input'} is not UTF-8: {error}") from error
    if file is not None and file.suffix.lower() in _TABLES:
        _log.warning("%s is read as plain text, one text a line, and not as a table", file)
    # Some programs begin text with a byte order mark; it is no part of the first word.
    return content.removeprefix("\ufeff").splitlines()


def _as_utf8(text: str, row: int) -> str:
    """Return an argument of the command line as the text that it is, in whatever locale.

    Raises:
        BadData: It is none.
    """
    if not any("\udc80" <= character <= "\udcff" for character in text):  # bytes that the locale has no letter for
        return text
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadData(f"text {row} is not UTF-8: {error}") from error
