"""`mfpt-edge doctor`: what keeps a device from taking part, a line for each check, with the mend."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from mfpt_edge.commands.options import (
    AllowBackboneOption,
    BrokerOption,
    CaFileOption,
    CertOption,
    DataOption,
    FederationOption,
    InvitationArgument,
    JoinLanguageOption,
    JsonOption,
    KeyOption,
    LabelColumnOption,
    MemoryOption,
    PairColumnOption,
    ProxyOption,
    StateDirOption,
    TextColumnOption,
    join_language,
    show,
)

if TYPE_CHECKING:
    from mfpt_edge.commands.patient import Patient
    from mfpt_edge.data.columns import Columns
    from mfpt_edge.doctor.examination import Check, Examined
    from mfpt_edge.doctor.fit import Owner
    from mfpt_edge.doctor.invited import Invited
    from mfpt_edge.doctor.visit import Visit
    from mfpt_edge.doctor.way import Way
    from mfpt_shared.languages import LanguageCode


def doctor(
    invitation: InvitationArgument = None,
    lang: JoinLanguageOption = None,
    broker: BrokerOption = None,
    data: DataOption = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
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
    from mfpt_edge.commands.doctor_view import doctor_table
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
    found = patient(_folder(state_dir, name, language), language, name, reach)
    owner = _owner(found, memory, data, Columns(text_column, label_column, pair_column), allow_backbone or ())
    examined = _examined(found, owner)
    show(examined, as_json, doctor_table)
    raise typer.Exit(examined.exit_code)


def _folder(state_dir: Path | None, federation: str, language: "LanguageCode | None") -> Path:
    """Return the state folder; where no language is named, that of the only device, or the one above all."""
    from mfpt_edge.storage.device_folder import IDENTITY_FILE, default_folder
    from mfpt_shared.languages import UNDETERMINED

    if state_dir is not None:
        return state_dir.absolute()
    if language is not None:
        return default_folder(federation, language)
    above = default_folder(federation, UNDETERMINED).parent
    devices = sorted(above.glob(f"*/{IDENTITY_FILE}"))
    return devices[0].parent if len(devices) == 1 else above


def _owner(
    found: "Patient", memory: str | None, data: str | None, columns: "Columns", backbones: Sequence[str]
) -> "Owner":
    from mfpt_edge.commands.join_config import parse_limits
    from mfpt_edge.doctor.fit import Owner
    from mfpt_edge.host.memory import spare_bytes
    from mfpt_edge.session.limits import Given
    from mfpt_edge.storage.answers import Answers

    limits = parse_limits("auto", None, USUAL_CACHE, memory, USUAL_ROUND, USUAL_DOWNLOAD)
    spare = spare_bytes() if limits.memory is None else limits.memory
    given = Given(spare, limits.round_seconds, limits.activation_cache, limits.download)
    return Owner(given, data, columns, backbones, Answers(found.folder.path).given())


# As `join` has them unless it is told otherwise.
USUAL_CACHE: Final = "1GB"
USUAL_ROUND: Final = "2h"
USUAL_DOWNLOAD: Final = "2GB"


def _examined(found: "Patient", owner: "Owner") -> "Examined":
    """Make all checks, over one connection."""
    from mfpt_edge.doctor.examination import examine
    from mfpt_edge.doctor.way import Way

    way = Way(found.connection)
    with found.to_visit() as visit:
        checks = (
            *_of_the_machine(found),
            *_of_the_way(way),
            *_at_the_broker(visit, way),
            *_of_the_work(found, visit, owner),
        )

        async def examined() -> "Examined":
            try:
                return await examine(checks)
            finally:
                if visit is not None:
                    await visit.close()

        return asyncio.run(examined())


def _of_the_machine(found: "Patient") -> tuple["Check", ...]:
    from mfpt_edge.doctor import machine
    from mfpt_edge.doctor.examination import Check
    from mfpt_shared.folders import cache_home

    cache = cache_home()
    return (
        Check("Python", machine.python),
        Check("libraries", machine.libraries),
        Check("memory", machine.memory),
        Check("state folder", machine.Room(found.folder.path, machine.STATE_BYTES, "--state-dir", is_needed=True)),
        Check("cache folder", machine.Room(cache, machine.CACHE_BYTES, "MFPT_CACHE", is_needed=False)),
        Check("cache", machine.Cached(cache)),
    )


def _of_the_way(way: "Way") -> tuple["Check", ...]:
    from mfpt_edge.doctor.examination import Check

    return (
        Check("proxy", way.proxy),
        Check("DNS", way.names, ("proxy",)),
        Check("IPv4", way.ipv4, ("DNS",)),
        Check("IPv6", way.ipv6, ("DNS",)),
        Check("port", way.port, ("DNS",)),
        Check("TLS", way.tls, ("port",)),
    )


def _at_the_broker(visit: "Visit | Invited | None", way: "Way") -> tuple["Check", ...]:
    from mfpt_edge.doctor.examination import Check, device_runs
    from mfpt_edge.doctor.visit import Visit

    if visit is None:
        return (Check("login", device_runs, ("TLS",)),)
    entering = Check("login", visit.log_in, ("TLS",)), Check("broker", visit.broker, ("login",))
    if not isinstance(visit, Visit):
        return entering
    return (
        *entering,
        Check("coordinator", visit.coordinator, ("broker",)),
        Check("versions", visit.versions, ("broker",)),
        Check("clock", lambda: visit.clock(way.encrypted)),
    )


def _of_the_work(found: "Patient", visit: "Visit | Invited | None", owner: "Owner") -> tuple["Check", ...]:
    from mfpt_edge.doctor.examination import Check
    from mfpt_edge.doctor.fit import Work
    from mfpt_edge.doctor.visit import Visit

    work = Work(visit.heard if isinstance(visit, Visit) else None, found.kept_plan(), found.language, owner)
    return Check("plan", work.plan), Check("data", work.data)
