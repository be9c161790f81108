"""Programs that this one starts, and that never outlive it, however it ends.

Linux is told with prctl(2) to end the child with its parent. On Windows the child is in a job, which the system ends
when its last handle is closed, and a process that is killed closes all that it has. macOS knows neither: there, a shell
waits for the end of a pipe whose other end this process has, and then ends the child.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import IO, Final

if sys.platform == "win32":
    import pywintypes
    import win32api
    import win32con
    import win32console
    import win32job
else:
    import resource

OPEN_MAX: Final = 10_240
"""Files that a process may open on macOS where the system sets no limit, sys/syslimits.h."""
_MANY: Final = 2**20
"""Files that a process may open on Windows, which has no limit that would ever be reached."""
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG, linux/prctl.h
_GUARD: Final = 'read -r _; kill -TERM "$1"'


class Child:
    """A program that was started here, and that ends with this one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Tie a process to this one; see `start`."""
        self.process: Final = process
        self._job = _Job(process.pid) if sys.platform == "win32" else None
        self._guard = Guard(process.pid) if sys.platform == "darwin" else None

    async def end(self, patience: float) -> None:
        """End it, if it runs: in order, or, if that takes longer than `patience` seconds, at once."""
        if self._guard is not None:
            self._guard.dismiss()
        await end(self.process, patience)
        if self._job is not None:
            self._job.close()


async def start(*command: str, errors: IO[bytes], environment: Mapping[str, str]) -> Child:
    """Start a program that does not hear of Ctrl-C, may open as many files as the system allows, and reads nothing.

    Args:
        command: Program and arguments.
        errors: File for what it prints. Whatever it writes itself is the owner's alone.
        environment: Its environment variables.

    Raises:
        OSError: It cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=errors,
        stderr=errors,
        env=dict(environment),
        preexec_fn=None if sys.platform == "win32" else _prepare,
        creationflags=creation_flags(),
    )
    return Child(process)


async def end(process: asyncio.subprocess.Process, patience: float) -> None:
    """End a child, if it runs: in order, or, if that takes longer than `patience` seconds, at once."""
    if process.returncode is not None:
        return
    if sys.platform == "win32":
        try:
            process.send_signal(signal.CTRL_BREAK_EVENT)
        except OSError:  # it shares no console with this process, so that there is no way to ask it
            process.kill()
    else:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), patience)
    except TimeoutError:
        process.kill()
        await process.wait()


def open_files() -> int:
    """Return how many files a child may open."""
    if sys.platform == "win32":
        return _MANY
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_MAX if most == resource.RLIM_INFINITY else most


def creation_flags() -> int:
    """Return what Windows is told of a child: a group of its own, and no window that this process does not have."""
    if sys.platform == "win32":
        has_console = win32console.GetConsoleWindow() != 0
        return subprocess.CREATE_NEW_PROCESS_GROUP | (0 if has_console else subprocess.CREATE_NO_WINDOW)
    return 0


def _prepare() -> None:
    """Run in the child before the program does, on systems that fork."""
    if sys.platform != "win32":
        os.setpgid(0, 0)
        os.umask(0o077)
        with contextlib.suppress(ValueError, OSError):  # the system allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files(), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)


class Guard:
    """A shell that ends a process as soon as this one is gone."""

    def __init__(self, pid: int) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", str(pid)], stdin=subprocess.PIPE, start_new_session=True
        )

    def dismiss(self) -> None:
        """End the shell, and leave the process alone."""
        self._shell.kill()
        self._shell.communicate()


class _Job:
    """A job of Windows with one process in it, which the system ends when this process is gone."""

    def __init__(self, pid: int) -> None:
        if sys.platform == "win32":
            self._job = win32job.CreateJobObject(None, "")
            limits = win32job.QueryInformationJobObject(self._job, win32job.JobObjectExtendedLimitInformation)
            limits["BasicLimitInformation"]["LimitFlags"] |= win32job.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
            win32job.SetInformationJobObject(self._job, win32job.JobObjectExtendedLimitInformation, limits)
            with contextlib.suppress(pywintypes.error):  # it has ended already
                process = win32api.OpenProcess(win32con.PROCESS_SET_QUOTA | win32con.PROCESS_TERMINATE, False, pid)
                win32job.AssignProcessToJobObject(self._job, process)

    def close(self) -> None:
        """Let the job go, and end whatever is still in it."""
        if sys.platform == "win32":
            self._job.Close()
