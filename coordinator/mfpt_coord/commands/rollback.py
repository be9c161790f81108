"""`mfpt-coord rollback`: an earlier prompt becomes the newest one again."""

from typing import Annotated

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption


def rollback(
    lang: Annotated[
        str | None, typer.Option("--lang", help="Language that goes back. By default every language that can.")
    ] = None,
    to: Annotated[
        int | None,
        typer.Option(
            "--to", min=0, help="Version to go back to, one that is kept. By default the best of each language."
        ),
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an earlier prompt the newest again, as a new version, which devices follow.

    The version that did best on held-out examples is kept of each language, others only with `serve --keep`; see
    `mfpt-coord history`. Updates that are under way still count.
    """
    from mfpt_coord.commands.control import json_line, report_of
    from mfpt_coord.server.orders import Rollback, WentBack
    from mfpt_shared.command_line import say, say_data
    from mfpt_shared.languages import given_language, named

    language = None if lang is None else given_language(lang)
    report = report_of(data_dir, Rollback(language=language, to=to), WentBack)
    if as_json:
        say_data(json_line(report))
        return
    for one, version in sorted(report.languages.items()):
        say(f"{named(one)} is back at version {version}", err=True)
    say(f"published as version {report.version}", err=True)
