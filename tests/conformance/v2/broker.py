"""A connection to the broker: addresses, logins, and certificates under the coordinator's key.

paho calls back in a thread of its own; what happened waits in a queue for the thread that asks.
"""

import queue
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Final, Literal

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from conformance.v2.sealing import is_signed

Connected = Literal["connected"]

PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
CLOSE_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Address:
    """Where a broker listens."""

    scheme: str
    host: str
    port: int
    path: str = "/mqtt"


@dataclass(frozen=True)
class Login:
    """An account: user, password and MQTT client id."""

    user: str
    password: str
    client: str


class Broker:
    """A broker, reached at the first of its addresses that answers."""

    def __init__(
        self, addresses: list[Address], login: Login, pinned: bytes, will: tuple[str, bytes] | None = None
    ) -> None:
        self._happened: queue.Queue[mqtt.MQTTMessage | Connected | PermissionError] = queue.Queue()
        self._gone = threading.Event()
        self._pinned = pinned
        for address in addresses:
            self.mqtt = self._client(address, login, will)
            try:
                self.mqtt.connect(address.host, address.port)
                break
            except PermissionError:
                raise
            except OSError as error:
                problem = error
        else:
            raise problem
        self.mqtt.loop_start()

    def next(self, seconds: float) -> mqtt.MQTTMessage | Connected | None:
        """Return the next message or connection; None if nothing happens in time. A refused login raises."""
        try:
            happened = self._happened.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(happened, PermissionError):
            raise happened
        return happened

    def close(self) -> None:
        """Disconnect in order. paho's thread ends by itself then; to join it with `loop_stop` is a race."""
        self._gone.clear()
        if self.mqtt.disconnect() == mqtt.MQTT_ERR_SUCCESS:
            self._gone.wait(CLOSE_SECONDS)

    def _client(self, address: Address, login: Login, will: tuple[str, bytes] | None) -> mqtt.Client:
        web = address.scheme in ("ws", "wss")
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, login.client, clean_session=True, transport="websockets" if web else "tcp"
        )
        client.username_pw_set(login.user, login.password)
        if web:
            client.ws_set_options(path=address.path)
        if address.scheme in ("mqtts", "wss"):
            client.tls_set_context(self._tls())
        if will is not None:
            client.will_set(*will, qos=1, retain=True)
        client.on_connect = lambda _client, _data, _flags, code, _properties: self._happened.put(
            PermissionError(f"the broker refused the login: {code}") if code.is_failure else "connected"
        )
        client.on_message = lambda _client, _data, message: self._happened.put(message)
        client.on_disconnect = lambda *_: self._gone.set()
        client.on_socket_open = self._opened
        return client

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._pinned:  # the certificate is checked in `_opened`
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def _opened(self, _client: mqtt.Client, _data: object, opened: object) -> None:
        if isinstance(opened, socket.socket):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if isinstance(opened, ssl.SSLSocket) and self._pinned:
            certificate = opened.getpeercert(binary_form=True) or b""
            if not is_under(certificate, self._pinned):
                raise PermissionError("the broker's certificate is not signed with the coordinator's key")


def is_under(certificate: bytes, key: bytes) -> bool:
    """Tell whether an X.509 certificate (DER) bears a signature of an Ed25519 key."""
    try:
        outer = _content(certificate, 0)
        body_end = _end(outer, 0)
        algorithm_end = _end(outer, body_end)
        signature = _content(outer, algorithm_end)[1:]  # after the number of unused bits
    except IndexError:
        return False
    return is_signed(outer[:body_end], signature, by=key)


def _content(der: bytes, start: int) -> bytes:
    header, length = _lengths(der, start)
    return der[start + header : start + header + length]


def _end(der: bytes, start: int) -> int:
    return start + sum(_lengths(der, start))


def _lengths(der: bytes, start: int) -> tuple[int, int]:
    """Return the lengths of header and content of the DER value at a position (X.690, 8.1.3)."""
    first = der[start + 1]
    if first < 0x80:
        return 2, first
    count = first & 0x7F
    return 2 + count, int.from_bytes(der[start + 2 : start + 2 + count], "big")
