"""What commands draw and print: nothing in a text is markup, and nothing in it moves the terminal."""

import ast
import io
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mfpt_shared.command_line import say, say_data
from mfpt_shared.terminal import PlainConsole, panel

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "[/]",
    "[red]x[/red]",
    "[/red]",
    ":smile:",
    "\x1b[31mx",
    "a\x1b]0;title\x07b",
    "\x9b2Jx",
    "\u202etxet",
    "[link=x]y",
]
WAYS: dict[str, Callable[[str], RenderableType]] = {
    "text": lambda text: text,
    "Text": Text,
    "title": lambda text: panel("", text),
    "content": lambda text: panel(text, ""),
    "header": Table,
}


def cell(text: str) -> Table:
    table = Table()
    table.add_row(text)
    return table


def drawn(what: RenderableType) -> str:
    stream = io.StringIO()
    PlainConsole(stream, width=120).print(what)
    return stream.getvalue()


def harmless(text: str) -> bool:
    kinds = {unicodedata.category(character) for character in text if character != "\n"}
    return kinds.isdisjoint({"Cc", "Cs", "Zl", "Zp"}) and "\u202e" not in text


@pytest.mark.parametrize("draw", [*WAYS.values(), cell], ids=[*WAYS, "cell"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_drawn_as_it_is_and_does_nothing_else(text: str, draw: Callable[[str], RenderableType]) -> None:
    seen = drawn(draw(text))
    assert harmless(seen)
    assert "".join(filter(str.isprintable, text.removeprefix("\u202e"))) in seen


@given(st.text(max_size=40))
def test_no_text_whatever_stops_a_console_or_moves_the_terminal(text: str) -> None:
    assert harmless(drawn(cell(text)))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_said_does_nothing_to_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one {text}\ntwo", err=True)
    say(f"one {text}\ntwo")
    out, err = capsys.readouterr()
    assert out == err
    assert harmless(out)
    assert len(out.splitlines()) == 2


def test_columns_of_what_is_said_stay(capsys: pytest.CaptureFixture[str]) -> None:
    say("paka\tNOUN\nana\x1bkula\tVERB\n")
    assert capsys.readouterr().out == "paka\tNOUN\nanakula\tVERB\n\n"


def test_data_keeps_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    say_data('{"name": "a\u202e\x9bñ\u200d"}')
    assert capsys.readouterr().out == '{"name": "a\\u202e\\u009bñ\u200d"}\n'


def test_the_ways_around_are_forbidden() -> None:
    ways = [
        "import typer; typer.echo('x')",
        "from typer import echo",
        "from rich.console import Console",
        "import rich.console; rich.console.Console()",
        "from rich.panel import Panel",
        "from rich import print",
        "import sys; sys.stdout.write('x')",
        "from rich.text import Text; Text.from_markup('x')",
    ]
    file = ROOT / "edge_client" / "mfpt_edge" / "commands" / "further.py"
    found = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", "--stdin-filename", file, "-"],
        input="\n".join(ways), capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    )  # fmt: skip
    told = {int(line.split(":")[1]) for line in found.stdout.splitlines() if "TID251" in line}
    assert [way for number, way in enumerate(ways, start=1) if number not in told] == [], found.stderr


@pytest.mark.parametrize("folder", ["coordinator", "edge_client"])
def test_what_moves_on_the_terminal_is_drawn_on_a_console_of_ours(folder: str) -> None:
    wanted = {"Live": "console", "Progress": "console", "TextColumn": "markup"}
    calls = [
        (f"{file.name}:{node.lineno}", node.func.id, {keyword.arg for keyword in node.keywords})
        for file in (ROOT / folder).rglob("commands/*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in wanted
    ]
    assert calls
    assert not [place for place, name, given in calls if wanted[name] not in given]
