"""A port belongs to one program."""

import errno
import socket

import pytest

from mfpt_shared.system.sockets import bind_alone

pytestmark = pytest.mark.network


def test_a_port_that_is_listened_on_cannot_be_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as another:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=r"in use|socket address|10048") as failed:
            bind_alone(another, "127.0.0.1", port)
    assert failed.value.errno in (errno.EADDRINUSE, errno.EACCES)


def test_a_port_whose_last_connection_has_just_ended_can_be_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            connection, _ = server.accept()
            connection.close()  # this side has to wait for what may still be on its way
    with socket.socket() as another:
        bind_alone(another, "127.0.0.1", port)
