"""Invitations: one line of text that lets a device into a federation, and says whose word counts there.

    mfpt://HOST:PORT/FEDERATION?via=mqtts&lang=swh&also=wss://HOST:443/mqtt#TOKEN.SECRET.KEY

    via    how to reach HOST:PORT: mqtt, mqtts, ws or wss; without it, mqtts
    path   path of a WebSocket at HOST:PORT; without it, /mqtt
    lang   language to which devices are bound; without it, the one that each names
    also   another address of the same broker, tried after the one before it; may be repeated
    TOKEN  id of the token, 8 bytes; SECRET, 16 bytes, is its password; KEY is the coordinator's public key, 32 bytes;
           all in base64url without padding

Whoever has the line can use it: the secret is shown by `str` alone.
"""

import hmac
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote

from mfpt_shared.base64url import decoded, encoded
from mfpt_shared.errors import DecodeError, UsageError
from mfpt_shared.keys import KEY_BYTES, PublicKey
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import federation_name
from mfpt_shared.transport.address import WEBSOCKET_PATH, BrokerAddress, parse_broker

MAX_LINE: Final = 1000
MAX_ADDRESSES: Final = 8
TOKEN_BYTES: Final = 8
SECRET_BYTES: Final = 16
INVITED: Final = "invite-"
"""What the user name of an invitation's account at the broker begins with; the id of the token follows."""

_LINE: Final = re.compile(
    r"mfpt://(?P<place>[^/?#@]+)/(?P<federation>[^/?#]+)(\?(?P<query>[^?#]*))?#(?P<token>[^.#]+)\.(?P<secret>[^.#]+)\."
    r"(?P<key>[^.#]+)"
)
_HOST: Final = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}", re.ASCII)
_TAG: Final = re.compile(r"[a-z]{3}", re.ASCII)
_PATH: Final = re.compile(r"/[A-Za-z0-9._~/-]{0,199}", re.ASCII)
_FORM: Final = "mfpt://HOST:PORT/FEDERATION#TOKEN.SECRET.KEY"


@dataclass(frozen=True, slots=True)
class InvitationLine:
    """What an invitation says.

    Attributes:
        addresses: Where the broker listens, without users and passwords; tried in this order.
        federation: Name of the federation.
        token: Id of the token.
        secret: Password of the token's account at the broker.
        key: Key of the coordinator.
        language: Language to which devices are bound; None: the one that each names.
    """

    addresses: tuple[BrokerAddress, ...]
    federation: str
    token: str
    secret: str = field(repr=False)
    key: PublicKey
    language: LanguageCode | None = None

    def __post_init__(self) -> None:
        """Refuse what would not come back from a line as it is."""
        if not 1 <= len(self.addresses) <= MAX_ADDRESSES:
            raise UsageError(f"an invitation names 1 to {MAX_ADDRESSES} addresses, not {len(self.addresses)}")
        for address in self.addresses:
            _check(address)
        _federation(self.federation)
        _decoded(self.token, TOKEN_BYTES, "the token")
        _decoded(self.secret, SECRET_BYTES, "the secret")
        if self.language is not None and not _TAG.fullmatch(self.language):
            raise UsageError("the language of the invitation is damaged: it is three letters; copy the whole line")
        if len(self.key) != KEY_BYTES:
            raise UsageError(f"the invitation's key has {len(self.key)} bytes instead of {KEY_BYTES}")
        if len(str(self)) > MAX_LINE:
            raise UsageError(f"the invitation would have more than {MAX_LINE} characters: name fewer addresses")

    @property
    def user(self) -> str:
        """Name of the token's account at the broker."""
        return INVITED + self.token

    @classmethod
    def parse(cls, text: str) -> "InvitationLine":
        """Return what a line says.

        Raises:
            UsageError: It is not an invitation, and what is wrong with it; the message shows nothing of the line.
        """
        text = text.strip()
        if len(text) > MAX_LINE:
            raise UsageError(f"the invitation has more than {MAX_LINE} characters: give one line, as it was printed")
        found = _LINE.fullmatch(text) if text.isascii() and text.isprintable() else None
        if found is None:
            raise UsageError(f"this is not an invitation: give the whole line, {_FORM}, in quotes")
        said = _query(found["query"])
        first = _address(f"{said.via}://{found['place']}{said.path}")
        key = PublicKey(_decoded(found["key"], KEY_BYTES, "the key"))
        addresses = (first, *(_address(url) for url in said.others))
        return cls(addresses, found["federation"], found["token"], found["secret"], key, said.language)

    def __str__(self) -> str:
        """Return the line, with the secret."""
        first, *others = self.addresses
        host = f"[{first.host}]" if ":" in first.host else first.host
        query = [f"via={first.scheme}"]
        if first.path != WEBSOCKET_PATH:
            query.append(f"path={quote(first.path)}")
        if self.language is not None:
            query.append(f"lang={self.language}")
        query += [f"also={quote(str(other), safe=':/[]')}" for other in others]
        secrets = f"{self.token}.{self.secret}.{encoded(self.key)}"
        return f"mfpt://{host}:{first.port}/{self.federation}?{'&'.join(query)}#{secrets}"


def proof(secret: bytes, key: PublicKey) -> str:
    """Return what shows that the owner of a key holds an invitation.

    Args:
        secret: SHA-256 of the invitation's secret.
        key: Key that is to be admitted.
    """
    return encoded(hmac.digest(secret, key, "sha256"))


def _decoded(text: str, count: int, what: str) -> bytes:
    length = -(-count * 8 // 6)
    damaged = f"{what} of the invitation is damaged: it is {length} letters, digits, - and _; copy the whole line"
    if len(text) != length:
        raise UsageError(damaged)
    try:
        return decoded(text)
    except DecodeError:
        raise UsageError(damaged) from None


class _Said(NamedTuple):
    """What stands between ? and # in a line."""

    via: str
    path: str
    language: LanguageCode | None
    others: list[str]


def _query(text: str | None) -> _Said:
    known: dict[str, list[str]] = {"via": [], "path": [], "lang": [], "also": []}
    try:
        pairs = parse_qsl(text or "", strict_parsing=bool(text), errors="strict", max_num_fields=MAX_ADDRESSES + 3)
    except ValueError:
        raise UsageError("what stands between ? and # in the invitation is damaged: copy the whole line") from None
    for name, value in pairs:
        if name not in known:
            raise UsageError("the invitation says more than this mfpt understands: is it older than the coordinator's?")
        known[name].append(value)
    via, path, language = known["via"], known["path"], known["lang"]
    if max(map(len, (via, path, language))) > 1:
        raise UsageError("the invitation says something twice: copy the line as it was printed")
    return _Said(
        (via or ["mqtts"])[0], (path or [""])[0], LanguageCode(language[0]) if language else None, known["also"]
    )


def _address(url: str) -> BrokerAddress:
    try:
        address = parse_broker(url)
    except UsageError:
        raise UsageError(
            "an address of the invitation is none of a broker: mqtt, mqtts, ws or wss, a host and a port"
        ) from None
    return address


def _check(address: BrokerAddress) -> None:
    if address.username is not None or address.password is not None:
        raise UsageError("an address of the invitation names a user: the token is all that a device needs")
    plain = _HOST.fullmatch(address.host) and _PATH.fullmatch(address.path)
    if not plain or _address(str(address)) != address:
        raise UsageError("an address of the invitation has no host, port or path that a broker can have")


def _federation(name: str) -> None:
    try:
        federation_name(name)
    except UsageError:
        raise UsageError(
            "the federation of the invitation must be lower-case letters, digits, '-' and '_' (at most 64)"
        ) from None
