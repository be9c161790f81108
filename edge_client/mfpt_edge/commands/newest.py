"""Which prompt `predict`, `evaluate` and `export` use: the one that the device keeps, or the newest of the broker."""

import os

from mfpt_edge.commands.admission import connection_of, refusals_explained, trust_of
from mfpt_edge.commands.reach import Reach, parse_reach
from mfpt_edge.session.fetch import fetch
from mfpt_edge.session.freshness import Freshness
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.membership import MEMBERSHIP_FILE, Membership, read_membership
from mfpt_edge.storage.saved_prompt import Model, kept_model
from mfpt_shared.errors import Damaged
from mfpt_shared.folders import owned
from mfpt_shared.languages import LanguageCode
from mfpt_shared.transport.connection import connection_if_named
from mfpt_shared.transport.security import Security


def model_for(
    folder: DeviceFolder,
    federation: str,
    language: LanguageCode,
    *,
    broker: str | None,
    security: Security,
    proxy: str | None,
) -> Model:
    """Return the prompt that the device uses, or the broker's if one is named, or if this is a member that keeps none.

    Args:
        folder: State folder of the device; a member logs in with what is kept there, and believes its coordinator.
        federation: Name of the federation, for whoever is not a member.
        language: Language of the prompt.
        broker: What `--broker` says.
        security: Whom to believe, and the certificate to show.
        proxy: What `--proxy` says.

    Raises:
        MfptError: There is no such prompt, or the broker cannot be reached or does not give it.
    """
    membership = read_membership(folder.path)
    if membership is not None and (broker or membership.role != "device"):
        reach = parse_reach(broker, os.environ, security=security, proxy=proxy)
        return _fetched(folder, membership, language, reach)
    named = connection_if_named(broker, os.environ, security=security, proxy=proxy)
    return kept_model(folder) if named is None else fetch(named, federation, language)


def _fetched(folder: DeviceFolder, membership: Membership, language: LanguageCode, reach: Reach) -> Model:
    identity = folder.identity()
    if identity is None:
        raise Damaged(
            f"{folder.path / MEMBERSHIP_FILE} belongs to no device; remove it, and join with a new invitation"
        )
    # Two connections of one account would cut each other off.
    with owned(folder.path, "--state-dir"), refusals_explained(membership):
        session = folder.last_session(identity)
        return fetch(
            connection_of(reach, membership, session),
            membership.federation,
            language,
            trust=trust_of(membership),
            freshness=Freshness(*folder.newest_seen()),
            client_id=session.mqtt_client,
        )
