"""The control socket: how commands of the operator reach a coordinator that runs.

It is a Unix socket in the data folder that only its owner can open. Where there are no Unix sockets, the folder's path
is too long for one, or its file system has none, it is a port on the loopback interface, and a file that only the
owner can read holds the port and a token. An order is a line of JSON, and so is the report that answers it.
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
from pathlib import Path
from typing import Final

import msgspec

from mfpt_coord.core.audit import Actor
from mfpt_coord.server.actors import at_other_end
from mfpt_coord.server.orders import AnyOrder, AnyReport, Failed
from mfpt_shared.atomic import write_durably
from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut

SOCKET_FILE: Final = "control.sock"
PORT_FILE: Final = "control.json"
# The shortest limit of the systems that mfpt runs on is 104 bytes, on macOS.
MAX_SOCKET_PATH: Final = 100
SECONDS: Final = 10.0
_MOST_BYTES: Final = 16 * 1024 * 1024
"""Longest order. One with a plan of a thousand long labels is some hundred thousand bytes."""

_log = logging.getLogger(__name__)

_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Obey = Callable[[AnyOrder, Actor], Awaitable[AnyReport]]


class _Port(msgspec.Struct, frozen=True):
    """Where the control socket is, if it is not a file."""

    port: int
    token: str


class _Envelope(msgspec.Struct, frozen=True):
    """An order, and the token that opens a port of the loopback interface."""

    order: AnyOrder
    token: str = ""


@asynccontextmanager
async def control_socket(data_dir: Path, obey: Obey) -> AsyncIterator[None]:
    """Answer orders until the context ends.

    Args:
        data_dir: Data folder, which this process owns.
        obey: Carries out an order of somebody; its MfptErrors become reports.
    """
    path, port_file = _files(data_dir)
    for left in (path, port_file):
        left.unlink(missing_ok=True)
    token = ""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.LimitOverrunError, ValueError):
            line = await asyncio.wait_for(reader.readline(), SECONDS)
            report = await _answer(line, token, at_other_end(writer), obey)
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
        await server.wait_closed()
        for file in (path, port_file):
            file.unlink(missing_ok=True)


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


async def _answer(line: bytes, token: str, by: Actor, obey: Obey) -> AnyReport:
    try:
        envelope = msgspec.json.decode(line, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Failed(message=f"not an order: {error}; is this mfpt-coord older than the one that runs?")
    if not hmac.compare_digest(envelope.token.encode(), token.encode()):
        return Failed(message="the token is wrong")
    try:
        return await obey(envelope.order, by)
    except MfptError as error:
        return Failed(message=str(error), exit_code=error.exit_code)


def ask(data_dir: Path, order: AnyOrder) -> AnyReport:
    """Give an order to the coordinator that runs on a data folder, and return its report.

    Raises:
        ConnectionFailed: None runs there.
        TimedOut: It does not answer.
        MfptError: This user may not look into the folder.
    """
    try:
        with _connected(data_dir) as (connection, token), connection.makefile("rwb") as stream:
            stream.write(msgspec.json.encode(_Envelope(order, token)) + b"\n")
            stream.flush()
            line = stream.readline()
    except TimeoutError as error:
        raise TimedOut(f"the coordinator of {data_dir} did not answer within {SECONDS:g} s") from error
    except PermissionError as error:
        raise MfptError(
            f"{data_dir}: {error.strerror}; run this as the user that runs mfpt-coord serve, or name another folder "
            "with --data-dir"
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise _nobody(data_dir) from error
    if not line:
        raise _nobody(data_dir)
    report: AnyReport = msgspec.json.decode(line, type=AnyReport)
    return report


def runs_on(data_dir: Path) -> bool:
    """Tell whether a coordinator runs on a data folder, or seems to."""
    return any(file.exists() for file in _files(data_dir))


def _files(data_dir: Path) -> tuple[Path, Path]:
    """Return the socket's file and the port's; whoever comes by a link finds the same ones, with paths as long."""
    folder = data_dir.resolve()
    return folder / SOCKET_FILE, folder / PORT_FILE


def _nobody(data_dir: Path) -> ConnectionFailed:
    return ConnectionFailed(
        f"no coordinator runs on {data_dir}: start it with mfpt-coord serve, or name another folder with --data-dir"
    )


@contextmanager
def _connected(data_dir: Path) -> Iterator[tuple[socket.socket, str]]:
    path, port_file = _files(data_dir)
    if _has_unix_socket(path) and not port_file.exists():
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(SECONDS)
            connection.connect(str(path))
            yield connection, ""
        return
    port = msgspec.json.decode(port_file.read_bytes(), type=_Port)
    with socket.create_connection(("127.0.0.1", port.port), SECONDS) as connection:
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
