"""Sockets that nobody else may take, and who is at their other end."""

import socket
import sys


def bind_alone(one: socket.socket, host: str, port: int) -> None:
    """Bind a socket, so that no other program has the port at the same time; one that has just let it go does no harm.

    Raises:
        OSError: The port is taken, or the address is none of this machine.
    """
    if sys.platform == "win32":  # SO_REUSEADDR would let two programs have it
        one.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((host, port))
