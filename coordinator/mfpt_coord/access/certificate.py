"""The broker's certificate, signed by the coordinator's own key: whoever pinned that key needs no other authority.

Source: RFC 5280 (X.509), RFC 8410 (Ed25519 in X.509).
"""

import datetime
import ipaddress
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mfpt_shared.keys import SigningKey

_YEARS: Final = 10
_DAY: Final = datetime.timedelta(days=1)


def make_certificate(key: SigningKey, hosts: Sequence[str], now: datetime.datetime) -> tuple[bytes, bytes]:
    """Return a server's certificate and its new private key, both in PEM.

    The certificate has a key of its own on P-256, which every TLS library takes.

    Args:
        key: The coordinator's key, which signs.
        hosts: Names and addresses of the server, at least one.
        now: Time from which it is valid, with a day of tolerance.
    """
    own = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_named("mfpt broker"))
        .issuer_name(_named("mfpt coordinator"))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 365 * _YEARS * _DAY)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.private.public_key()), critical=False)
        .sign(key.private, None)
    )
    private = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
