"""The newest prompt of the federation for a device that holds an older one: asked for at the broker, checked, kept."""

import logging
import math
import os
import time
from dataclasses import dataclass
from typing import Final

from mfpt_edge.commands.admission import connection_of, refusals_explained, trust_of
from mfpt_edge.commands.display import duration
from mfpt_edge.commands.reach import parse_reach
from mfpt_edge.session.fetch import fetch
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.storage.declined import is_declined
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.identity import Identity
from mfpt_edge.storage.membership import read_membership
from mfpt_edge.storage.prompt_age import looked, looked_ago, prompt_age, prompt_is_newest
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.errors import Damaged, Incompatible, InUse, MfptError, UsageError
from mfpt_shared.folders import owned
from mfpt_shared.languages import UNDETERMINED
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Prompt
from mfpt_shared.transport.security import Security

LOOK_AGAIN_SECONDS: Final = 3600.0
"""Age of a prompt after which `predict` looks for a newer one, and then each time as long after it last looked."""
_LOOK_SECONDS: Final = 1.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Renewal:
    """What became of the prompt that a device holds.

    Attributes:
        version_before: Version that it held; None where that was damaged.
        version: Version that it holds now.
    """

    version_before: int | None
    version: int


def renewed(
    folder: DeviceFolder,
    federation: str,
    *,
    broker: str | None,
    security: Security,
    proxy: str | None,
    seconds: float | None = None,
    again: bool = True,
) -> Renewal:
    """Keep the newest prompt that the broker has for a device's language; nothing is trained.

    Args:
        folder: State folder of a device that has taken part.
        federation: Name of the federation, for whoever is not a member.
        broker: What `--broker` says; None: where the device was last.
        security: Whom to believe, and the certificate to show.
        proxy: What `--proxy` says.
        seconds: Longest time to take; None: as long as it takes.
        again: Whether to take a prompt that this device has declined.

    Raises:
        UsageError: The device has never taken part.
        InUse: It takes part now, and keeps its prompt up to date itself.
        Incompatible: The federation follows another plan now.
        MfptError: The broker cannot be reached, or does not give the prompt.
    """
    identity = folder.identity()
    if identity is None:
        raise UsageError(f"no device in {folder.path}: run `mfpt-edge join` first")
    plan = folder.plan()
    with owned(folder.path, "--state-dir"):
        held = _held(folder)
        model = _fetched(folder, identity, federation, broker, security, proxy, seconds)
        _check_plan(model.plan, plan)
        unwanted = not again and is_declined(folder.path, model.prompt.header)
        if held is not None and (unwanted or not _is_newer(model.prompt, held)):
            if model.prompt.header == held.header:
                prompt_is_newest(folder.path)
            return Renewal(held.header.version, held.header.version)
        folder.save_prompt(encode(model.prompt))
        return Renewal(None if held is None else held.header.version, model.prompt.header.version)


def renew_in_passing(folder: DeviceFolder, federation: str, *, offline: bool = False) -> None:
    """Take a newer prompt where the broker is known and answers soon; otherwise say how old the one here is.

    This is tried again only after `LOOK_AGAIN_SECONDS`, so that a device without a connection seldom waits for one.

    Args:
        folder: State folder of the device.
        federation: Name of the federation, for whoever is not a member.
        offline: Whether to look for none.
    """
    now = time.time()
    age = prompt_age(folder.path, now)
    if offline or looked_ago(folder.path, now) < LOOK_AGAIN_SECONDS or not _knows_where(folder):
        if LOOK_AGAIN_SECONDS <= age < math.inf:
            _log.warning("the prompt here is %s old; there may be a newer one", duration(age))
        return
    try:
        looked(folder.path)
        found = renewed(
            folder,
            federation,
            broker=None,
            security=Security(),
            proxy=None,
            seconds=_LOOK_SECONDS,
            again=False,
        )
    except InUse:
        return
    except (MfptError, OSError) as error:
        _log.warning("no newer prompt: %s; the one here is %s old", error, duration(age))
        return
    if found.version != found.version_before:
        _log.warning("took version %d of the federation's prompt (--offline never looks)", found.version)
        if (own := folder.personal_prompt(folder.plan())) is not None:
            _log.warning(
                "this device uses a head of its own, on version %d: `mfpt-edge refresh --data` fits it to version %d",
                *(own.header.version, found.version),
            )


def _knows_where(folder: DeviceFolder) -> bool:
    return folder.broker() is not None or read_membership(folder.path) is not None


def _held(folder: DeviceFolder) -> Prompt | None:
    try:
        return folder.prompt()
    except Damaged:
        return None


def _fetched(
    folder: DeviceFolder,
    identity: Identity,
    federation: str,
    broker: str | None,
    security: Security,
    proxy: str | None,
    seconds: float | None,
) -> Model:
    membership = read_membership(folder.path)
    named = broker or (folder.broker() if membership is None else None)
    reach = parse_reach(named, os.environ, security=security, proxy=proxy)
    session = folder.last_session(identity)
    with refusals_explained(membership):
        return fetch(
            connection_of(reach, membership, session),
            membership.federation if membership else federation,
            identity.language,
            trust=trust_of(membership),
            freshness=Freshness(*folder.newest_seen()) if membership else None,
            client_id=session.mqtt_client,
            seconds=seconds,
        )


def _check_plan(now: Plan, plan: Plan) -> None:
    if now.digest != plan.digest:
        raise Incompatible(
            f"the federation follows plan {now.digest} now, and this device's prompt belongs to {plan.digest}; it is "
            "kept as it is: join again to take part under the new plan"
        )


def _is_newer(offered: Prompt, held: Prompt) -> bool:
    """Tell whether a prompt is later; a later epoch counts whatever the version.

    One for languages without a prompt of their own is never newer than the language's own, and always older.
    """
    one, other = offered.header, held.header
    if one.language != other.language:
        return other.language == UNDETERMINED
    return (one.epoch, one.version) > (other.epoch, other.version)
