"""Ports that can be listened on, and what an operator is told of those that cannot."""

import socket

import pytest

from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.ports import claim_port
from mfpt_shared.errors import ConnectionFailed

pytestmark = pytest.mark.network


def test_a_port_of_another_program_calls_for_another_port_or_for_its_broker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConnectionFailed, match=rf"another port .*--broker mqtt://127\.0\.0\.1:{port}"):
            claim_port(Listen("127.0.0.1", port))


def test_an_address_of_another_machine_calls_for_one_of_this_machine() -> None:
    with pytest.raises(ConnectionFailed, match=r"192\.0\.2\.1:1883: .*address of this machine, or 0\.0\.0\.0:1883"):
        claim_port(Listen("192.0.2.1", 1883))
