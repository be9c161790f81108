"""`serve --metrics`: HTTP in threads of its own, so that a slow reader never holds the coordinator up."""

import contextlib
import http.server
import logging
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, cast
from urllib.parse import urlsplit

from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.metrics.monitor import Monitor
from mfpt_coord.server.reach import is_loopback
from mfpt_shared.errors import ConnectionFailed

METRICS_PORT: Final = 9464
"""Port where none is given: the one that is usual for exporters that are part of a program."""
SOCKET_SECONDS: Final = 10.0
"""Time in which a reader has to ask, and then to read."""
POLL_SECONDS: Final = 0.2
"""Longest time in which the server ends."""
MAX_READERS: Final = 16
"""Readers that are answered at a time; others are turned away."""

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def monitored(listen: Listen, monitor: Monitor) -> Iterator[int]:
    """Serve a monitor until the context ends.

    Args:
        listen: Where readers connect; port 0 takes a free one.
        monitor: What answers them.

    Yields:
        The port.

    Raises:
        ConnectionFailed: The address cannot be listened on.
    """
    try:
        server = _Server(listen, monitor)
    except OSError as error:
        raise ConnectionFailed(
            f"--metrics {listen}: cannot listen there ({error.strerror or error}); choose another port"
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="metrics", daemon=True)
    thread.start()
    port = server.server_address[1]
    _log.info("metrics: http://%s/metrics", replace(listen, port=port))
    if not is_loopback(listen.host):
        _log.warning(
            "metrics are served without TLS or password to whoever reaches port %d: let a firewall see to it", port
        )
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(socketserver.ThreadingTCPServer):
    """Answers a bounded number of readers at a time."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 2 * MAX_READERS

    def __init__(self, listen: Listen, monitor: Monitor) -> None:
        self.address_family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self.monitor = monitor
        self._places = threading.BoundedSemaphore(MAX_READERS)
        super().__init__((listen.host, listen.port), _Reader)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in the standard library
        """See socketserver.BaseServer."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """See socketserver.ThreadingMixIn."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """See socketserver.BaseServer: a reader that goes away, or takes too long, is nobody's fault."""
        del request
        _log.debug("a reader of the metrics at %s got no answer", client_address, exc_info=True)


class _Reader(http.server.BaseHTTPRequestHandler):
    """One connection of a reader."""

    timeout = SOCKET_SECONDS
    server_version = "mfpt"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer a question."""
        monitor = cast(_Server, self.server).monitor
        answer = monitor.answer(urlsplit(self.path).path, self.headers.get("Accept") or "")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the standard library
        """Keep the log for what matters."""
