"""`mfpt-coord history`: how every language has done from version to version, and from which it learned."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption, StoreOption

if TYPE_CHECKING:
    from rich.table import Table

    from mfpt_coord.server.stored_history import Kept, Line
    from mfpt_shared.languages import LanguageCode

_MOST_SOURCES: Final = 4
_MOST_VERSIONS: Final = 4


def history(
    lang: Annotated[
        str | None, typer.Option("--lang", help="Show every version of this language instead of all languages.")
    ] = None,
    data_dir: DataDirOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show each language from version to version: its accuracy, how much it keeps of its own, and whom it learns from.

    Accuracies are those that devices tell, on examples that they hold out. It also shows which versions `mfpt-coord
    rollback` can go back to. Works while the coordinator runs.
    """
    import msgspec

    from mfpt_coord.commands.places import place_of
    from mfpt_coord.server.stored_history import read_history, read_kept
    from mfpt_shared.command_line import say, say_data
    from mfpt_shared.languages import given_language, named
    from mfpt_shared.terminal import PlainConsole

    language = None if lang is None else given_language(lang)
    place = place_of(data_dir, store)
    lines, kept = read_history(place, language), read_kept(place)
    if as_json:
        say_data(msgspec.json.encode({"history": lines, "kept": kept}).decode())
        return
    if not lines:
        what = "no version was made yet" if language is None else f"no version has a prompt of {named(language)}"
        say(what, err=True)
        return
    PlainConsole().print(_languages(lines, kept) if language is None else _versions(lines, kept.get(language)))


def _versions(lines: Sequence["Line"], kept: "Kept | None") -> "Table":
    """Return a line for each version of one language."""
    from rich import box
    from rich.table import Table

    table = Table("version", "made", "accuracy", "own share", "learned from", "kept", box=box.SIMPLE)
    for one in lines:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.at))
        table.add_row(
            str(one.version), made, _percent(one.accuracy), _percent(one.own_share), _sources(one), _mark(one, kept)
        )
    return table


def _mark(line: "Line", kept: "Kept | None") -> str:
    """Say whether a version can be gone back to, and whether it is the best."""
    if kept is None or line.version not in kept.versions:
        return ""
    return "best" if line.version == kept.best else "yes"


def _languages(lines: Sequence["Line"], kept: Mapping["LanguageCode", "Kept"]) -> "Table":
    """Return a line for each language: first, best and newest accuracy, and what its newest version learned from."""
    from rich import box
    from rich.table import Table

    newest = max(one.version for one in lines)
    table = Table("language", "first", "best", f"version {newest}", "own share", "learned from", "kept", box=box.SIMPLE)
    for language in sorted({one.language for one in lines}):
        own = [one for one in lines if one.language == language]
        known = [one.accuracy for one in own if one.accuracy is not None]
        first, best = (known[0], max(known)) if known else (None, None)
        table.add_row(
            language,
            *map(_percent, (first, best, own[-1].accuracy, own[-1].own_share)),
            _sources(own[-1]),
            _versions_kept(kept.get(language)),
        )
    return table


def _versions_kept(kept: "Kept | None") -> str:
    """Name the newest versions that a language can go back to, the best one first."""
    if kept is None or not kept.versions:
        return "-"
    others = [str(version) for version in reversed(kept.versions) if version != kept.best]
    best = [f"{kept.best} (best)"] if kept.best in kept.versions else []
    shown = [*best, *others][:_MOST_VERSIONS]
    return ", ".join(shown) + (" …" if len(kept.versions) > len(shown) else "")


def _sources(line: "Line") -> str:
    if line.source is not None:
        return f"went back to version {line.source}"
    largest = sorted(line.weights.items(), key=lambda one: (-one[1], one[0]))[:_MOST_SOURCES]
    return ", ".join(f"{language} {_percent(part)}" for language, part in largest) or "-"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
