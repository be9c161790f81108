"""Accounts at Mosquitto: its password file and its access file, kept by the coordinator and read again on SIGHUP.

Mosquitto's client id is the user name (`use_username_as_clientid`): nobody can take another's without his password.

Source: mosquitto.conf(5), mosquitto_passwd(1); the hash is `$7$`, PBKDF2 with HMAC-SHA-512.
"""

import base64
import hashlib
import hmac
import logging
import os
import re
import secrets
import threading
from pathlib import Path
from typing import Final

from mfpt_coord.access.accounts import COORDINATOR_USER, Account
from mfpt_coord.access.rights import Rights, coordinator_rights, rights
from mfpt_shared.atomic import write_durably
from mfpt_shared.errors import UsageError
from mfpt_shared.folders import FILE_MODE
from mfpt_shared.system.processes import tell_to_read_again

# Mosquitto's own number of rounds; passwords have 128 random bits, which no number makes safer.
_ROUNDS: Final = 101
_SALT_BYTES: Final = 12
# Neither file has a way to quote: another character could add a line, and with it rights.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")

_log = logging.getLogger(__name__)


def hashed(password: str, salt: bytes) -> str:
    """Return what Mosquitto's password file has after the user name and the colon."""
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
    return f"$7${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def configuration(directory: Path, port: int, host: str, max_payload: int) -> str:
    """Return the text of a `mosquitto.conf` that uses the files of MosquittoFiles.

    Args:
        directory: Folder of those files, without line breaks in its name.
        port: TCP port.
        host: Address on which to listen.
        max_payload: Longest message that is taken, bytes.
    """
    lines = [
        "# The files named here must belong to the user under which Mosquitto runs.",
        f"listener {port} {host}",
        "allow_anonymous false",
        "use_username_as_clientid true",
        f"password_file {directory / 'passwords'}",
        f"acl_file {directory / 'acl'}",
        f"pid_file {directory / 'mosquitto.pid'}",
        f"message_size_limit {max_payload}",
        "set_tcp_nodelay true",  # or a device waits 40 ms for each prompt, behind the answer to its subscription
        "persistence true",
        f"persistence_location {directory}/",
    ]
    return "\n".join(lines) + "\n"


class MosquittoFiles:
    """Credentials for Mosquitto. See `accounts.Credentials`."""

    def __init__(self, directory: Path, federation: str, pid_file: Path | None = None) -> None:
        """Read the users that are there.

        Args:
            directory: Folder of the files `passwords` and `acl`.
            federation: Name of the federation.
            pid_file: File with Mosquitto's process id; None: it is told by somebody else to read its files again.

        Raises:
            UsageError: The federation's name has characters that the files cannot hold.
        """
        self._federation = _plain(federation, "the federation's name")
        self._passwords = directory / "passwords"
        self._access = directory / "acl"
        self._pid_file = pid_file
        self._lock = threading.Lock()
        self._users = {line.partition(":")[0] for line in _lines(self._passwords)}

    @property
    def failed_logins(self) -> int:
        """See Credentials.failed_logins; Mosquitto's log has them."""
        return 0

    def has(self, user: str) -> bool:
        """Tell whether a user can connect."""
        with self._lock:
            return user in self._users

    def allow_coordinator(self, password: str) -> None:
        """Let the coordinator itself connect, as `coord`."""
        with self._lock:
            self._put(COORDINATOR_USER, password, coordinator_rights(self._federation))

    def allow(self, account: Account, password: str) -> None:
        """See Credentials.allow.

        Raises:
            UsageError: The user's name has characters that the files cannot hold, or is the coordinator's.
        """
        if _plain(account.user, "a user's name") == COORDINATOR_USER:
            raise UsageError(f"the user {COORDINATOR_USER!r} is the coordinator; choose another name")
        with self._lock:
            # A device that asks again has the account already: it costs no new files, and Mosquitto reads none.
            if not self._knows(account.user, password):
                may = rights(account.role, self._federation, account.key, account.language)
                self._put(account.user, password, may)

    def withdraw(self, user: str) -> None:
        """See Credentials.withdraw."""
        with self._lock:
            self._remove(user)
            self._read_again()

    def _knows(self, user: str, password: str) -> bool:
        """Tell whether a user has this password; a broken line of the file counts as another one."""
        if user not in self._users:
            return False
        known = next((line for line in _lines(self._passwords) if line.partition(":")[0] == user), "")
        try:
            salt = base64.b64decode(known.split("$")[3], validate=True)
        except (IndexError, ValueError):
            return False
        return hmac.compare_digest(known, f"{user}:{hashed(password, salt)}")

    def _put(self, user: str, password: str, may: Rights) -> None:
        if user in self._users:
            self._remove(user)
        # Rights first: a crash between the two leaves a user who cannot log in.
        _append(self._access, "\n".join(section(user, may)))
        _append(self._passwords, f"{user}:{hashed(password, secrets.token_bytes(_SALT_BYTES))}")
        self._users.add(user)
        self._read_again()

    def _remove(self, user: str) -> None:
        left = [line for line in _lines(self._passwords) if line.partition(":")[0] != user]
        write_durably(self._passwords, _text(left))
        write_durably(self._access, _text(_without(user, _lines(self._access))))
        self._users.discard(user)

    def _read_again(self) -> None:
        if self._pid_file is None:
            return
        try:
            process = int(self._pid_file.read_text(encoding="ascii"))
            tell_to_read_again(process, "mosquitto")
        except (OSError, ValueError) as error:
            _log.warning("Mosquitto was not told of new accounts (%s); send it a SIGHUP", error)


def section(user: str, may: Rights) -> list[str]:
    """Return the lines of the access file for one user."""
    return [
        f"user {user}",
        *(f"topic write {topic}" for topic in may.publish),
        *(f"topic read {topic}" for topic in may.subscribe),
    ]


def _without(user: str, lines: list[str]) -> list[str]:
    kept: list[str] = []
    mine = False
    for line in lines:
        if line.startswith("user "):
            mine = line == f"user {user}"
        if not mine:
            kept.append(line)
    return kept


def _plain(name: str, what: str) -> str:
    if not _PLAIN.fullmatch(name):
        raise UsageError(f"{what}, {name!r}, must consist of letters, digits, - and _ for Mosquitto's files")
    return name


def _lines(path: Path) -> list[str]:
    """Return the whole lines of a file; one that a crash cut short has no line break yet."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return text.split("\n")[:-1]


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _append(path: Path, text: str) -> None:
    path.touch(FILE_MODE)
    with path.open("ab") as file:
        there = path.read_bytes()
        file.truncate(there.rfind(b"\n") + 1)  # what comes after the last line was cut short by a crash
        file.write(f"{text}\n".encode())
        file.flush()
        os.fsync(file.fileno())
