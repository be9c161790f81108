"""Certificates for brokers in tests: from a CA of their own, or signed by a coordinator's key."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

LOOPBACK: Final = "127.0.0.1"
DAY: Final = datetime.timedelta(days=1)
Signer = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Certificate:
    """A certificate with its private key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """A CA; `certificate` is what its users believe."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(_pem(_built(name, self._key, name, self._key, days=(-1, 30), authority=True)))

    def issue(self, name: str, *hosts: str, days: tuple[int, int] = (-1, 30)) -> Certificate:
        """Return a certificate for hosts, valid between two days from now."""
        own = ec.generate_private_key(ec.SECP256R1())
        return _saved(self._folder, name, own, _built(name, own, self._name, self._key, days=days, hosts=hosts))


def signed_by(signer: Ed25519PrivateKey, folder: Path, name: str, days: tuple[int, int] = (-1, 30)) -> Certificate:
    """Return a certificate of a coordinator, signed by its own key."""
    own = ec.generate_private_key(ec.SECP256R1())
    return _saved(folder, name, own, _built(name, own, "coordinator", signer, days=days, hosts=(LOOPBACK,)))


def _built(
    subject: str,
    own: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: Signer,
    *,
    days: tuple[int, int],
    hosts: tuple[str, ...] = (),
    authority: bool = False,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    return builder.sign(signer, None if isinstance(signer, Ed25519PrivateKey) else hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _saved(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Certificate:
    saved = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    saved.cert.write_bytes(_pem(certificate))
    saved.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return saved


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
