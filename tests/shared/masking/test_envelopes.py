"""Key shares on their way: for one receiver, from one sender, in one cohort."""

import pytest

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.envelopes import ENVELOPE_BYTES, KeyShares, Way, seal, unseal
from mfpt_shared.masking.member import Keys
from support.cohort import seeded

SENDER, RECEIVER, THIRD = (Keys.fresh(seeded(seed)) for seed in range(3))
WAY = Way("abc", 0, 1)
SHARES = KeyShares(bytes(range(33)), bytes(range(33, 66)))


def sealed() -> bytes:
    return seal(SHARES, WAY, SENDER.share, RECEIVER.public.share, seeded(9))


def test_the_receiver_reads_what_the_sender_sealed() -> None:
    assert unseal(sealed(), WAY, RECEIVER.share, SENDER.public.share) == SHARES


def test_key_shares_are_not_in_their_envelope() -> None:
    assert not any(share in sealed() for share in SHARES)


@pytest.mark.parametrize("way", [Way("abx", 0, 1), Way("abc", 2, 1), Way("abc", 0, 2), Way("abc", 1, 0)])
def test_an_envelope_is_refused_on_another_way(way: Way) -> None:
    with pytest.raises(DecodeError, match=f"member {way.sender} sealed"):
        unseal(sealed(), way, RECEIVER.share, SENDER.public.share)


def test_nobody_else_reads_an_envelope() -> None:
    with pytest.raises(DecodeError, match="member 0 sealed"):
        unseal(sealed(), WAY, THIRD.share, SENDER.public.share)


def test_nobody_else_can_have_sealed_it() -> None:
    with pytest.raises(DecodeError, match="member 0 sealed"):
        unseal(sealed(), WAY, RECEIVER.share, THIRD.public.share)


@pytest.mark.parametrize("place", [0, 12, 50, ENVELOPE_BYTES - 1])
def test_a_damaged_envelope_is_refused(place: int) -> None:
    damaged = bytearray(sealed())
    damaged[place] ^= 1
    with pytest.raises(DecodeError, match="member 0 sealed"):
        unseal(bytes(damaged), WAY, RECEIVER.share, SENDER.public.share)


@pytest.mark.parametrize("envelope", [b"", b"short", bytes(ENVELOPE_BYTES + 1)])
def test_an_envelope_of_another_length_is_refused(envelope: bytes) -> None:
    with pytest.raises(DecodeError, match=f"{len(envelope)} bytes instead of {ENVELOPE_BYTES}"):
        unseal(envelope, WAY, RECEIVER.share, SENDER.public.share)
