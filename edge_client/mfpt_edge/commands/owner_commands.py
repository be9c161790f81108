"""The commands with which an owner steers a device; `steering` has what they do. Nothing here may be slow to import."""

from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_edge.commands.options import (
    FederationOption,
    HoursOption,
    JsonOption,
    LanguageOption,
    MaxLoadOption,
    MaxUploadOption,
    OnBatteryOption,
    StateDirOption,
    device_folder,
    show,
)

if TYPE_CHECKING:
    from mfpt_edge.storage.settings import Settings

ForgetOption = Annotated[
    bool,
    typer.Option(
        "--forget",
        help="Also remove all that the device keeps: key, membership, prompts, updates, settings, activations. While "
        "it runs, its coordinator is asked to forget it too. What is in a version stays there.",
    ),
]
SureOption = Annotated[bool, typer.Option("--yes", help="Remove it without a question.")]


def pause(
    lang: LanguageOption,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let this device train no more until `mfpt-edge resume`, also after a restart. It stays connected."""
    from mfpt_edge.commands.steering import change

    _show(change(device_folder(lang, federation, state_dir).path, paused=True), as_json)


def resume(
    lang: LanguageOption,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let this device train again."""
    from mfpt_edge.commands.steering import change

    _show(change(device_folder(lang, federation, state_dir).path, paused=False), as_json)


def settings(
    lang: LanguageOption,
    hours: HoursOption = None,
    max_load: MaxLoadOption = None,
    on_battery: OnBatteryOption = None,
    max_upload: MaxUploadOption = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show when this device trains and how much it sends, or set it: at once if it runs, and for later runs."""
    from mfpt_edge.commands.said import parse_said
    from mfpt_edge.commands.steering import change, settings_of
    from mfpt_edge.storage.settings import Said

    folder, said = device_folder(lang, federation, state_dir).path, parse_said(hours, max_load, on_battery, max_upload)
    _show(settings_of(folder) if said == Said() else change(folder, said), as_json)


def leave(
    lang: LanguageOption,
    forget: ForgetOption = False,
    yes: SureOption = False,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let this device leave now, in order. Nothing is lost, unless --forget removes what it keeps."""
    from mfpt_edge.commands.asking import OwnerAtTerminal
    from mfpt_edge.commands.display import joined
    from mfpt_edge.commands.steering import leave as let_leave

    folder = device_folder(lang, federation, state_dir).path
    show(let_leave(folder, OwnerAtTerminal(), forget=forget, yes=yes), as_json, joined)


def _show(settings: "Settings", as_json: bool) -> None:
    from mfpt_edge.commands.display import settings_table

    show(settings, as_json, settings_table)
