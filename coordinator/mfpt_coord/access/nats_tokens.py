"""The tokens in which nats-server asks who may connect, and is answered.

A token is a JSON Web Token signed with Ed25519, under NATS' own name for it, `ed25519-nkey`. Keys are written as nkeys:
base32 of a prefix that says whose key it is, the 32 bytes of the key, and a CRC-16.

Source: NATS ADR-26 (auth callout), and the README of nats-io/nkeys for the text of keys.
"""

import base64
import binascii
import json
import struct
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from mfpt_coord.access.rights import Rights
from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import PublicKey, SigningKey

_ACCOUNT: Final = 0 << 3  # the text begins with A
_ALGORITHM: Final = {"typ": "JWT", "alg": "ed25519-nkey"}
_LONGEST: Final = 64 * 1024

GLOBAL_ACCOUNT: Final = "$G"
"""The account of a server that has only one."""


class _ClientInfo(msgspec.Struct, frozen=True):
    host: str = ""
    id: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    kind: str = ""
    type: str = ""
    mqtt_id: str = ""


class _ConnectOptions(msgspec.Struct, frozen=True):
    user: str = ""
    password: str = msgspec.field(default="", name="pass")


class _ServerId(msgspec.Struct, frozen=True):
    id: str = ""


class _Question(msgspec.Struct, frozen=True):
    user_nkey: str
    server_id: _ServerId = _ServerId()
    client_info: _ClientInfo = _ClientInfo()
    connect_opts: _ConnectOptions = _ConnectOptions()


class _Claims(msgspec.Struct, frozen=True):
    nats: _Question


class Login(msgspec.Struct, frozen=True):
    """Somebody who wants to connect.

    Attributes:
        host: Address from which it connects.
        connection: Number of the connection at the server.
        server: Id of the server.
        nkey: Name of the connection in the answer.
        user: User name; empty if it gave none.
        password: Password; empty if it gave none.
        client: MQTT client id.
        is_mqtt: Whether it speaks MQTT, which is all that is served.
    """

    host: str
    connection: int
    server: str
    nkey: str
    user: str
    password: str
    client: str
    is_mqtt: bool


def account_name(key: PublicKey) -> str:
    """Return the name of an account's key, an nkey that begins with A."""
    named = bytes([_ACCOUNT]) + key
    return base64.b32encode(named + struct.pack("<H", binascii.crc_hqx(named, 0))).decode().rstrip("=")


def read_login(token: bytes) -> Login:
    """Return who wants to connect. The server alone can send this: the signature is not looked at.

    Raises:
        DecodeError: It is not such a token.
    """
    if len(token) > _LONGEST:
        raise DecodeError(f"a token of {len(token):,} bytes")
    parts = token.split(b".")
    if len(parts) != 3:
        raise DecodeError("not a JSON Web Token")
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)), type=_Claims)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error, RecursionError) as error:
        raise DecodeError(f"not a question of who may connect: {error}") from error
    asked = claims.nats
    return Login(
        host=asked.client_info.host,
        connection=asked.client_info.id,
        server=asked.server_id.id,
        nkey=asked.user_nkey,
        user=asked.connect_opts.user,
        password=asked.connect_opts.password,
        client=asked.client_info.mqtt_id,
        is_mqtt=asked.client_info.type == "mqtt",
    )


def allowed(login: Login, rights: Rights, key: SigningKey, now: int) -> bytes:
    """Return the answer that lets somebody in, with these rights."""
    user = {
        "pub": permission(rights.publish),
        "sub": permission(rights.subscribe),
        "subs": -1,
        "data": -1,
        "payload": -1,
        "allowed_connection_types": ["MQTT", "MQTT_WS"],
        "type": "user",
        "version": 2,
    }
    claims = {"aud": GLOBAL_ACCOUNT, "sub": login.nkey, "name": login.user or "anonymous", "nats": user}
    return _answer(login, {"jwt": _token(claims, key, now).decode()}, key, now)


def refused(login: Login, reason: str, key: SigningKey, now: int) -> bytes:
    """Return the answer that turns somebody away; the reason goes to the server's log."""
    return _answer(login, {"error": reason}, key, now)


def subjects(topic_filter: str) -> list[str]:
    """Return the NATS subjects of an MQTT topic filter; `x/#` means `x` as well.

    Source: nats-server, "MQTT topics and NATS subjects": levels are separated by dots, `+` is `*`, `#` is `>`, and a
    dot in a level is written as two slashes.
    """
    levels = [level.replace(".", "//") for level in topic_filter.split("/")]
    words = [{"+": "*", "#": ">"}.get(level, level) for level in levels]
    below = ".".join(words)
    return [".".join(words[:-1]), below] if words[-1] == ">" and len(words) > 1 else [below]


def permission(filters: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the permission for topic filters, and for nothing else."""
    allowed_subjects = [subject for topic_filter in filters for subject in subjects(topic_filter)]
    return {"allow": allowed_subjects} if allowed_subjects else {"deny": [">"]}


def _answer(login: Login, said: dict[str, str], key: SigningKey, now: int) -> bytes:
    answer = {**said, "type": "authorization_response", "version": 2}
    return _token({"aud": login.server, "sub": login.nkey, "nats": answer}, key, now)


def _token(claims: Mapping[str, object], key: SigningKey, now: int) -> bytes:
    body = {"iss": account_name(key.public), "iat": now, **claims}
    signed = b".".join(map(_base64url, (_ALGORITHM, body)))
    return signed + b"." + base64.urlsafe_b64encode(key.sign(signed)).rstrip(b"=")


def _base64url(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=")
