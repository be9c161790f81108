"""The texts that a command is given: arguments, lines of standard input, or of a file."""

import codecs
import logging
import os
import re
import sys
from pathlib import Path
from typing import Final

from mfpt_edge.data.conll import CONLL_SUFFIXES
from mfpt_edge.data.unlabelled import are_tagged_words
from mfpt_edge.data.visible import is_visible, trimmed
from mfpt_shared.errors import BadData, UsageError
from mfpt_shared.system.names import check_name
from mfpt_shared.text_files import check_kind, decoded, unpacked, unreadable

_END_OF_LINE: Final = re.compile("\r\n|\n|\r")
_TABLES: Final = frozenset({".csv", ".jsonl"})

_log = logging.getLogger(__name__)


def given_texts(given: list[str], file: Path | None) -> list[str]:
    """Return the texts that a command was given, one a line, "" for a blank one; arguments as for `given_lines`.

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
    return [trimmed(line) if is_visible(line) else "" for line in lines]


def given_lines(given: list[str], file: Path | None) -> list[str]:
    """Return the arguments, the lines of standard input where the only one is -, or those of a file.

    Args:
        given: Arguments of the command line.
        file: What `--file` says.

    Raises:
        UsageError: There are both or neither, or the file cannot be read.
        BadData: A text is not UTF-8, or the file is none of text.
    """
    if bool(given) == (file is not None):
        raise UsageError("give either texts, - for standard input, or --file FILE")
    if given and given != ["-"]:
        return [_as_utf8(text, row) for row, text in enumerate(given, start=1)]
    name = "standard input" if file is None else f"--file {file}"
    try:
        check_name(file or Path())
        content = sys.stdin.buffer.read() if file is None else file.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"{name}: no such file") from error
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    if file is not None:
        content = unpacked(content, name)
        check_kind(content, name)
    if file is not None and file.suffix.lower() in _TABLES:
        _log.warning("%s is read as plain text, one text a line, and not as a table", file)
    return _lines(content, name)


def _lines(content: bytes, name: str) -> list[str]:
    r"""Return the lines of a content, which end in \n, \r\n or \r, and in nothing else that Unicode has for it.

    Args:
        content: Text in UTF-8 or, with its mark, UTF-16.
        name: Where it comes from, for messages.

    Raises:
        BadData: A line of it cannot be read.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = decoded(content, name).content
    else:
        text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    lines = _END_OF_LINE.split(text)
    if not lines[-1]:
        del lines[-1]  # the end of the last line is no further line
    for number, line in enumerate(lines, start=1):
        if fault := unreadable(line):
            raise BadData(f"{name}, line {number} has {fault}; save it as UTF-8")
    return lines


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
        raise BadData(f"text {row} is not UTF-8; set the terminal to UTF-8, or give a file with --file") from error
