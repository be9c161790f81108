"""Key shares: enough of them give a secret back, and fewer say nothing about it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.shamir import PRIME, SHARE_BYTES, recover, split
from support.cohort import seeded
from support.uniformity import check_uniform

SECRETS = st.binary(min_size=32, max_size=32)


def is_prime(number: int) -> bool:
    """Tell by Miller and Rabin's test, with 40 bases, whether a number is prime; it errs once in 2^80."""
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    rest = (number - 1) >> twos
    for base in range(2, 42):
        power = pow(base, rest, number)
        if power in (1, number - 1):
            continue
        if not any((power := power * power % number) == number - 1 for _ in range(twos - 1)):
            return False
    return True


def test_the_modulus_is_prime_and_the_least_above_all_secrets() -> None:
    assert is_prime(PRIME)
    assert not any(is_prime(number) for number in range(2**256 + 1, PRIME, 2))


@settings(max_examples=30)
@given(st.data(), SECRETS, st.integers(2, 32), st.integers(0, 2**32 - 1))
def test_any_holders_in_the_number_of_the_threshold_have_the_secret(
    data: st.DataObject, secret: bytes, members: int, seed: int
) -> None:
    threshold = data.draw(st.integers(2, members))
    holders = data.draw(st.permutations(range(members)))[:threshold]

    shares = split(secret, threshold, members, seeded(seed))

    assert {len(share) for share in shares} == {SHARE_BYTES}
    assert recover({place: [shares[place]] for place in holders}) == [secret]


def test_many_secrets_are_recovered_at_once_in_their_order() -> None:
    secrets = [bytes([number]) * 32 for number in range(5)]
    rows = [split(secret, 3, 4, seeded(number)) for number, secret in enumerate(secrets)]

    assert recover({place: [row[place] for row in rows] for place in (3, 0, 2)}) == secrets


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
def test_one_holder_fewer_has_something_else(secret: bytes) -> None:
    for seed in range(20):
        shares = split(secret, 4, 5, seeded(seed))
        try:
            found = recover({place: [shares[place]] for place in range(3)})
        except DecodeError:
            continue
        assert found != [secret]


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
def test_what_one_member_holds_looks_random_whatever_the_secret_is(secret: bytes) -> None:
    randomness = seeded(7)
    shares = [split(secret, 2, 1, randomness)[0][1:] for _ in range(2000)]

    check_uniform(np.frombuffer(b"".join(shares), np.uint16))


@pytest.mark.parametrize("share", [b"", bytes(32), bytes(34), PRIME.to_bytes(33, "big"), b"\xff" * 33])
def test_what_is_no_key_share_is_refused(share: bytes) -> None:
    with pytest.raises(DecodeError, match="no key share"):
        recover({0: [share], 1: [bytes(33)]})


def test_key_shares_of_no_secret_are_refused() -> None:
    beyond = (2**256 + 1).to_bytes(33, "big")
    with pytest.raises(DecodeError, match="do not belong together"):
        recover({0: [beyond], 1: [beyond]})
