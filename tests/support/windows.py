"""The commands on Windows: run under Wine by a Windows Python with the product's dependencies."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

SECONDS: Final = 300.0
"""Longer than any command takes, on a machine that does something else too."""
_REST_SECONDS: Final = 5.0
"""Time to read what a program has left."""


@dataclass(frozen=True)
class Ended:
    """A program that has ended."""

    code: int
    out: str
    err: str


class Program:
    """A Windows program that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._lines: dict[str, list[str]] = {"out": [], "err": []}
        self._news = threading.Condition()
        self._readers = [threading.Thread(target=self._read, args=(name,), daemon=True) for name in self._lines]
        for reader in self._readers:
            reader.start()

    def tell(self, text: str) -> None:
        """Write to its standard input, and close that."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.close()

    def line_with(self, words: str, seconds: float = SECONDS) -> str:
        """Return the first line on standard error that has these words, as soon as it is there."""

        def found() -> str | None:
            return next((line for line in self._lines["err"] if words in line), None)

        with self._news:
            self._news.wait_for(lambda: found() or self.process.poll() is not None, seconds)
            line = found()
        assert line is not None, f"no {words!r} in {self._lines['err']}"
        return line

    def interrupt(self) -> None:
        """Press Ctrl-C, which Wine makes of this signal."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, if it runs, as a power cut would."""
        self.process.kill()
        self.end()

    def end(self, seconds: float = SECONDS) -> Ended:
        """Wait until it has ended."""
        code = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(_REST_SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return Ended(code, "".join(self._lines["out"]), "".join(self._lines["err"]))

    def _read(self, name: str) -> None:
        stream = self.process.stdout if name == "out" else self.process.stderr
        assert stream is not None
        for line in stream:
            with self._news:
                self._lines[name].append(line.decode("utf-8", "backslashreplace").replace("\r\n", "\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()


@dataclass(frozen=True)
class Windows:
    """A Windows Python.

    Attributes:
        place: Folder that was set up.
        home: Folder that programs start in, and keep their state in.
        started: Programs that were started here.
    """

    place: Path
    home: Path
    started: list[Program] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Keep Windows running until the context ends, and then no program that was started here.

        It has its desktop: a program that had to start that would leave it its streams.
        """
        wait = "import win32gui; win32gui.GetDesktopWindow(); print(flush=True); input()"
        keeper = subprocess.Popen(
            [self._wine(), str(self._python), "-c", wait],
            env=self._variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert keeper.stdout is not None
        keeper.stdout.readline()
        try:
            yield
        finally:
            for program in self.started:
                program.kill()
            keeper.kill()
            keeper.wait()
            for stream in (keeper.stdin, keeper.stdout):
                assert stream is not None
                stream.close()

    def start(self, *command: str) -> Program:
        """Start `python -m` with a command; its streams are pipes, as Wine gives Python no others."""
        process = subprocess.Popen(
            [self._wine(), str(self._python), "-X", "utf8=0", "-m", *command],
            cwd=self.home,
            env=self._variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(Program(process))
        return self.started[-1]

    def run(self, *command: str, told: str = "", seconds: float = SECONDS) -> Ended:
        """Run `python -m` with a command to its end."""
        program = self.start(*command)
        program.tell(told)
        return program.end(seconds)

    @property
    def _python(self) -> Path:
        return self.place / "windows" / "python.exe"

    @staticmethod
    def _wine() -> str:
        found = shutil.which("wine")
        assert found is not None
        return found

    def _variables(self) -> dict[str, str]:
        own = {
            "WINEPREFIX": str(self.place / "prefix"),
            "WINEDEBUG": "-all",
            "KMP_AFFINITY": "disabled",
            "MFPT_CACHE": windows_path(self.home / "cache"),
            "XDG_STATE_HOME": windows_path(self.home / "state"),
            "PYTHONPYCACHEPREFIX": windows_path(self.place / "compiled"),
            "HF_HUB_OFFLINE": "1",
            "NO_COLOR": "1",
        }
        return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | own


def windows_path(path: Path) -> str:
    """Return how Windows programs call a path of this machine."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


def processes_with(argument: str) -> list[int]:
    """Return the processes that have this in an argument."""
    found = psutil.process_iter(["cmdline"])
    return [process.pid for process in found if any(argument in one for one in process.info["cmdline"] or ())]


def until(condition: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Wait for something that nobody tells of, and return whether it came."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()
