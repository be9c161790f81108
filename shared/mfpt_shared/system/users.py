"""Users of this machine: who runs this process, and who is at the other end of a socket."""

import os
import socket
import struct
import sys
from typing import Final, NamedTuple

if sys.platform == "win32":
    import win32api
else:
    import pwd

# struct ucred: process, user, group. Source: unix(7), SO_PEERCRED; other systems than Linux have other ways.
_CREDENTIALS: Final = struct.Struct("3i")
_DOMAIN_AND_NAME: Final = 2  # NameSamCompatible, secext.h


class User(NamedTuple):
    """A user of this machine.

    Attributes:
        name: Name; empty: the user has none. On Windows it begins with the machine or the domain, without which the
            accounts of a company are not found.
        number: Number, where users have one.
    """

    name: str
    number: int | None = None


def this_user() -> User:
    """Return the user of this process."""
    if sys.platform == "win32":
        return User(win32api.GetUserNameEx(_DOMAIN_AND_NAME))
    else:
        return _user(os.getuid())


def user_at_other_end(connection: socket.socket) -> User | None:
    """Return the user at the other end of a Unix socket; None where the system does not tell."""
    if sys.platform == "linux" and connection.family == socket.AF_UNIX:
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, number, _ = _CREDENTIALS.unpack(told)
        return _user(number)
    return None


def _user(number: int) -> User:
    if sys.platform == "win32":
        return User("", number)
    else:
        try:
            return User(pwd.getpwuid(number).pw_name, number)
        except KeyError:  # a user of a container need not have a name
            return User("", number)
