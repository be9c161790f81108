"""`mfpt-coord history`: how every language has done from version to version, and from which it learned."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption

if TYPE_CHECKING:
    from rich.table import Table

    from mfpt_coord.server.stored_history import Line

_MOST_SOURCES: Final = 4


def history(
    lang: Annotated[
        str | None, typer.Option("--lang", help="Show every version of this language instead of all languages.")
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show each language from version to version: its accuracy, how much it keeps of its own, and whom it learns from.

    Accuracies are those that devices tell, on examples that they hold out. Works while the coordinator runs.
    """
    import msgspec

    from mfpt_coord.server.config import default_data_dir
    from mfpt_coord.server.data_folder import database_of
    from mfpt_coord.server.stored_history import read_history
    from mfpt_shared.command_line import say, say_data
    from mfpt_shared.languages import given_language, named
    from mfpt_shared.terminal import PlainConsole

    language = None if lang is None else given_language(lang)
    lines = read_history(database_of((data_dir or default_data_dir()).absolute()), language)
    if as_json:
        say_data(msgspec.json.encode({"history": lines}).decode())
        return
    if not lines:
        what = "no version was made yet" if language is None else f"no version has a prompt of {named(language)}"
        say(what, err=True)
        return
    PlainConsole().print(_languages(lines) if language is None else _versions(lines))


def _versions(lines: Sequence["Line"]) -> "Table":
    """Return a line for each version of one language."""
    from rich import box
    from rich.table import Table

    table = Table("version", "made", "accuracy", "own share", "learned from", box=box.SIMPLE)
    for one in lines:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.at))
        table.add_row(str(one.version), made, _percent(one.accuracy), _percent(one.own_share), _sources(one))
    return table


def _languages(lines: Sequence["Line"]) -> "Table":
    """Return a line for each language: first, best and newest accuracy, and what its newest version learned from."""
    from rich import box
    from rich.table import Table

    newest = max(one.version for one in lines)
    table = Table("language", "first", "best", f"version {newest}", "own share", "learned from", box=box.SIMPLE)
    for language in sorted({one.language for one in lines}):
        own = [one for one in lines if one.language == language]
        known = [one.accuracy for one in own if one.accuracy is not None]
        first, best = (known[0], max(known)) if known else (None, None)
        table.add_row(
            language,
            *map(_percent, (first, best, own[-1].accuracy, own[-1].own_share)),
            _sources(own[-1]),
        )
    return table


def _sources(line: "Line") -> str:
    largest = sorted(line.weights.items(), key=lambda one: (-one[1], one[0]))[:_MOST_SOURCES]
    return ", ".join(f"{language} {_percent(part)}" for language, part in largest) or "-"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
