"""A PostgreSQL server of the tests' own, without a network; its files go with it."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

MISSING: Final = "PostgreSQL is not installed"
UNABLE: Final = "no PostgreSQL server can be set up here"
_FOLDERS: Final = "/usr/lib/postgresql"
# Tests need no durability, and a server that need not wait for the disk answers at once.
_SETTINGS: Final = ("fsync=off", "listen_addresses=", "max_connections=20", "shared_buffers=16MB")


def program(name: str) -> str:
    """Return the path of a program of PostgreSQL; the test is skipped where there is none."""
    found = shutil.which(name) or next(iter(sorted(map(str, Path(_FOLDERS).glob(f"*/bin/{name}")), reverse=True)), None)
    if found is None:
        pytest.skip(MISSING)
    return found


class Server:
    """A server that runs.

    Attributes:
        folder: Where its socket is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._databases = 0

    def url(self, database: str) -> str:
        return f"postgresql://mfpt@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """Make an empty database, and return its URL."""
        self._databases += 1
        name = f"test{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def cut_all(self, url: str) -> None:
        """End all connections to a database, as when the server is started again."""
        database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))


@contextlib.contextmanager
def served() -> Iterator[Server]:
    """Run a server until the context ends."""
    initdb, postgres = program("initdb"), program("postgres")
    with tempfile.TemporaryDirectory(prefix="mfptpg", ignore_cleanup_errors=True) as root:
        user = _other_user()
        folder = Path(root) / "data"
        folder.mkdir(mode=0o700)
        if user is not None:
            Path(root).chmod(0o755)
            shutil.chown(folder, user)
            shutil.chown(root, user)
        command = [initdb, "-D", str(folder), "-U", "mfpt", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        if subprocess.run(command, check=False, capture_output=True, user=user, cwd=root).returncode:
            pytest.skip(UNABLE)
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        command = [postgres, "-D", str(folder), "-k", root, *settings]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, user=user, cwd=root)
        try:
            assert process.stderr is not None
            assert any("ready to accept connections" in line for line in process.stderr)
            yield Server(Path(root))
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _other_user() -> str | None:
    """Return a user who may run the server, where root runs the tests: it refuses to run as root."""
    if os.getuid() != 0:
        return None
    return next(name for name in ("postgres", "nobody") if name in {one.pw_name for one in pwd.getpwall()})
