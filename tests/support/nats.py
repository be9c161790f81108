"""A nats-server with a configuration of the test's own: TLS, WebSockets, users with rights."""

import asyncio
import contextlib
import json
import shutil
import sysconfig
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from mfpt_shared.protocol.frames import MAX_PAYLOAD
from mfpt_shared.transport.address import BrokerAddress
from support.brokers import free_port, until_it_listens
from support.certificates import LOOPBACK, Certificate


@dataclass(frozen=True)
class Nats:
    """What to listen with.

    Attributes:
        certificate: Certificate of both ports; None: they are in the clear.
        clients: CA that must have issued the certificate of a client; None: a client needs none.
        users: Further lines of the configuration, such as `authorization { ... }`.
    """

    certificate: Certificate | None = None
    clients: Path | None = None
    users: str = ""

    def tls(self) -> str:
        if self.certificate is None:
            return "no_tls: true"
        files = {"cert_file": self.certificate.cert, "key_file": self.certificate.key}
        if self.clients is not None:
            files["ca_file"] = self.clients
        lines = [f"{name}: {json.dumps(str(path))}" for name, path in files.items()]
        verify = ["verify: true"] if self.clients is not None else []
        return f"tls {{ {', '.join([*lines, *verify])} }}"


@dataclass(frozen=True)
class Running:
    """A server that runs: its addresses for MQTT over TCP and over WebSockets, and its configuration."""

    tcp: BrokerAddress
    web: BrokerAddress
    configuration: Path
    process: asyncio.subprocess.Process


@contextlib.asynccontextmanager
async def nats(folder: Path, settings: Nats, *, tcp: int | None = None) -> AsyncIterator[Running]:
    program = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    assert program is not None
    tcp, web = tcp or free_port(), free_port()
    secure = settings.certificate is not None
    configuration = folder / f"nats-{tcp}.conf"
    lines = [
        'server_name: "test"',
        'listen: "127.0.0.1:-1"',
        f"max_payload: {MAX_PAYLOAD}",
        f"jetstream {{ store_dir: {json.dumps(str(folder / str(tcp)))} }}",
        f'mqtt {{ listen: "127.0.0.1:{tcp}", {settings.tls() if secure else ""} }}',
        f'websocket {{ listen: "127.0.0.1:{web}", {settings.tls()} }}',
        settings.users,
    ]
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (folder / f"nats-{tcp}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(program, "-c", str(configuration), stdout=log, stderr=log)
        try:
            running = Running(
                BrokerAddress(LOOPBACK, tcp, "mqtts" if secure else "mqtt"),
                BrokerAddress(LOOPBACK, web, "wss" if secure else "ws"),
                configuration,
                process,
            )
            await until_it_listens(running.tcp)
            await until_it_listens(running.web)
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):  # the test has killed it
                process.kill()
            await process.wait()
