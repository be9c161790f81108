"""Which user of this machine is at work: at the other end of a socket, or in this process."""

import asyncio

from mfpt_coord.core.audit import Actor
from mfpt_shared.system import users


def at_other_end(writer: asyncio.StreamWriter) -> Actor:
    """Return who is at the other end of a Unix socket; nobody in particular where the system does not tell."""
    connection = writer.get_extra_info("socket")
    user = None if connection is None else users.user_at_other_end(connection)
    return Actor() if user is None else Actor(*user)


def this_user() -> Actor:
    """Return the user of this process."""
    return Actor(*users.this_user())
