"""Which updates a device may send: one for each version that it was assigned, or for a newer one instead.

A device that is assigned a version trains from the newest prompt that it has by then, so an update may be from a later
version than the assignment. Grants survive restarts of the coordinator, as updates wait in the devices' outboxes.
"""

from dataclasses import replace
from typing import Final

from mfpt_coord.core.client import Client

MAX_GRANTS: Final = 4
"""A device whose updates get lost is assigned again and again; older versions than the newest few are given up."""


def granted(client: Client, version: int) -> Client:
    """Return a device that has been assigned a version."""
    versions = sorted({*client.grants, version})
    return replace(client, grants=tuple(versions[-MAX_GRANTS:]))


def grant_for(client: Client, base_version: int) -> int | None:
    """Return the assigned version that an update from `base_version` answers; None if it answers none."""
    return max((version for version in client.grants if version <= base_version), default=None)


def without_grant(client: Client, grant: int) -> Client:
    """Return a device that has answered an assignment: it may not answer that one or earlier ones again."""
    return replace(client, grants=tuple(version for version in client.grants if version > grant))
