"""`mfpt-coord serve` with its embedded broker, as a process that can be killed and started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from mfpt_coord.server import control
from mfpt_coord.server.broker_config import Listen
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.orders import AnyOrder, AnyReport, Devices, ListDevices, ShowStatus, Status
from mfpt_coord.server.ports import claim_port
from mfpt_shared.atomic import write_durably
from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut
from mfpt_shared.folders import private_folder
from mfpt_shared.plan import Plan
from mfpt_shared.plan_files import plan_to_toml
from mfpt_shared.protocol.messages import FederationStatus
from mfpt_shared.system.children import end
from mfpt_shared.transport.address import PASSWORD_VARIABLE, BrokerAddress

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.05


class Service:
    """A coordinator of an open federation on one data folder and one port, through any number of starts.

    Attributes:
        address: Where its broker listens.
        data: Its data folder.
        log: File with what it says, over all starts.
        starts: Number of starts.
    """

    def __init__(
        self, folder: Path, plan: Plan, *, program: Sequence[str] = ("-m", "mfpt_coord"), keep: str | None = None
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            folder: Folder for the plan, the data and the log.
            plan: Plan of the federation.
            program: How Python is told to run `mfpt-coord`.
            keep: How long it keeps what is folded, as `--keep` says; None: by default.
        """
        self.data = private_folder(folder / "data")
        self.log = folder / "coordinator.log"
        self.starts = 0
        port = claim_port(Listen("127.0.0.1", 0))
        self.address = BrokerAddress("127.0.0.1", port)
        write_durably(folder / "plan.toml", plan_to_toml(plan).encode())
        options = ("--open", "--no-tls", "--listen", f"127.0.0.1:{port}", "--data-dir", str(self.data))
        self._command = [sys.executable, *program, "serve", *options, "--plan", str(folder / "plan.toml")]
        if keep is not None:
            self._command += ["--keep", keep]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def database(self) -> Path:
        """The coordinator's database."""
        return self.data / DATABASE_FILE

    @property
    def pid(self) -> int | None:
        """Process id of the coordinator; None while it does not run."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def broker_pid(self) -> int | None:
        """Process id of the broker; None while it does not run."""
        try:
            pid = int((self.data / "broker" / "nats.pid").read_text(encoding="ascii"))
            os.kill(pid, 0)  # noqa: TID251 - the bench runs on Linux
        except (OSError, ValueError):
            return None
        return pid

    async def start(self) -> None:
        """Start the coordinator, again if it has ended, and wait until it answers its operator.

        Raises:
            MfptError: It ends, or does not answer in time.
        """
        environment = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        self.starts += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while self._process.returncode is None:
                    with suppress(ConnectionFailed, TimedOut):
                        await self.ask(ShowStatus())
                        return
                    await asyncio.sleep(_LOOK_SECONDS)  # nothing tells when the socket appears
                raise MfptError(f"the coordinator ended with exit code {self._process.returncode}: {self.last_words()}")
        raise TimedOut(f"the coordinator did not answer within {START_SECONDS:g} s: {self.last_words()}")

    async def kill(self) -> None:
        """End the coordinator as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """End the coordinator in order."""
        if self._process is not None:
            await end(self._process, STOP_SECONDS)

    def signal_broker(self, number: signal.Signals) -> bool:
        """Send the broker a signal; tell whether there was one to take it."""
        pid = self.broker_pid
        with suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, number)  # noqa: TID251 - as above
                return True
        return False

    def signal_coordinator(self, number: signal.Signals) -> None:
        """Send the coordinator a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def ask(self, order: AnyOrder) -> AnyReport:
        """Ask the coordinator what its operator can ask; see `control.ask`."""
        return await asyncio.to_thread(control.ask, self.data, order)

    async def status(self) -> FederationStatus:
        """Return what the coordinator says of its federation."""
        report = await self.ask(ShowStatus())
        assert isinstance(report, Status), report
        return report.status

    async def devices(self) -> Devices:
        """Return everybody whom the coordinator knows."""
        report = await self.ask(ListDevices())
        assert isinstance(report, Devices), report
        return report

    def last_words(self) -> str:
        """Return the last line of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "nothing in its log"


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[Service]:
    """Start a coordinator, and end it with the context.

    Raises:
        MfptError: It does not start.
    """
    try:
        await service.start()
        yield service
    finally:
        service.signal_broker(signal.SIGCONT)
        await service.stop()
