"""Attacks on what is left open or shown: addresses, certificates, files, texts of others, passwords, caches."""

import asyncio
import contextlib
import secrets
import stat
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from attacks.attacker import peer
from attacks.network_attack import Harm, NetworkAttack
from attacks.target import Serving, Target, serving
from mfpt_shared.errors import AuthenticationFailed, WrongCertificate
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.topics import CLIENT_STATE
from mfpt_shared.transport.mqtt import MqttTransport
from mfpt_shared.transport.security import Security

_MARKUP: Final = "[/] [red] \x1b[2J\x1b]0;taken\x07"
_SECRET: Final = "hunter2"
_MALFORMED: Final = (
    f"mqtt//u:{_SECRET}@h",
    f"mqtt://u:{_SECRET}@h:99999",
    f"mqtt://u:{_SECRET}@h:port",
    f"u:{_SECRET}@h:1883",
    f"mqtt://u:{_SECRET}",
    f"mqtt://u:12/{_SECRET}@h",
    f"mqtt://u:{_SECRET}@[::1",
)
_DAMAGES: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda content: content.replace(b'"shape"', b'"shabe"', 1),
    lambda content: content.replace(b'"codes"', b'"cedes"', 1),
    lambda content: content.replace(b'"U8"', b'"U7"', 1),
    lambda content: b"\xff" * 8 + content[8:],
    lambda content: content[: len(content) // 2],
    lambda content: b"",
)


async def listening_everywhere(_: Target) -> Harm:
    async with _everywhere() as server:
        for user in ("", "stranger"):
            if await _reason(server, user, Security(pinned=server.line.key)) is None:
                return f"{user or 'nobody'} is let in without an invitation"
    return None


async def wrong_certificate(_: Target) -> Harm:
    async with _everywhere() as server:
        if not server.address.tls:
            return "passwords travel in the clear"
        for security in (Security(pinned=SigningKey.generate().public), Security()):
            reason = await _reason(server, server.line.user, security, server.line.secret)
            if not isinstance(reason, WrongCertificate):
                return f"a device that expects another certificate ends with {reason!r}"
    return None


@contextlib.asynccontextmanager
async def _everywhere() -> AsyncIterator[Serving]:
    with tempfile.TemporaryDirectory(prefix="mfpt-attack-") as folder:
        async with serving(Path(folder), "--listen", "0.0.0.0:0", "--advertise", "127.0.0.1") as server:
            yield server


async def _reason(server: Serving, user: str, security: Security, password: str = "") -> AuthenticationFailed | None:
    """Return why a login is refused; None: it is not."""
    login = replace(server.address, username=user or None, password=password or None)
    transport = MqttTransport(login, secrets.token_hex(8), security=security)
    try:
        await transport.connect()
    except AuthenticationFailed as error:
        return error
    await transport.close()
    return None


async def readable_files(target: Target) -> Harm:
    folders = (target.data, *(device.folder.path for device in target.honest))
    found = [str(path) for folder in folders for path in (folder, *folder.rglob("*")) if _is_readable(path)]
    if found:
        return f"others can read {', '.join(found)}"
    done = [path for device in target.honest for path in device.folder.path.rglob("*.done")]
    return "an acknowledged update is kept whole" if any(map(_bytes, done)) else None


def _is_readable(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):  # the federation is at work
        return bool(path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    return False


def _bytes(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


async def markup(target: Target) -> Harm:
    async with peer(target.line) as attacker:
        attacker.say(CLIENT_STATE, attacker.online(device=_MARKUP), attacker.id)
        await attacker.sent()
        await target.makes_versions()
        code, out, err = await _command("mfpt_coord", "status", "--data-dir", str(target.data))
    if code or "Traceback" in err:
        return f"`mfpt-coord status` ends with exit code {code}"
    if "\x1b" in out or "\x07" in out:
        return "a description controls the operator's terminal"
    return None if "[/]" in out else "the description is not shown as it is"


async def _command(*command: str) -> tuple[int, str, str]:
    """Run `python -m` with a command, and return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    return await process.wait(), out.decode(), err.decode()


async def shown_password(_: Target) -> Harm:
    ended = await asyncio.gather(*(_command("mfpt_coord", "status", "--broker", url) for url in _MALFORMED))
    shown = [url for url, (_, out, err) in zip(_MALFORMED, ended, strict=True) if _SECRET in out + err]
    return f"the password of {', '.join(shown)} is shown" if shown else None


async def damaged_cache(_: Target) -> Harm:
    import torch  # noqa: PLC0415 - it takes seconds, and the help does not need it

    from mfpt_edge.backbone import tensorfile  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(prefix="mfpt-attack-") as folder:
        file = Path(folder) / "cached.safetensors"
        tensorfile.write(file, {"codes": torch.arange(6, dtype=torch.uint8), "scales": torch.ones(3)})
        whole = file.read_bytes()
        for damage in _DAMAGES:
            file.write_bytes(damage(whole))
            try:
                taken = tensorfile.opened(file)
            except Exception as error:  # noqa: BLE001 - whatever it is, a device would end with it
                return f"it ends in {error!r}"
            if taken is not None:
                return "a damaged file is taken"
    return None


EXPOSURE: Final = (
    NetworkAttack("everywhere", "a stranger connects to `serve --listen 0.0.0.0`", listening_everywhere),
    NetworkAttack("certificate", "a broker shows another certificate than the one that is expected", wrong_certificate),
    NetworkAttack("files", "other users of the machine read databases, keys, outboxes and prompts", readable_files),
    NetworkAttack("markup", "a device describes itself with markup and control characters", markup),
    NetworkAttack("passwords-shown", "malformed addresses of a broker, with a password in them", shown_password),
    NetworkAttack("damaged-caches", "headers of cached tensors are damaged", damaged_cache),
)
