"""A control socket: how other processes of the same user give orders to one that owns a folder.

It is a Unix socket in the folder that only its owner can open. Where there are no Unix sockets, the folder's path is
too long for one, or its file system has none, it is a port on the loopback interface, and a file that only the owner
can read holds the port and a token. An order is a line of JSON, and so is the report that answers it; what they mean is
the business of who calls `control_socket` and `ask`.
"""

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from mfpt_shared.atomic import write_durably
from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut
from mfpt_shared.system.files import remove

SOCKET_FILE: Final = "control.sock"
PORT_FILE: Final = "control.json"
# The shortest limit of the systems that mfpt runs on is 104 bytes, on macOS.
MAX_SOCKET_PATH: Final = 100
SECONDS: Final = 10.0
LAST_SECONDS: Final = 1.0
"""Longest time that orders which have come are still answered for, once a context has ended."""
_MOST_BYTES: Final = 16 * 1024 * 1024
"""Longest order. One with a plan of a thousand long labels is some hundred thousand bytes."""

_log = logging.getLogger(__name__)

_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Obey = Callable[[bytes, asyncio.StreamWriter], Awaitable[msgspec.Struct]]
"""Carries out an order, encoded as JSON, of whoever is at the other end of a connection, and returns the report."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """It has not happened: a line for people, and the exit code that goes with it."""

    message: str
    exit_code: int = 1


class Declined(MfptError):
    """The process at the other end did not do what it was asked for."""

    def __init__(self, failed: Failed) -> None:
        """Take over its words and its exit code."""
        super().__init__(failed.message)
        self.exit_code = failed.exit_code  # type: ignore[misc]  # a class variable elsewhere: the code came by wire


@dataclass(frozen=True, slots=True)
class Service:
    """Who answers in a folder, in the words of messages for people.

    Attributes:
        name: What runs there, such as `coordinator`.
        command: What starts it, such as `mfpt-coord serve`.
        option: Option with which people name another folder.
    """

    name: str
    command: str
    option: str


class _Port(msgspec.Struct, frozen=True):
    """Where the control socket is, if it is not a file."""

    port: int
    token: str


class _Envelope(msgspec.Struct, frozen=True):
    """An order, and the token that opens a port of the loopback interface."""

    order: msgspec.Raw
    token: str = ""


@asynccontextmanager
async def control_socket(folder: Path, obey: Obey) -> AsyncIterator[None]:
    """Answer orders until the context ends.

    Args:
        folder: Folder that this process owns.
        obey: Carries out an order; its MfptErrors, and orders that it cannot read, are answered with `Failed`.
    """
    path, port_file = _files(folder)
    for left in (path, port_file):
        remove(left, missing_ok=True)
    token = ""
    answering = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a server serves each connection in a task"
        answering.add(task)
        task.add_done_callback(answering.discard)
        with contextlib.suppress(OSError, asyncio.LimitOverrunError, ValueError):
            line = await asyncio.wait_for(reader.readline(), SECONDS)
            report = await _answer(line, token, writer, obey)
            writer.write(msgspec.json.encode(report) + b"\n")
            await writer.drain()
        writer.close()

    server = await _unix_server(serve, path)
    if server is None:
        token = secrets.token_urlsafe()
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_MOST_BYTES)
        port = _Port(server.sockets[0].getsockname()[1], token)
        write_durably(port_file, msgspec.json.encode(port))
    try:
        yield
    finally:
        server.close()
        if answering:  # the report on an order to end, above all
            await asyncio.wait(answering, timeout=LAST_SECONDS)
        await server.wait_closed()
        for file in (path, port_file):
            remove(file, missing_ok=True)


async def _unix_server(serve: _Serve, path: Path) -> asyncio.Server | None:
    """Listen on a Unix socket; None where there can be none."""
    if not _has_unix_socket(path):
        return None
    try:
        with _private_files():
            return await asyncio.start_unix_server(serve, path, limit=_MOST_BYTES)
    except OSError as error:  # shared folders of virtual machines and containers, and FAT, often have no sockets
        _log.info("no socket in %s (%s): a port takes its place", path.parent, error.strerror or error)
        return None


async def _answer(line: bytes, token: str, writer: asyncio.StreamWriter, obey: Obey) -> msgspec.Struct:
    try:
        envelope = msgspec.json.decode(line, type=_Envelope)
        if not hmac.compare_digest(envelope.token.encode(), token.encode()):
            return Failed(message="the token is wrong")
        return await obey(bytes(envelope.order), writer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Failed(message=f"not an order: {error}; is this program older than the one that runs?")
    except MfptError as error:
        return Failed(message=str(error), exit_code=error.exit_code)


def ask(folder: Path, order: msgspec.Struct, service: Service, seconds: float = SECONDS) -> bytes:
    """Give an order to the process that owns a folder, and return its report, encoded as JSON.

    This blocks: in an event loop, call it in a thread.

    Raises:
        ConnectionFailed: None runs there.
        TimedOut: It does not answer within so many seconds.
        MfptError: This user may not look into the folder.
    """
    try:
        with _connected(folder, seconds) as (connection, token), connection.makefile("rwb") as stream:
            stream.write(msgspec.json.encode(_Envelope(msgspec.Raw(msgspec.json.encode(order)), token)) + b"\n")
            stream.flush()
            line = stream.readline()
    except TimeoutError as error:
        raise TimedOut(f"the {service.name} of {folder} did not answer within {seconds:g} s") from error
    except PermissionError as error:
        raise MfptError(
            f"{folder}: {error.strerror}; run this as the user that runs {service.command}, or name another folder "
            f"with {service.option}"
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise _nobody(folder, service) from error
    if not line:
        raise _nobody(folder, service)
    return line


def answers_in(folder: Path) -> bool:
    """Tell whether a process answers orders in a folder, or seems to."""
    return any(file.exists() for file in _files(folder))


def _files(folder: Path) -> tuple[Path, Path]:
    """Return the socket's file and the port's; whoever comes by a link finds the same ones, with paths as long."""
    folder = folder.resolve()
    return folder / SOCKET_FILE, folder / PORT_FILE


def _nobody(folder: Path, service: Service) -> ConnectionFailed:
    return ConnectionFailed(
        f"no {service.name} runs on {folder}: start it with {service.command}, or name another folder with "
        f"{service.option}"
    )


@contextmanager
def _connected(folder: Path, seconds: float) -> Iterator[tuple[socket.socket, str]]:
    path, port_file = _files(folder)
    if _has_unix_socket(path) and not port_file.exists():
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(str(path))
            yield connection, ""
        return
    port = msgspec.json.decode(port_file.read_bytes(), type=_Port)
    with socket.create_connection(("127.0.0.1", port.port), seconds) as connection:
        yield connection, port.token


def _has_unix_socket(path: Path) -> bool:
    return hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= MAX_SOCKET_PATH


@contextmanager
def _private_files() -> Iterator[None]:
    """Let files that are made meanwhile be the owner's alone; a chmod would come a moment too late for a socket."""
    before = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(before)
