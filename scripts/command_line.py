"""What the command lines of the scripts share."""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def parser(program: str, description: str | None, example: str) -> argparse.ArgumentParser:
    """Return a parser whose help keeps the lines of the description and ends with an example."""
    return argparse.ArgumentParser(
        prog=f"scripts/{program}",
        description=description,
        epilog=f"Example: ./scripts/{program} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def whole_number(text: str) -> int:
    """Read a whole number that is not below 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number, 1 or more")
    return int(text)


def whole_numbers(least: int = 1) -> Callable[[str], tuple[int, ...]]:
    """Return a function that reads whole numbers, none below the least, separated by commas."""

    def read(text: str) -> tuple[int, ...]:
        try:
            found = tuple(int(part) for part in text.split(","))
        except ValueError:
            found = ()
        if not found or min(found) < least:
            raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers, {least} or more, separated by commas")
        return found

    return read


def called_from() -> Path:
    """Return the folder that a script was started in, from which relative paths on its command line count."""
    return Path(os.environ.get("MFPT_CALLED_FROM", "."))


@contextmanager
def folder_for(program: str, kept: Path | None) -> Iterator[Path]:
    """Give a folder for everything that a script writes: the one that is to be kept, or one that is removed afterwards.

    Args:
        program: Name of the script.
        kept: New folder to keep; None: keep nothing.
    """
    if kept is not None:
        kept.mkdir(parents=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix=f"mfpt-{program}-") as made:
        yield Path(made)


def resolve_paths(arguments: argparse.Namespace, *names: str) -> None:
    """Let relative paths of these names count from where the script was started."""
    for name in names:
        if (path := getattr(arguments, name)) is not None:
            setattr(arguments, name, called_from() / path)
