"""Settings of `mfpt-edge join` for tests, and a device that is admitted with an invitation."""

import asyncio
from pathlib import Path

from mfpt_edge.commands.admission import admitted
from mfpt_edge.commands.join_config import Allowed, DataSource, JoinConfig, Limits, Retries
from mfpt_edge.commands.reach import Reach, parse_reach
from mfpt_edge.data.columns import Columns
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.membership import Membership
from mfpt_shared.invitation import InvitationLine
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.address import PASSWORD_VARIABLE
from mfpt_shared.transport.security import Security


def reach(broker: str | None = None, invitation: InvitationLine | None = None, password: str = "") -> Reach:
    """Return how a device reaches its broker with these options and this common password."""
    environment = {PASSWORD_VARIABLE: password}
    return parse_reach(broker, environment, security=Security(), proxy=None, invitation=invitation)


def settings(folder: Path, where: Reach, language: str = "swh") -> JoinConfig:
    """Return settings that say where the device's state is and how it reaches the broker, and hardly anything else."""
    return JoinConfig(
        language=LanguageCode(language),
        federation="test",
        reach=where,
        state_dir=folder,
        data=DataSource(None, Columns(), None),
        retries=Retries(1, 1),
        limits=Limits("cpu", 1, 0, None, round_seconds=60.0, download=0),
        allowed=Allowed((), yes=False),
        rounds=None,
        leave_after=0.0,
        alone=False,
    )


async def admit(folder: Path, where: Reach, language: str = "swh") -> Membership | None:
    """Return what `join` goes on with: the membership of a device, a new one if it has an invitation."""
    place = DeviceFolder(folder)
    session = place.begin_session(place.enrol(LanguageCode(language)))
    return await admitted(settings(folder, where, language), place, session, asyncio.sleep)
