"""The second client reads invitations, and certificates under the key that one names."""

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.v2.broker import Address, is_under
from conformance.v2.invitation import Invitation, read
from mfpt_shared.keys import SigningKey

KEY = SigningKey.generate()
KEY_TEXT = base64.urlsafe_b64encode(KEY.public).decode().rstrip("=")


def test_an_invitation_names_addresses_federation_token_and_key() -> None:
    line = f"mfpt://radio.example:443/radio?via=wss&also=mqtts://radio.example&also=ws://10.0.0.1:80/b#t0ken.s3cret.{KEY_TEXT}"
    assert read(line) == Invitation(
        [
            Address("wss", "radio.example", 443),
            Address("mqtts", "radio.example", 8883),
            Address("ws", "10.0.0.1", 80, "/b"),
        ],
        "radio",
        token="t0ken",
        secret="s3cret",
        coordinator=KEY.public,
    )


def test_tls_is_what_an_invitation_means_that_does_not_say() -> None:
    assert read(f"mfpt://[::1]/radio#t.s.{KEY_TEXT}").addresses == [Address("mqtts", "::1", 8883)]


def test_the_address_of_an_open_federation_needs_no_key() -> None:
    assert read("mqtt://:word@10.0.0.1/radio") == Invitation([Address("mqtt", "10.0.0.1", 1883)], "radio", "word")


@pytest.mark.parametrize("line", ["mfpt://h/f", "mfpt://h/f#t.s", f"mfpt://h/f#t.s.{KEY_TEXT[:-2]}"])
def test_a_line_that_was_cut_is_no_invitation(line: str) -> None:
    with pytest.raises(ValueError):
        read(line)


def certificate(signer: SigningKey) -> bytes:
    """Return a certificate for another key, as a coordinator makes it for its broker."""
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "radio.example")])
    builder = x509.CertificateBuilder(name, name, ec.generate_private_key(ec.SECP256R1()).public_key())
    dated = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    return dated.serial_number(1).sign(signer.private, None).public_bytes(Encoding.DER)


def test_a_certificate_is_believed_if_the_pinned_key_signed_it() -> None:
    assert is_under(certificate(KEY), KEY.public)


def test_a_certificate_of_somebody_else_is_not_believed() -> None:
    assert not is_under(certificate(SigningKey.generate()), KEY.public)


def test_a_damaged_certificate_is_not_believed() -> None:
    whole = certificate(KEY)
    assert not any(is_under(whole[:length], KEY.public) for length in range(len(whole)))
    assert not is_under(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], KEY.public)
