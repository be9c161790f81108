"""What messages and helps recommend: every option that they name is there, and every command with its options."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from mfpt_coord.commands.app import app as coordinator
from mfpt_edge.commands.app import app as device

ROOT = Path(__file__).parents[1]
PROGRAMS = {"mfpt-coord": coordinator, "mfpt-edge": device}
FOLDERS = {"mfpt-coord": ("coordinator",), "mfpt-edge": ("edge_client",), "both": ("shared",)}
EVERYWHERE = {"--help", "--debug", "--log-format"}
# Of pip and of systemctl.
OTHERS = {"--dest", "--disable-pip-version-check", "--no-deps", "--only-binary", "--platform"}
OTHERS |= {"--user", "--now", "--quiet"}
PASSED_ON = {"service install": "join"}
"""Command -> the one whose options it takes as well."""
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")
COMMAND = re.compile(r"\b(mfpt-(?:coord|edge))((?: [^`';|]*)?)")


class Said(NamedTuple):
    """A text of a program, with … for what it only knows when it runs."""

    place: str
    text: str


@cache
def commands(program: str) -> dict[str, set[str]]:
    """Return the options of each command, such as `data show`, and those of the program itself under its own name."""
    known = dict(_commands(typer.main.get_command(PROGRAMS[program]), ()))
    return known | {name: known[name] | known[other] for name, other in PASSED_ON.items() if name in known}


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, set[str]]]:
    yield " ".join(path), {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | EVERYWHERE
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*path, name))


@cache
def said(folder: str) -> tuple[Said, ...]:
    """Return the texts in the modules of a folder that name an option or a program, without docstrings."""
    return tuple(one for one in _said(folder) if "--" in one.text or "mfpt-" in one.text)


def _said(folder: str) -> Iterator[Said]:
    for file in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        apart = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        apart |= {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if node not in apart and (text := _text(node)):
                yield Said(f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", text)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)  # type: ignore[misc]  # a part of a JoinedStr is a str
    return ""


def unknown(text: str) -> Iterator[str]:
    """Give what the command lines in a text get wrong."""
    for program, rest in COMMAND.findall(text):
        known, words = commands(program), rest.split()
        named = next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in known), "")
        options = known[named] if named else set().union(*known.values())
        yield from (f"{program} {named} {option}" for option in OPTION.findall(rest) if option not in options)


@pytest.mark.parametrize("whose", FOLDERS)
def test_every_option_that_a_text_names_is_one_of_the_program(whose: str) -> None:
    programs = PROGRAMS if whose == "both" else [whose]
    options = set().union(*(names for program in programs for names in commands(program).values())) | OTHERS
    texts = [one for folder in FOLDERS[whose] for one in said(folder)]
    assert sum(bool(OPTION.search(one.text)) for one in texts) > 5, "texts were found"
    assert not [(one.place, name) for one in texts for name in OPTION.findall(one.text) if name not in options]


@pytest.mark.parametrize("folder", ["coordinator", "edge_client", "shared"])
def test_every_command_that_a_text_recommends_has_the_options_beside_it(folder: str) -> None:
    assert not [(one.place, wrong) for one in said(folder) for wrong in unknown(one.text)]


def test_a_command_with_an_option_of_another_is_found() -> None:
    assert list(unknown("run `mfpt-edge data show --broker mqtt://h`, or `mfpt-coord status --broker mqtt://h`")) == [
        "mfpt-edge data show --broker"
    ]
