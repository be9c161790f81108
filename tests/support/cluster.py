"""A NATS cluster of three nodes on loopback, configured as an operator does it."""

import asyncio
import contextlib
import shutil
import sysconfig
import urllib.error
import urllib.request
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from support.brokers import free_port
from support.programs import run

NODES: Final = 3
HEALTHY_SECONDS: Final = 60


class Node:
    """One server, which can be killed and started again."""

    def __init__(self, configuration: Path) -> None:
        self.configuration = configuration
        self._monitor = free_port()
        self._process: Process | None = None
        with configuration.open("a", encoding="utf-8") as text:
            text.write(f'http: "127.0.0.1:{self._monitor}"\n')

    async def start(self) -> None:
        program = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
        assert program is not None
        self._process = await asyncio.create_subprocess_exec(
            program, "-c", str(self.configuration), stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
        )

    async def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()

    async def until_healthy(self) -> None:
        """Wait until the node has caught up with the others."""
        async with asyncio.timeout(HEALTHY_SECONDS):
            while not await asyncio.to_thread(self._is_healthy):
                await asyncio.sleep(0.2)  # it tells nobody

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._monitor}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False


class Cluster:
    """Three nodes that run.

    Attributes:
        nodes: The servers.
    """

    def __init__(self, folder: Path, federation: str) -> None:
        self._folder = folder / "nodes"
        self._ports = [free_port() for _ in range(NODES)]
        places = [f"127.0.0.1:{port}:{free_port()}" for port in self._ports]
        named = [part for place in places for part in ("--node", place)]
        where = ("--out", str(self._folder), "--store", str(folder / "messages"), "--listen", "127.0.0.1")
        written = run(folder, "mfpt_coord", "broker-config", "nats-cluster", *where, *named, "--federation", federation)
        assert written.returncode == 0, written.stderr
        self.nodes = [Node(self._folder / f"node{index + 1}.conf") for index in range(NODES)]

    def password(self, of: str) -> str:
        """Return the password of the `coordinator` or of `devices`."""
        return (self._folder / f"{of}.password").read_text(encoding="ascii").strip()

    def addresses(self, login: str) -> str:
        """Return what `--broker` takes."""
        return ",".join(f"mqtt://{login}@127.0.0.1:{port}" for port in self._ports)


@contextlib.asynccontextmanager
async def clustered(folder: Path, federation: str) -> AsyncIterator[Cluster]:
    """Run a cluster, from the moment it works until the context ends."""
    cluster = Cluster(folder, federation)
    try:
        for node in cluster.nodes:
            await node.start()
        for node in cluster.nodes:
            await node.until_healthy()
        yield cluster
    finally:
        for node in cluster.nodes:
            await node.kill()
