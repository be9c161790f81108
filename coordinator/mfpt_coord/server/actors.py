"""Which user of this machine is at work: at the other end of a socket, or in this process."""

import asyncio
import os
import socket
import struct
from typing import Final

from mfpt_coord.core.audit import Actor

# struct ucred: process, user, group. Source: unix(7), SO_PEERCRED; other systems than Linux have other ways.
_CREDENTIALS: Final = struct.Struct("3i")


def at_other_end(writer: asyncio.StreamWriter) -> Actor:
    """Return who is at the other end of a Unix socket; nobody in particular where the system does not tell."""
    connection = writer.get_extra_info("socket")
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None or connection is None or connection.family != getattr(socket, "AF_UNIX", None):
        return Actor()
    _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return _actor(uid)


def this_user() -> Actor:
    """Return the user of this process."""
    return _actor(os.getuid()) if hasattr(os, "getuid") else Actor(os.environ.get("USERNAME", ""))


def _actor(uid: int) -> Actor:
    try:
        import pwd  # noqa: PLC0415 - Windows has none

        return Actor(pwd.getpwuid(uid).pw_name, uid)
    except (ImportError, KeyError):  # a user of a container need not have a name
        return Actor("", uid)
