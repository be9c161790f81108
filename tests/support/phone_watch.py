"""Runs commands where nothing can be reached, and records whom they would have talked to, and what they left behind.

Every address leads to the loopback interface of a network namespace of its own, and every name is answered with an
address in a network that exists nowhere (RFC 5737). Whatever is said there, by whichever library, passes that interface
and is seen. Needs `unshare` and `ip`, and a kernel that lets this user make namespaces.
"""

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from mfpt_shared.telemetry import VARIABLES
from support.systems import IS_ROOT

_ANSWER: Final = socket.inet_aton("203.0.113.7")
_DNS_PORT: Final = 53
_IPV4, _IPV6, _TCP, _UDP = 4, 6, 6, 17
_NETWORK: Final = (
    "ip link set lo up",
    "ip address add 198.51.100.2/32 dev lo",
    "ip route add local default dev lo",
    "ip -6 route add local default dev lo",
)
_EVERYTHING: Final = 0x0003
_ISOLATED: Final = "MFPT_TEST_IS_ISOLATED"


class Seen(msgspec.Struct, frozen=True):
    """What commands did.

    Attributes:
        failed: Commands that did not end with 0, with the end of what they wrote.
        names: Names that were asked for.
        connections: `address:port` of every TCP connection that was begun, and of every datagram but those for names.
        files: Files under the home folder that are in neither mfpt's state nor its cache.
    """

    failed: list[str]
    names: list[str]
    connections: list[str]
    files: list[str]


def can_isolate() -> bool:
    """Tell whether a namespace can be made in which everything leads to the loopback interface."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    command = [*_unshare(), "sh", "-c", " && ".join((*_NETWORK, "mount --bind /etc/hosts /etc/resolv.conf"))]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def watched(scenario: str, home: Path, *arguments: str, seconds: float = 600) -> Seen:
    """Run a function of a module, `module:name`, in a namespace of its own, and return what was seen there.

    Args:
        scenario: A function that takes a runner of commands and these arguments.
        home: Folder that is the home of all commands.
        arguments: Further arguments.
        seconds: How long it may take.
    """
    report = home / "seen.json"
    command = [*_unshare(), sys.executable, "-m", "support.phone_watch", scenario, str(home), str(report), *arguments]
    found_by = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    subprocess.run(command, check=True, timeout=seconds, env=os.environ | {_ISOLATED: "1", "PYTHONPATH": found_by})
    return msgspec.json.decode(report.read_bytes(), type=Seen)


def _unshare() -> list[str]:
    maps = [] if IS_ROOT else ["--map-root-user"]
    return ["unshare", "--net", "--mount", *maps]


class Runner:
    """Runs commands with an empty home, and none of the variables that keep libraries quiet.

    Attributes:
        home: Their home folder.
        temporary: Their folder for temporary files.
        ran: All commands so far.
        failed: Commands that did not end with 0, with the end of what they wrote.
    """

    def __init__(self, home: Path) -> None:
        self.home = home / "home"
        self.home.mkdir()
        self.temporary = home / "tmp"
        self.temporary.mkdir()
        self.ran: list[tuple[str, ...]] = []
        self.failed: list[str] = []
        kept = ("PATH", "PYTHONPATH", "LANG", "VIRTUAL_ENV")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment |= {"HOME": str(self.home), "TMPDIR": str(self.temporary), "NO_COLOR": "1"}
        assert not VARIABLES.keys() & self.environment.keys()

    def run(self, *arguments: str, seconds: float = 300) -> str:
        """Run `python -m` with a command to its end, and return what it printed."""
        self.ran.append(arguments)
        done = subprocess.run(
            [sys.executable, *(("-m",) if arguments[0] != "-c" else ()), *arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env=self.environment,
        )
        if done.returncode:
            self.failed.append(f"{' '.join(arguments)}: exit {done.returncode}: {done.stderr[-1000:]}")
        return done.stdout

    @contextlib.contextmanager
    def serving(self, *arguments: str, ready: str) -> Iterator[None]:
        """Run a command until the context ends, from the moment when it has written a line with this text."""
        self.ran.append(arguments)
        command = [sys.executable, "-m", *arguments]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        ) as process:
            assert process.stdout is not None
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if ready in line:
                    break
            reading = threading.Thread(target=lines.extend, args=(process.stdout,))
            reading.start()
            try:
                yield
            finally:
                process.terminate()
                code = process.wait(60)
                reading.join()
        if code:
            self.failed.append(f"{' '.join(arguments)}: exit {code}: {''.join(lines)[-1000:]}")

    def files(self) -> list[str]:
        """Return what the commands left outside of mfpt's own folders."""
        own = tuple(self.home / place for place in (".local/state/mfpt", ".cache/mfpt"))
        found = (path for place in (self.home, self.temporary) for path in place.rglob("*") if path.is_file())
        return sorted(
            str(path.relative_to(self.home.parent))
            for path in found
            if not path.is_relative_to(own[0]) and not path.is_relative_to(own[1])
        )


