"""The documents keep up with the code: links, paths, names, command lines and limits."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from mfpt_coord.commands.app import app as coordinator_app
from mfpt_edge.commands.app import app as edge_app
from mfpt_shared.command_line import DEBUG_FLAG
from mfpt_shared.logs import LOG_FORMAT_OPTION, log_format_in

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = tuple(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY"))
DOCUMENTS: Final = (*PAGES, *sorted(DOCS.rglob("*.md")))
PACKAGES: Final = {"mfpt_shared": "shared", "mfpt_coord": "coordinator", "mfpt_edge": "edge_client"}
FOLDERS: Final = ("docs", "tests", "scripts", "shared", "coordinator", "edge_client")
OTHER_PROGRAMS: Final = ("pip", "python", "journalctl")
PROGRAMS: Final = {"mfpt-coord": coordinator_app, "mfpt-edge": edge_app}

Command = TyperCommand | TyperGroup

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED: Final = re.compile(r"^    (\S.*)$", re.MULTILINE)
_INLINE: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CAMEL_CASE: Final = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b")
_OPTION: Final = re.compile(r"--[a-z][a-z-]*")

document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@cache
def prose(path: Path) -> str:
    """Return a document without its fenced blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


@cache
def inline_code(path: Path) -> tuple[str, ...]:
    """Return what a document puts between backticks, on one line each."""
    return tuple(" ".join(code.split()) for code in _INLINE.findall(prose(path)))


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors that GitHub makes of a document's headings."""
    plain = (heading.lower().replace("`", "") for heading in _HEADING.findall(prose(path)))
    return frozenset(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain)


@cache
def sources() -> str:
    """Return the source of all three packages."""
    modules = (module for name, folder in PACKAGES.items() for module in (ROOT / folder / name).rglob("*.py"))
    return "\n".join(module.read_text(encoding="utf-8") for module in modules)


@document
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    broken = []
    for link in _LINK.findall(prose(path)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)

    assert broken == []


@document
def test_every_file_that_is_named_exists(path: Path) -> None:
    modules = {file.name for name, folder in PACKAGES.items() for file in (ROOT / folder / name).rglob("*.py")}
    missing = [code for code in inline_code(path) if not exists(code.split()[0], modules)]

    assert missing == []


def exists(code: str, modules: set[str]) -> bool:
    """Tell whether a path between backticks exists; whatever is not a path of this project does."""
    code = code.partition("::")[0]  # a test in a file: test_guarantees looks for it
    first, slash, _ = code.removeprefix("./").partition("/")
    if "…" in code or "*" in code:
        return True
    if slash and first in PACKAGES:
        return (ROOT / PACKAGES[first] / code).exists()
    if slash and first in FOLDERS:
        return (ROOT / code).exists()
    return slash != "" or not code.endswith(".py") or code in modules


@document
def test_every_command_line_in_a_block_parses(path: Path) -> None:
    for command_line in command_lines(path.read_text(encoding="utf-8")):
        program, *arguments = log_format_in(command_line)[1]
        parse(program_command(program), program, arguments)


def program_command(program: str) -> TyperGroup:
    """Return the command tree of a program."""
    command = typer.main.get_command(PROGRAMS[program])
    assert isinstance(command, TyperGroup)
    return command


def inner_command(command: TyperGroup, word: str) -> Command:
    """Return a group's command by its name; a name that none has raises."""
    inner = command.commands[word]
    assert isinstance(inner, TyperCommand | TyperGroup)
    return inner


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield every command line of ours in an indented block, without its comment."""
    for line in _INDENTED.findall(_FENCE.sub("", text)):
        if line.split()[0] in PROGRAMS:
            yield shlex.split(line, comments=True)


def parse(command: Command, name: str, arguments: list[str]) -> None:
    """Parse a command line as the program would, without running it; a mistake raises."""
    with command.make_context(name, list(arguments)):
        if isinstance(command, TyperGroup):
            parse(inner_command(command, arguments[0]), arguments[0], arguments[1:])


@document
def test_every_command_and_option_in_running_text_exists(path: Path) -> None:
    known = {DEBUG_FLAG, LOG_FORMAT_OPTION, "--help", *script_options()}
    known.update(option for program in PROGRAMS for option in options(program_command(program)))
    unknown = []
    for code in inline_code(path):
        words = code.split()
        if words[0] in OTHER_PROGRAMS:
            continue
        known_here = (
            {DEBUG_FLAG, LOG_FORMAT_OPTION, "--help", *options(named_command(words))} if words[0] in PROGRAMS else known
        )
        unknown += [option for option in _OPTION.findall(code) if option not in known_here]

    assert unknown == []


def named_command(words: list[str]) -> Command:
    """Return the command that the first words name; a name that no command has raises."""
    command: Command = program_command(words[0])
    for word in words[1:]:
        if isinstance(command, TyperGroup) and not word.startswith("-"):
            command = inner_command(command, word)
    return command


def options(command: Command) -> Iterator[str]:
    """Yield the options of a command and of those below it."""
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    if isinstance(command, TyperGroup):
        for name in command.commands:
            yield from options(inner_command(command, name))


@cache
def script_options() -> frozenset[str]:
    """Return the options of everything in `scripts/`."""
    files = [file for file in (ROOT / "scripts").rglob("*") if file.is_file() and file.suffix in ("", ".py")]
    return frozenset(option for file in files for option in _OPTION.findall(file.read_text(encoding="utf-8")))


def test_what_the_architecture_names_is_in_the_source() -> None:
    architecture = DOCS / "architecture.md"
    diagrams = "".join(diagram for _, diagram in _FENCE.findall(architecture.read_text(encoding="utf-8")))
    names = {code for code in inline_code(architecture) if re.fullmatch(r"[A-Za-z_][\w.]*", code)}
    words = {word for name in names if not name.endswith((".py", ".toml")) for word in name.split(".")}
    words.update(_CAMEL_CASE.findall(diagrams))
    missing = {word for word in words if not re.search(rf"\b{word}\b", sources())}

    assert missing == set()


def test_every_decision_is_in_the_index() -> None:
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    linked = [link for link in _LINK.findall(index) if link.endswith(".md")]

    assert linked == [file.name for file in sorted((DOCS / "decisions").glob("0*.md"))]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_pages_of_the_project_are_narrow(path: Path) -> None:
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if len(line) > 120] == []


@pytest.mark.parametrize("name", ["README.md", "docs/guide-volunteers.md"])
def test_a_device_is_told_to_install_a_torch_that_the_project_takes(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    torch = next(one for one in project["optional-dependencies"]["edge"] if one.startswith("torch"))
    first = next(line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if "pip install" in line)

    assert first.strip() == f"pip install '{torch}' --index-url https://download.pytorch.org/whl/cpu"
