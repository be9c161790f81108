"""TCP ports that can be listened on."""

import asyncio
import errno
import random
import socket
import time
from typing import Final

from mfpt_coord.server.broker_config import Listen
from mfpt_shared.errors import ConnectionFailed
from mfpt_shared.system.sockets import bind_alone

# Below those from which outgoing connections get theirs (Linux: ip_local_port_range): what is free now will be free
# when the server is started again. Above what systems give to services.
_FREE: Final = range(20_000, 32_768)
_TRIES: Final = 100
_LOOK_SECONDS: Final = 0.1


def claim_port(listen: Listen) -> int:
    """Return a port that can be listened on: the given one, or a free one for 0.

    Raises:
        ConnectionFailed: The port is taken, or cannot be listened on.
    """
    candidates = [listen.port] if listen.port else random.sample(_FREE, _TRIES)
    for port in candidates:
        try:
            _bind(listen.host, port)
        except OSError as error:
            problem = error
        else:
            return port
    raise ConnectionFailed(f"cannot listen on {listen}: {problem.strerror}; {_advice(listen, problem)}") from problem


def _advice(listen: Listen, problem: OSError) -> str:
    """Return what to do where a port cannot be listened on."""
    another = f"choose another port (--listen {Listen(listen.host, 0)} finds a free one)"
    if problem.errno == errno.EADDRINUSE:
        return f"{another}, or use the broker that is already there (--broker mqtt://{listen})"
    if problem.errno in (errno.EACCES, errno.EPERM):
        return f"this user may not take ports below 1024: {another}"
    return f"give an address of this machine, or {Listen('0.0.0.0', listen.port)} for all of them"  # noqa: S104 - advice


async def claim_port_soon(listen: Listen, patience: float) -> int:
    """Return a port as `claim_port` does; wait if it is taken, for as long as its last owner may take to let it go.

    Args:
        listen: Address.
        patience: Seconds.

    Raises:
        ConnectionFailed: The port is still taken after that.
    """
    give_up = time.monotonic() + patience
    while True:
        try:
            return claim_port(listen)
        except ConnectionFailed:
            if time.monotonic() >= give_up:
                raise
        await asyncio.sleep(_LOOK_SECONDS)  # nothing tells when a port is free


def _bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        bind_alone(probe, host, port)
