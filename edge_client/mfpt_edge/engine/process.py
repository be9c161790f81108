"""One process that trains, seen from the device's own."""

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Final, cast

import msgspec

from mfpt_edge.engine.messages import FromEngine, ToEngine
from mfpt_edge.engine.wire import Closed, Receiving, Sending
from mfpt_shared.errors import MfptError
from mfpt_shared.system.children import creation_flags

_GRACE_SECONDS: Final = 2.0
"""Time that the process gets to end by itself; it ends as soon as its pipe is closed, unless the machine is stuck."""


class EngineEnded(MfptError):
    """The process that trains ended by itself, or was ended by the system."""


class EngineProcess:
    """A running process of `service.serve`, and the two pipes to it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None) -> None:
        """Start it.

        It is in a process group of its own, so that Ctrl-C reaches the device's process alone, which decides.

        Args:
            command: Command line whose program calls `serve`.
            environment: Its variables; None: this process's.

        Raises:
            OSError: The system starts no process.
        """
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            process_group=0,
            creationflags=creation_flags(),
        )
        self._stdin, self._stdout = cast("BinaryIO", self._process.stdin), cast("BinaryIO", self._process.stdout)
        self._sending = Sending(self._stdin)
        self._receiving: Receiving[FromEngine] = Receiving(self._stdout, msgspec.msgpack.Decoder(FromEngine))

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def send(self, message: ToEngine) -> None:
        """Send a message.

        Raises:
            EngineEnded: The process is not there any more.
        """
        try:
            self._sending.send(message)
        except Closed:
            raise self._ended() from None

    def receive(self) -> FromEngine:
        """Wait for the next message, and return it.

        Raises:
            EngineEnded: The process ended before.
        """
        try:
            return self._receiving.receive()
        except Closed:
            raise self._ended() from None

    def end(self) -> None:
        """End the process, and wait until it is gone; any thread may, while another one waits for a message."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        self._wait()
        self._stdout.close()

    def _wait(self) -> int:
        """Wait for the process, which has nothing left to do; return its exit code, negative after a signal."""
        try:
            return self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _ended(self) -> EngineEnded:
        code = self._wait()
        if code == -getattr(signal, "SIGKILL", 0) != 0:
            return EngineEnded(
                "the process that trains was killed, as systems do where memory runs short: end other programs, or let "
                "it train in less (--memory)"
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return EngineEnded(f"the process that trains ended unexpectedly ({how}); --debug shows more")
