"""TLS of a client: whom it believes, and the certificate that it shows itself.

Without a pinned key, a server's certificate must come from a known CA and be made out to the host name. With one, the
certificate must be signed by that Ed25519 key, whoever it is made out to, and whatever dates it has: the clock of an
old laptop refuses nobody. RFC 8446 is TLS 1.3, RFC 8410 the Ed25519 signatures in X.509.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import SignatureAlgorithmOID

from mfpt_shared.errors import UsageError
from mfpt_shared.keys import PublicKey, verify


class NotPinned(ssl.SSLCertVerificationError):
    """The server's certificate is not signed by the pinned key."""


@dataclass(frozen=True, slots=True)
class Security:
    """Whom a client believes, and who it is.

    Attributes:
        ca_file: PEM file of the CAs to believe; None: those of the system.
        cert: PEM file of the client's own certificate, with its chain; None: it shows none.
        key: PEM file of the private key of `cert`; None: it is in the same file.
        pinned: Key that must have signed the server's certificate. Together with `ca_file`, either will do.
        or_system: Whether, with `pinned`, a certificate that the system's CAs vouch for will do as well.
        exact: PEM file that begins with the only certificate to believe, for a client beside its server.
    """

    ca_file: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    pinned: PublicKey | None = None
    or_system: bool = False
    exact: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a key without its certificate."""
        if self.key is not None and self.cert is None:
            raise UsageError(f"--key {self.key} belongs to a certificate: give that with --cert")

    def alternatives(self) -> "tuple[Security, ...]":
        """Return the ways to believe a server, in the order to try them; one connection can test only one of them."""
        if self.pinned is None or not (self.ca_file is not None or self.or_system):
            return (self,)
        return replace(self, ca_file=None, or_system=False), replace(self, pinned=None, or_system=False)

    def context(self) -> ssl.SSLContext:
        """Return what a connection needs.

        Raises:
            UsageError: A file cannot be read, or is not what its option wants.
        """
        context = self._believing()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert is not None:
            _show(context, self.cert, self.key)
        return context

    def _believing(self) -> ssl.SSLContext:
        if self.exact is not None:
            _first_certificate(self.exact)
            return _believing_if(partial(_is_first_of, file=self.exact), "the certificate is not the server's own")
        if self.pinned is not None:
            return _believing_if(
                partial(is_signed_by, signer=self.pinned), "the certificate is not signed by the pinned key"
            )
        return _believing_cas(self.ca_file)


def is_signed_by(certificate: bytes, signer: PublicKey) -> bool:
    """Tell whether an Ed25519 key signed an X.509 certificate.

    Args:
        certificate: Certificate in DER, from anybody.
        signer: Key.
    """
    try:
        read = x509.load_der_x509_certificate(certificate)
        signed_by_ed25519 = read.signature_algorithm_oid == SignatureAlgorithmOID.ED25519
        return signed_by_ed25519 and verify(signer, read.signature, read.tbs_certificate_bytes)
    except (ValueError, UnsupportedAlgorithm):
        return False


class _ClientSocket(ssl.SSLSocket):
    """A socket that closes itself if its handshake fails: whoever called it may not know that it exists."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
            self.check()
        except OSError:
            self.close()
            raise

    def check(self) -> None:
        """Look at the server once more, before anything is said to it."""


def _believing_cas(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # SSLError is one
        raise UsageError(f"--ca-file {ca_file} {_why(error, 'has no certificate in PEM')}") from error
    context.sslsocket_class = _ClientSocket
    return context


def _is_first_of(shown: bytes, file: Path) -> bool:
    """Tell whether a certificate in DER is the first in a file, which is read anew: the server may have renewed it."""
    try:
        return shown == _first_certificate(file)
    except UsageError:
        return False


def _first_certificate(file: Path) -> bytes:
    """Return the first certificate of a PEM file, in DER."""
    try:
        return x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(serialization.Encoding.DER)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} does not begin with a certificate in PEM: {error}") from error


def _believing_if(is_right: Callable[[bytes], bool], otherwise: str) -> ssl.SSLContext:
    """Return a context that believes a certificate, in DER, if it is right, whatever names and dates it has."""

    class PinnedSocket(_ClientSocket):
        def check(self) -> None:
            certificate = self.getpeercert(binary_form=True)
            if certificate is None or not is_right(certificate):
                raise NotPinned(otherwise)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # OpenSSL would look at names and dates; `check` looks at the certificate
    context.sslsocket_class = PinnedSocket
    return context


def _show(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    options = f"--cert {cert}" if key is None else f"--cert {cert} --key {key}"
    for option, path in (("--cert", cert), ("--key", key or cert)):
        try:
            path.read_bytes()
        except OSError as error:
            raise UsageError(f"{option} {path} {_why(error, '')}") from error
    try:
        # Without a password function, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(cert, key, password=_no_password)
    except ssl.SSLError as error:
        raise UsageError(
            f"{options}: not a certificate in PEM with its own, unencrypted private key ({error.reason or error})"
        ) from error


def _no_password() -> bytes:
    return b""


def _why(error: OSError, otherwise: str) -> str:
    if isinstance(error, ssl.SSLError):
        return otherwise
    return f"cannot be read: {error.strerror or error}"
