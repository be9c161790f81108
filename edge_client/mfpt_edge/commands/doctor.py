"""`mfpt-edge doctor`: what keeps a device from taking part, a line for each check, with the mend."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from mfpt_edge.commands.data_options import (
    DataOption,
    LabelColumnOption,
    LabelMapOption,
    PairColumnOption,
    TextColumnOption,
)
from mfpt_edge.commands.options import (
    AllowBackboneOption,
    BrokerOption,
    CaFileOption,
    CertOption,
    FederationOption,
    InvitationArgument,
    JoinLanguageOption,
    JsonOption,
    KeyOption,
    MemoryOption,
    ProxyOption,
    StateDirOption,
    join_language,
    show,
)

if TYPE_CHECKING:
    from mfpt_shared.languages import LanguageCode

# As `join` has them unless it is told otherwise.
USUAL_CACHE: Final = "1GB"
USUAL_ROUND: Final = "2h"
USUAL_DOWNLOAD: Final = "2GB"


def doctor(
    invitation: InvitationArgument = None,
    lang: JoinLanguageOption = None,
    broker: BrokerOption = None,
    data: DataOption = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
    label_map: LabelMapOption = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    memory: MemoryOption = None,
    allow_backbone: AllowBackboneOption = None,
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what keeps this device from taking part: a line for each check, with the mend.

    Takes the same arguments as `join`. Nothing is changed: nobody is admitted, no invitation is used up, and a device
    that runs is not disturbed. The exit code is that of the first check that has failed.
    """
    from mfpt_edge.commands.checkup import checked_up, owner_of
    from mfpt_edge.commands.doctor_view import doctor_table
    from mfpt_edge.commands.join_config import DataSource, parse_limits
    from mfpt_edge.commands.patient import patient
    from mfpt_edge.commands.reach import parse_reach
    from mfpt_edge.data.columns import Columns
    from mfpt_shared.invitation import InvitationLine
    from mfpt_shared.plan import federation_name
    from mfpt_shared.transport.security import Security

    line = InvitationLine.parse(invitation) if invitation else None
    language = join_language(lang, line) if lang or (line and line.language) else None
    name = line.federation if line else federation_name(federation)
    reach = parse_reach(broker, os.environ, security=Security(ca_file, cert, key), proxy=proxy, invitation=line)
    limits = parse_limits("auto", None, USUAL_CACHE, memory, USUAL_ROUND, USUAL_DOWNLOAD)
    found = patient(folder_of(state_dir, name, language), language, name, reach)
    own = DataSource(data, Columns(text_column, label_column, pair_column), None, label_map)
    examined = checked_up(found, owner_of(found, limits, own, allow_backbone or ()), own)
    show(examined, as_json, doctor_table)
    raise typer.Exit(examined.exit_code)


def folder_of(state_dir: Path | None, federation: str, language: "LanguageCode | None") -> Path:
    """Return the state folder; where no language is named, that of the only device, or the one above all."""
    from mfpt_edge.storage.device_folder import default_folder
    from mfpt_edge.storage.identity import IDENTITY_FILE
    from mfpt_shared.languages import UNDETERMINED

    if state_dir is not None:
        return state_dir.absolute()
    if language is not None:
        return default_folder(federation, language)
    above = default_folder(federation, UNDETERMINED).parent
    devices = sorted(above.glob(f"*/{IDENTITY_FILE}"))
    return devices[0].parent if len(devices) == 1 else above
