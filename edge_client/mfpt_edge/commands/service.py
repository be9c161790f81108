"""`mfpt-edge service`: this device starts by itself, in one way on each system. Nothing here may be slow to import."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mfpt_edge.commands.options import (
    FederationOption,
    JsonOption,
    LanguageOption,
    StateDirOption,
    device_folder,
    show,
)

if TYPE_CHECKING:
    from mfpt_edge.service.definition import Definition
    from mfpt_edge.service.installing import Way

_JOIN_OPTIONS: Final = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    help="Let this device start by itself: systemd on Linux; launchd on macOS and the Task Scheduler on Windows, both "
    "untested.",
    no_args_is_help=True,
)

PrintOption = Annotated[
    bool, typer.Option("--print", help="Print what would be installed, for this system, and install nothing.")
]


@app.command(
    context_settings=_JOIN_OPTIONS,
    epilog="Example: mfpt-edge service install --lang sw --federation radio --data sentences.csv --max-load 1",
)
def install(
    context: typer.Context,
    lang: LanguageOption,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    only_print: PrintOption = False,
) -> None:
    """Start this device now, and whenever you log in; every other option is one of `mfpt-edge join`.

    Join once before, with the invitation. What is set later with `mfpt-edge settings` holds for the service too.
    """
    import os

    from mfpt_edge.commands.join_options import check_join_options
    from mfpt_edge.service import installing
    from mfpt_edge.service.definition import check_arguments
    from mfpt_shared.command_line import say, say_data
    from mfpt_shared.errors import UsageError

    extra = tuple(context.args)
    check_join_options(extra)
    check_arguments(extra, os.environ)
    service, way = _service(lang, federation, state_dir, extra)
    if only_print:
        say_data(way.text.rstrip())
        return
    folder = device_folder(lang, federation, state_dir)
    if folder.identity() is None:
        raise UsageError(f"no device in {folder.path}: run `mfpt-edge join` once, and see that it works, then this")
    installing.install(way)
    say(f"{service.title} runs now, and starts whenever you log in; {way.file} says how", err=True)
    if installing.manager_here() == "systemd":
        say("for it to run while you are logged out as well: loginctl enable-linger", err=True)


@app.command(epilog="Example: mfpt-edge service remove --lang sw --federation radio")
def remove(lang: LanguageOption, federation: FederationOption = "default", state_dir: StateDirOption = None) -> None:
    """End this device's service; what the device keeps stays."""
    from mfpt_edge.service import installing
    from mfpt_shared.command_line import say

    service, way = _service(lang, federation, state_dir, ())
    if not way.file.exists():
        say(f"{service.title} does not start by itself: there is no {way.file}", err=True)
        return
    installing.remove(way)
    say(f"{service.title} does not start by itself any more", err=True)


@app.command(epilog="Example: mfpt-edge service status --lang sw --federation radio --json")
def status(
    lang: LanguageOption,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whether this device has a service, and whether that runs."""
    from msgspec.structs import asdict

    from mfpt_edge.commands.display import facts_table
    from mfpt_edge.service.installing import manager_here, state_of

    service, way = _service(lang, federation, state_dir, ())
    show(asdict(state_of(service, manager_here(), way)), as_json, facts_table)


def _service(lang: str, federation: str, state_dir: Path | None, extra: tuple[str, ...]) -> "tuple[Definition, Way]":
    import os
    import sys

    from mfpt_edge.service.definition import KEPT_VARIABLES, Definition
    from mfpt_edge.service.installing import manager_here, way_of
    from mfpt_shared.languages import given_language

    folder, language = device_folder(lang, federation, state_dir).path, given_language(lang)
    device = ("--lang", language, "--federation", federation, "--state-dir", str(folder))
    patient = () if "--retry" in extra else ("--retry", "forever")
    service = Definition(
        federation=federation,
        language=language,
        command=(sys.executable, "-m", "mfpt_edge", "join", *device, *patient, *extra),
        folder=Path.cwd(),
        log=folder / "service.log",
        environment={name: os.environ[name] for name in KEPT_VARIABLES if os.environ.get(name)},
    )
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return service, way_of(service, manager_here(), Path.home(), config_home)
