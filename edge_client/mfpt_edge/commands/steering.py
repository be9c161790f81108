"""`mfpt-edge pause`, `resume`, `settings` and `leave`: what the owner asks of a device, whether it runs or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from mfpt_edge.commands.asking import agreed
from mfpt_edge.engine.owner import Owner
from mfpt_edge.session.control import LEAVE_SECONDS, ask
from mfpt_edge.session.orders import Change, DeviceReport, Done, Leave, Left, ShowDevice
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.forgetting import forget_device
from mfpt_edge.storage.identity import Identity
from mfpt_edge.storage.settings import Said, Settings, read_settings, write_settings
from mfpt_shared.control_socket import answers_in
from mfpt_shared.errors import ConnectionFailed, InUse, UsageError
from mfpt_shared.folders import cache_home, is_owned, owned


def settings_of(folder: Path) -> Settings:
    """Return the settings that are in force, or will be at the next start.

    Raises:
        MfptError: There is no device, or it cannot be asked.
    """
    _identity(folder)
    return ask(folder, ShowDevice(), DeviceReport).settings if _runs(folder) else read_settings(folder)


def change(folder: Path, said: Said = Said(), *, paused: bool | None = None) -> Settings:  # noqa: B008 - frozen
    """Change settings of a device, at once if it runs, and return them all.

    Args:
        folder: State folder.
        said: What is to be set.
        paused: Whether the device is paused from now on; None: as before.

    Raises:
        MfptError: There is no device, or it cannot be asked.
    """
    wanted = said.over(settings_of(folder))
    if paused is not None:
        wanted = replace(wanted, paused=paused)
    if _runs(folder):
        ask(folder, Change(settings=wanted), Done)
    else:
        with _owned(folder):
            write_settings(folder, wanted)
    return wanted


def leave(folder: Path, owner: Owner, *, forget: bool, yes: bool) -> Left:
    """Let a device leave, and forget what it keeps if that is wanted.

    Args:
        folder: State folder.
        owner: Who is asked before something is removed.
        forget: Whether all is removed that the device keeps.
        yes: Whether that was agreed to already.

    Raises:
        MfptError: It does not run, cannot be asked, or the owner does not agree.
    """
    identity, runs = _identity(folder), _runs(folder)
    if not (runs or forget):
        raise ConnectionFailed(
            f"no device runs on {folder}, so there is nothing to leave; with --forget, all is removed that it keeps"
        )
    if forget and not yes and not agreed(_question(folder, identity, runs=runs), owner):
        raise UsageError(f"{folder} stays as it is; give --yes to remove it without a question")
    if runs:
        return ask(folder, Leave(forget=forget), Left, LEAVE_SECONDS)
    with _owned(folder):
        forget_device(folder, cache_home())
    return Left(device=identity.client, language=identity.language, forgotten=True)


def _question(folder: Path, identity: Identity, *, runs: bool) -> str:
    waiting = len(DeviceFolder(folder).outbox().sequences())
    updates = "" if not waiting else f", {waiting} {'update' if waiting == 1 else 'updates'} that wait to be sent"
    asks = (
        "Its coordinator is asked to forget it too."
        if runs
        else "It does not run, so its coordinator is not asked to forget it: for that, start `mfpt-edge join` first."
    )
    return (
        f"This removes all that device {identity.client} keeps in {folder}: its key and membership, prompts, "
        f"settings{updates}. To take part again it needs a new invitation. {asks} What it has contributed to versions "
        "stays in them. Remove it?"
    )


def _identity(folder: Path) -> Identity:
    identity = DeviceFolder(folder).identity()
    if identity is None:
        raise UsageError(f"no device in {folder}: run `mfpt-edge join` first")
    return identity


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Own the folder of a device that does not run; one that only just starts takes no orders yet.

    Raises:
        InUse: Another process owns it.
    """
    try:
        with owned(folder, "--state-dir"):
            yield
    except InUse as error:
        raise InUse(f"a command that works in {folder} takes no orders now: try again in a moment") from error


def _runs(folder: Path) -> bool:
    return is_owned(folder) and answers_in(folder)
