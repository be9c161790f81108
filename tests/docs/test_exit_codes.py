"""docs/exit-codes.md: a section for each exit code, and in it one for each error of the source that has it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mfpt_shared import errors
from mfpt_shared.streams import UNREAD

ROOT: Final = Path(__file__).parent.parent.parent
PAGE: Final = ROOT / "docs" / "exit-codes.md"
SOURCES: Final = ("shared", "coordinator", "edge_client")


def known_errors() -> dict[str, int]:
    """Return the errors of `mfpt_shared.errors`, with their exit codes."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MfptError)]
    return {kind.__name__: kind.exit_code for kind in kinds}


def classes() -> Iterator[ast.ClassDef]:
    """Yield every class of the source; nothing is imported, as some modules need libraries that are slow to load."""
    for source in SOURCES:
        for file in sorted((ROOT / source).rglob("*.py")):
            yield from (node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.ClassDef))


def all_errors() -> dict[str, int]:
    """Return every error of the source, with the exit code that it has or inherits."""
    codes, others = known_errors(), list(classes())
    for _ in others:  # at most as often as errors can be derived from one another
        derived = {
            one.name: codes[base.id]
            for one in others
            for base in one.bases
            if isinstance(base, ast.Name) and base.id in codes and one.name not in codes
        }
        if not derived:
            break
        codes |= derived
    return codes


def sections() -> dict[int, set[str]]:
    """Return the headings below each exit code of the page."""
    parts = re.split(r"^## (\d+), .*$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        int(code): set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
        for code, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_exit_code_has_a_section() -> None:
    assert sections().keys() == {0, UNREAD, *all_errors().values()}


def test_every_error_has_a_section_under_its_exit_code_and_every_section_an_error() -> None:
    documented = {name: code for code, names in sections().items() for name in names}
    assert documented == all_errors()


def test_errors_of_every_package_are_found() -> None:
    assert {"MfptError", "StoreLost", "Forged", "NotAwaited", "DamagedDatabase"} <= all_errors().keys()
