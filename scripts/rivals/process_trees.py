"""Runs processes, and watches what they and all their children hold in memory."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil  # noqa: TID251 - it watches processes of others

_LOOK_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 10.0
_MB: Final = 1e6


class Watch:
    """The most memory that process trees were seen to hold.

    Attributes:
        peaks: Name of a tree -> MB, the sum of what its processes hold at one time.
    """

    def __init__(self) -> None:
        """Begin with no tree."""
        self.peaks: dict[str, float] = {}
        self._trees: dict[str, int] = {}
        self._is_over = threading.Event()

    def add(self, name: str, pid: int) -> None:
        """Watch the tree below a process."""
        self._trees = {**self._trees, name: pid}

    def run(self) -> None:
        """Look until it is over."""
        while not self._is_over.wait(_LOOK_SECONDS):
            for name, pid in self._trees.items():
                self.peaks[name] = max(self.peaks.get(name, 0.0), resident_mb(pid))

    def stop(self) -> None:
        """Look no more."""
        self._is_over.set()


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch process trees until the context ends."""
    watch = Watch()
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join()


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process and all below it, MB; pages that two share count twice."""
    total = 0
    for process in _tree(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total / _MB


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], log: Path, *, output: Path | None = None, cwd: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command until the context ends; what is left of its tree is then stopped.

    Args:
        command: Command line.
        env: Its environment.
        log: Gets what it says on stderr, and on stdout where no `output` is given.
        output: Gets its stdout.
        cwd: Folder that it runs in.
    """
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("ab"))
        stdout = stack.enter_context(output.open("wb")) if output else errors
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors, cwd=cwd, start_new_session=True
        )
        try:
            yield process
        finally:
            stop_tree(process.pid)
            process.wait()


def stop_tree(pid: int) -> None:
    """Ask a process to end, then whatever is left below it; kill what has not ended after some seconds."""
    tree = _tree(pid)
    for processes in (tree[:1], tree[1:]):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _, left = psutil.wait_procs(processes, _STOP_SECONDS)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def last_lines(log: Path, lines: int = 3) -> str:
    """Return the end of a log, on one line."""
    text = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return " | ".join(line.strip() for line in text[-lines:])


def ends_by(process: "subprocess.Popen[bytes]", deadline: float) -> bool:
    """Wait for a process until a time (monotonic seconds); return whether it has ended."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True
