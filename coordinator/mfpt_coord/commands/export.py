"""`mfpt-coord export`: the newest prompts of a federation, for PEFT."""

from pathlib import Path
from typing import Annotated

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption, StoreOption


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder, or one of an earlier export.")],
    lang: Annotated[str | None, typer.Option("--lang", help="Only this language. By default all of them.")] = None,
    data_dir: DataDirOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the newest prompt of every language as an adapter for PEFT, with a card that says what they are.

    Works while the coordinator runs.
    """
    import msgspec

    from mfpt_coord.commands.places import place_of
    from mfpt_coord.server.exports import export_prompts
    from mfpt_coord.server.stored_reading import read_state
    from mfpt_shared.command_line import say, say_data
    from mfpt_shared.languages import given_language
    from mfpt_shared.system.names import folder_name

    state = read_state(place_of(data_dir, store))
    written = export_prompts(state, folder, None if lang is None else given_language(lang))
    if as_json:
        said = {"version": state.version, "languages": {one: str(folder / folder_name(one)) for one in written}}
        say_data(msgspec.json.encode(said).decode())
        return
    what = written[0] if len(written) == 1 else f"{len(written)} prompts"
    say(f"{what} of version {state.version} in {folder}", err=True)
