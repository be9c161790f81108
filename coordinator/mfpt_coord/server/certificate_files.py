"""The broker's certificate: copies of the files that were given, renewed when those change.

The broker reads copies. A renewal that is half written, or wrong, then stops no server that has to be started again.
"""

import logging
import ssl
from pathlib import Path
from typing import Final

from mfpt_coord.server.broker_config import Certificate
from mfpt_shared.atomic import write_durably
from mfpt_shared.errors import UsageError

_NAMES: Final = ("tls.crt", "tls.key")

_log = logging.getLogger(__name__)


class CertificateFiles:
    """Copies of a certificate and its key. All methods read or write small files."""

    def __init__(self, given: Certificate, folder: Path) -> None:
        """Copy the files; `folder` must be private.

        Raises:
            UsageError: They are not a certificate with its key.
        """
        self._given = given
        self.copies = Certificate(*(folder / name for name in _NAMES))
        self._seen = self._stamps()
        self._current = self._read()
        self._previous: tuple[bytes, bytes] | None = None
        self._write(self._current)

    def renew(self) -> bool:
        """Copy the files again if they have changed, and tell whether the server has to read them."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        try:
            read = self._read()
        except UsageError as error:
            _log.warning("the old certificate is kept: %s", error)
            return False
        if read == self._current:
            return False
        self._previous, self._current = self._current, read
        self._write(read)
        return True

    def revert(self) -> bool:
        """Go back to what was there before the last renewal, and tell whether there was something."""
        if self._previous is None:
            return False
        self._current, self._previous = self._previous, None
        self._write(self._current)
        return True

    def _stamps(self) -> tuple[object, ...]:
        return tuple(_stamp(path) for path in (self._given.chain, self._given.key))

    def _read(self) -> tuple[bytes, bytes]:
        """Return the content of the given files.

        Raises:
            UsageError: They are not a certificate with its key.
        """
        chain, key = self._given.chain, self._given.key
        try:
            content = chain.read_bytes(), key.read_bytes()
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key, password=_no_password)
        except ssl.SSLError as error:
            raise UsageError(
                f"{chain} and {key} are not a certificate in PEM with its own, unencrypted private key "
                f"({error.reason or error})"
            ) from error
        except OSError as error:
            raise UsageError(f"{error.filename or chain} cannot be read: {error.strerror}") from error
        return content

    def _write(self, content: tuple[bytes, bytes]) -> None:
        for path, part in zip((self.copies.chain, self.copies.key), content, strict=True):
            write_durably(path, part)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _no_password() -> bytes:
    """OpenSSL would ask for one on the terminal."""
    return b""
