"""Keys: what a signature proves, and what never leaks."""

import pytest

from mfpt_shared.errors import Damaged
from mfpt_shared.keys import PublicKey, SigningKey, fingerprint, verify


def test_a_signature_is_valid_for_its_own_key_and_message_alone() -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    signature = key.sign(b"message")
    assert verify(key.public, signature, b"message")
    assert not verify(key.public, signature, b"massage")
    assert not verify(other.public, signature, b"message")


@pytest.mark.parametrize("public", [b"", b"short", bytes(32), bytes(33), b"\xff" * 32])
def test_bytes_that_are_no_key_verify_nothing(public: bytes) -> None:
    assert not verify(PublicKey(public), bytes(64), b"message")


def test_a_key_survives_the_way_through_a_file() -> None:
    key = SigningKey.generate()
    assert SigningKey.from_pem(key.to_pem()).public == key.public


# A key with bytes of its DER damaged, which OpenSSL meets with an internal error.
ODD = bytes.fromhex(
    "2d2d2d2d2d424547494e2050524956415445204b45592d2d2d2d2d0a4d43344341514177425159444b32567642434945494d4d4772417769"
    "7a386e354d4363664a4969685249536c47754c41616653534a3964466c38596d693851420a2d2d2d2d2d454e442050524956415445204b"
    "45592d2d2d2d2d0a"
)


@pytest.mark.parametrize(
    "pem", [ODD, b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\xff\x00"]
)
def test_a_damaged_key_file_is_an_error_of_its_own(pem: bytes) -> None:
    with pytest.raises(Damaged, match="not an Ed25519 private key"):
        SigningKey.from_pem(pem)


def test_a_key_has_one_secret_for_each_purpose() -> None:
    key = SigningKey.generate()
    assert key.secret("first") == SigningKey.from_pem(key.to_pem()).secret("first")
    assert len({key.secret("first"), key.secret("second"), SigningKey.generate().secret("first")}) == 3


def test_the_secret_is_not_in_the_representation() -> None:
    key = SigningKey.generate()
    assert repr(key) == f"SigningKey(public={key.public.hex()})"


def test_a_fingerprint_is_short_and_differs_between_keys() -> None:
    first, second = fingerprint(SigningKey.generate().public), fingerprint(SigningKey.generate().public)
    assert first != second
    assert len(first) == 19
