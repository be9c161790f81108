"""Invitations: the line that a person was given, and how a device is admitted with it."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from conformance.v2.broker import PORTS, Address, Broker, Login
from conformance.v2.folder import Folder
from conformance.v2.sealing import seal, unseal

REPEAT_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Invitation:
    """Where a federation is, and how to be admitted; without a token, an open federation.

    Attributes:
        password: Common password of an open federation's broker, or empty.
        coordinator: The coordinator's public key; empty in an open federation.
    """

    addresses: list[Address]
    federation: str
    password: str = ""
    token: str = ""
    secret: str = ""
    coordinator: bytes = b""


def read(line: str) -> Invitation:
    """Read an invitation, or the address of an open federation: `mqtt://[:PASSWORD@]HOST:PORT/FEDERATION`."""
    url = urlsplit(line)
    host, port, federation = url.hostname or "", url.port, url.path.strip("/")
    if url.scheme != "mfpt":
        address = Address(url.scheme, host, port or PORTS[url.scheme])
        return Invitation([address], federation, password=url.password or "")
    options = parse_qs(url.query)
    scheme = options.get("via", ["mqtts"])[0]
    others = [urlsplit(one) for one in options.get("also", [])]
    addresses = [Address(scheme, host, port or PORTS[scheme], options.get("path", ["/mqtt"])[0])] + [
        Address(one.scheme, one.hostname or "", one.port or PORTS[one.scheme], one.path or "/mqtt") for one in others
    ]
    token, secret, key = url.fragment.split(".")
    coordinator = base64.urlsafe_b64decode(key + "=")
    if len(coordinator) != 32:
        raise ValueError("not an invitation: the key has another length")
    return Invitation(addresses, federation, token=token, secret=secret, coordinator=coordinator)


def login(invitation: Invitation, folder: Folder) -> Login:
    """Return the account under which a device takes part."""
    if folder.account == "common":
        return Login(f"invite-{invitation.token}", invitation.secret, folder.mqtt_client)
    password = folder.password if folder.account == "own" else invitation.password
    return Login(folder.id, password, folder.mqtt_client)


def enrol(invitation: Invitation, folder: Folder, language: str) -> None:
    """Be admitted, and keep it; raise PermissionError if the coordinator refuses."""
    root = f"mfpt/v1/{invitation.federation}/enrol/{invitation.token}"
    guest = Login(f"invite-{invitation.token}", invitation.secret, secrets.token_urlsafe(16))
    asked = {
        "type": "enrol",
        "protocol": 2,
        "nonce": secrets.token_hex(8),
        "user": folder.id,
        "password": folder.password,
        "client": folder.mqtt_client,
        "proof": _proof(invitation.secret, folder.key.public_key().public_bytes_raw()),
        "language": language,
        "name": "second client",
    }
    request = seal(f"{root}/up", json.dumps(asked).encode(), folder.key)
    broker = Broker(invitation.addresses, guest, invitation.coordinator)
    try:
        answer = _answer(broker, root, request, invitation.coordinator, asked["nonce"])
    finally:
        broker.close()
    if answer["type"] != "admitted":
        raise PermissionError(f"not admitted ({answer['reason']}): {answer['detail']}")
    folder.keep_membership(invitation.coordinator, answer.get("account", "own"))


def _proof(secret: str, key: bytes) -> str:
    """Show that whoever owns the key holds the invitation."""
    mac = hmac.digest(hashlib.sha256(secret.encode()).digest(), key, "sha256")
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def _answer(broker: Broker, root: str, request: bytes, coordinator: bytes, nonce: object) -> dict[str, Any]:
    """Ask until the coordinator answers this request; others may hold the same invitation."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        happened = broker.next(REPEAT_SECONDS)
        if happened == "connected" or happened is None:
            broker.mqtt.subscribe(f"{root}/down", qos=1)
            broker.mqtt.publish(f"{root}/up", request, qos=1)
            continue
        try:
            content, signer = unseal(happened.topic, bytes(happened.payload))
            answer: dict[str, Any] = json.loads(content)
        except ValueError:
            continue
        if signer == coordinator and answer["nonce"] == nonce:
            return answer
    raise TimeoutError("the coordinator does not answer the enrolment")
