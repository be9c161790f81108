"""The commands `mfpt-coord db …`. They import what they run, so that `--help` answers at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption
from mfpt_shared.command_line import say, say_data

if TYPE_CHECKING:
    from mfpt_coord.server.backup_file import Summary

app = typer.Typer(help="Back up, restore, check and compact what a coordinator keeps.", no_args_is_help=True)

PassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help="File whose first line encrypts the backup."),
]


@app.command(epilog="Example: mfpt-coord db backup /mnt/backups/radio.backup --data-dir /var/lib/mfpt")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; an earlier backup is replaced.")],
    data_dir: DataDirOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write everything that a coordinator keeps, its key included, into one file, also while it runs.

    Whoever has the file can act as the coordinator and read the updates that are in no version yet: keep it as safe as
    the data folder, or encrypt it with --passphrase-file.
    """
    from mfpt_coord.server.backups import back_up

    found = back_up(_folder(data_dir), file.absolute(), _passphrase(passphrase_file))
    _tell(found, f"{file}: {_described(found)}; it holds the coordinator's key, so keep it safe", as_json=as_json)


@app.command(epilog="Example: mfpt-coord db restore /mnt/backups/radio.backup --data-dir /var/lib/mfpt")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `db backup` wrote.")],
    data_dir: DataDirOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Move what is in the data folder aside, into a folder inside it.")
    ] = False,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a data folder of a backup, for a coordinator that is stopped.

    Devices follow it from there. Those that were admitted since need new invitations, and those that were revoked since
    must be revoked again.
    """
    from mfpt_coord.server.restores import restore as put_back

    folder = _folder(data_dir)
    found, aside = put_back(file.absolute(), folder, _passphrase(passphrase_file), force=force)
    moved = f"; what was there is in {aside}: remove it when all is well" if aside else ""
    _tell(found, f"{folder}: {_described(found)}; continue with mfpt-coord serve{moved}", as_json=as_json)


@app.command(epilog="Example: mfpt-coord db check --data-dir /var/lib/mfpt")
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A backup. By default the data folder is checked.")
    ] = None,
    data_dir: DataDirOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read everything in a data folder, also while its coordinator runs, or in a backup. Exit code 7: it is damaged."""
    from mfpt_coord.server.backup_file import look_through_backup
    from mfpt_coord.server.backups import look_through_folder

    if file is None:
        found = look_through_folder(_folder(data_dir))
    else:
        found = look_through_backup(file.absolute(), _passphrase(passphrase_file))
    _tell(found, f"{file or found.file} is whole: {_described(found)}", as_json=as_json)


@app.command(epilog="Example: mfpt-coord db compact --data-dir /var/lib/mfpt")
def compact(data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Write the database anew, without the room that what was removed has left, for a coordinator that is stopped."""
    import json

    from mfpt_coord.server.data_folder import compact as write_anew

    folder = _folder(data_dir)
    before, after = write_anew(folder)
    if as_json:
        say_data(json.dumps({"before": before, "after": after}))
    else:
        say(f"{folder}: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now", err=True)


def _folder(data_dir: Path | None) -> Path:
    from mfpt_coord.server.config import default_data_dir

    return (data_dir or default_data_dir()).absolute()


def _passphrase(file: Path | None) -> str | None:
    """Return the passphrase in a file; None where no file is named."""
    from mfpt_shared.errors import UsageError

    if file is None:
        return None
    try:
        line = file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise UsageError(f"--passphrase-file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--passphrase-file {file} is not UTF-8; save it as UTF-8") from error
    if not line:
        raise UsageError(f"--passphrase-file {file} has an empty first line")
    return line


def _described(found: "Summary") -> str:
    counts = f"{_counted(found.devices, 'device')}, {_counted(found.waiting, 'update')} in no version yet"
    return f"federation {found.federation}, version {found.version}, {counts}, {found.bytes / 1e6:.1f} MB"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _tell(found: "Summary", line: str, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        say_data(msgspec.json.encode(found).decode())
    else:
        say(line, err=True)