class _Recorder:
    """Answers names, and notes them and all that passes the loopback interface."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.connections: set[str] = set()
        self._resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._resolver.bind(("127.0.0.1", _DNS_PORT))
        self._wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERYTHING))
        for work in (self._answer, self._record):
            threading.Thread(target=work, daemon=True).start()

    def _answer(self) -> None:
        while True:
            query, sender = self._resolver.recvfrom(4096)
            name, end = _name(query)
            self.names.add(name)
            is_ipv4 = query[end : end + 2] == b"\0\1"
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + _ANSWER if is_ipv4 else b""
            counts = struct.pack(">HHHHH", 0x8180, 1, is_ipv4, 0, 0)
            self._resolver.sendto(query[:2] + counts + query[12 : end + 4] + record, sender)

    def _record(self) -> None:
        while True:
            packet, (_, _, kind, *_) = self._wire.recvfrom(65_535)
            if kind == socket.PACKET_OUTGOING and (target := _target(packet)):
                self.connections.add(target)


def _name(query: bytes) -> tuple[str, int]:
    """Return the name in a query, and where it ends. Source: RFC 1035, section 4.1.2."""
    parts, at = [], 12
    while query[at]:
        parts.append(query[at + 1 : at + 1 + query[at]].decode(errors="replace"))
        at += query[at] + 1
    return ".".join(parts), at + 1


def _target(packet: bytes) -> str | None:
    """Return whom a packet begins to talk to; None for answers, and for questions for names."""
    version = packet[0] >> 4
    if version == _IPV4:
        protocol, address, start = packet[9], socket.inet_ntoa(packet[16:20]), (packet[0] & 15) * 4
    elif version == _IPV6:
        protocol, address, start = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40]), 40
    else:
        return None
    if protocol not in (_TCP, _UDP):
        return None
    source, port = struct.unpack(">HH", packet[start : start + 4])
    is_first = protocol == _UDP or packet[start + 13] & 0b10010 == 0b10
    return f"{address}:{port}" if is_first and _DNS_PORT not in (source, port) else None


def main() -> None:
    """Run a scenario in the namespace that this process is in, and write what was seen."""
    assert os.environ[_ISOLATED]
    scenario, home, report, *arguments = sys.argv[1:]
    for command in _NETWORK:
        subprocess.run(command.split(), check=True)
    resolver = Path(home) / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions attempts:1 timeout:5\n")
    subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)
    recorder, runner = _Recorder(), Runner(Path(home))
    module, _, name = scenario.partition(":")
    act: Callable[..., Any] = getattr(__import__(module, fromlist=[name]), name)
    act(runner, *arguments)
    seen = Seen(runner.failed, sorted(recorder.names), sorted(recorder.connections), runner.files())
    Path(report).write_text(json.dumps(msgspec.to_builtins(seen)))


if __name__ == "__main__":
    main()
