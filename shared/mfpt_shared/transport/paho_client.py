"""paho's client as the MQTT transport needs it: over TLS, WebSockets and proxies, to one address or the next."""

import socket
from collections import deque
from collections.abc import Sequence
from typing import Final

import paho.mqtt.client as paho
import socks
from paho.mqtt.enums import CallbackAPIVersion

from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.proxy import Proxy
from mfpt_shared.transport.security import Security

MAX_RECONNECT_SECONDS: Final = 30
# paho's 20 would make a fold for many languages wait for the broker's confirmations.
MAX_IN_FLIGHT: Final = 1000


class PahoClient(paho.Client):
    """paho's client, for a broker with several addresses.

    It is without the flaw that paho forgets a packet of which a WebSocket has sent a part.
    Source: https://github.com/eclipse-paho/paho.mqtt.python/issues/887

    Attributes:
        addresses: Where the broker listens; the first is in use.
    """

    addresses: deque[BrokerAddress]

    @property
    def address(self) -> BrokerAddress:
        """Where it is connected, or tries to be."""
        return self.addresses[0]

    def turn(self) -> None:
        """Reconnect at the next address; paho's own setters refuse that once it has been connected."""
        self.addresses.rotate(-1)
        self._host, self._port = self.address.host, self.address.port

    def _sock_send(self, buf: bytes | bytearray) -> int:
        sent = super()._sock_send(buf)
        if sent == 0:
            raise BlockingIOError  # the packet is not done: paho tries it again when the socket can take more
        return sent


def new_client(
    addresses: Sequence[BrokerAddress],
    client_id: str,
    security: Security,
    proxy: Proxy | None,
    *,
    persistent: bool,
    seconds: float,
) -> PahoClient:
    """Return a client that is not connected yet.

    Args:
        addresses: Addresses of one broker, alike but for host and port.
        client_id: MQTT client id.
        security: Whom to believe if the addresses have TLS.
        proxy: Proxy that leads to the broker; None: a direct connection.
        persistent: Whether the broker queues messages for this client while it is away.
        seconds: Time after which an attempt to connect has failed.

    Raises:
        UsageError: A certificate or key of `security` cannot be read.
    """
    address = addresses[0]
    client = PahoClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=not persistent,
        protocol=paho.MQTTv311,
        transport="websockets" if address.websocket else "tcp",
    )
    client.addresses = deque(addresses)
    client.max_inflight_messages_set(MAX_IN_FLIGHT)
    client.reconnect_delay_set(1, MAX_RECONNECT_SECONDS)
    client.connect_timeout = seconds
    client.on_socket_open = _send_at_once
    if address.websocket:
        client.ws_set_options(address.path)
    if address.tls:
        context = security.context()
        client.tls_set_context(context)
        if not context.check_hostname:
            client.tls_insecure_set(True)  # otherwise paho looks for the host name itself
    if proxy is not None:
        client.proxy_set(
            proxy_type=socks.HTTP,
            proxy_addr=proxy.host,
            proxy_port=proxy.port,
            proxy_username=proxy.username,
            proxy_password=proxy.password,
        )
    if address.login is not None:
        client.username_pw_set(*address.login)
    return client


def _send_at_once(_client: paho.Client, _data: object, connection: "paho.SocketLike") -> None:
    # Without this, a small message waits some 40 ms for the confirmation of the message before it. A WebSocket of paho
    # shows nothing of its socket but the number.
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
