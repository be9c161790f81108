"""Readers of what the embedded broker asks about logins."""

import base64
import json

from fuzzing.target import Target
from mfpt_coord.access.nats_tokens import read_login
from mfpt_shared.errors import DecodeError

_QUESTION = {
    "iss": "SERVER",
    "nats": {
        "user_nkey": "UKEY",
        "server_id": {"id": "SERVER", "name": "mfpt", "version": "2.15.1"},
        "client_info": {"host": "127.0.0.1", "id": 7, "kind": "Client", "type": "mqtt", "mqtt_id": "client"},
        "connect_opts": {"user": "0123456789ab", "pass": "secret", "protocol": 1},
        "type": "authorization_request",
    },
}
_CLAIMS = json.dumps(_QUESTION).encode()


def targets() -> list[Target]:
    """Return a target for whole tokens, and one for what they claim, in which damage goes deeper."""
    return [
        Target("login token", [_token(_CLAIMS)], read_login, (DecodeError,)),
        Target("login claims", [_CLAIMS], lambda claims: _hashable(_token(claims)), (DecodeError,)),
    ]


def _token(claims: bytes) -> bytes:
    return b"e30." + base64.urlsafe_b64encode(claims).rstrip(b"=") + b".c2ln"


def _hashable(token: bytes) -> bytes:
    """Read a token, and encode its texts as the desk does."""
    login = read_login(token)
    return f"{login.user}{login.password}{login.client}".encode()
