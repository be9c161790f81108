"""What `mfpt-edge doctor` finds, without a process of its own."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from mfpt_edge.commands.checkup import checked_up, owner_of
from mfpt_edge.commands.join_config import DataSource, parse_limits
from mfpt_edge.commands.patient import patient
from mfpt_edge.commands.reach import parse_reach
from mfpt_edge.data.columns import Columns
from mfpt_edge.doctor.examination import Examined, Line
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.security import Security


async def check_up(
    folder: Path,
    broker: str | None = None,
    *,
    invitation: InvitationLine | None = None,
    data: Path | None = None,
    memory: str | None = "2GB",
    security: Security | None = None,
    proxy: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Examined:
    """Look at a Swahili device of the federation `test`, as the command does."""
    reach = parse_reach(broker, environment or {}, security=security or Security(), proxy=proxy, invitation=invitation)
    found = patient(folder, LanguageCode("swh"), "test", reach)
    limits = parse_limits("auto", None, "1GB", memory, "2h", "2GB")
    own = DataSource(None if data is None else str(data), Columns(), None, None)
    return await asyncio.to_thread(checked_up, found, owner_of(found, limits, own, ()), own)


def line(examined: Examined, check: str) -> Line:
    """Return what was said of one check."""
    return next(one for one in examined.lines if one.check == check)


def levels(examined: Examined, *checks: str) -> dict[str, str]:
    """Return check -> level, for these checks."""
    return {check: line(examined, check).level for check in checks}
