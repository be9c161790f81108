"""Whatever comes from others, members and coordinator raise declared errors and nothing else."""

from contextlib import suppress

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_shared.errors import DecodeError
from mfpt_shared.masking.cohort import PublicKeys
from mfpt_shared.masking.collector import unmasked
from mfpt_shared.masking.envelopes import ENVELOPE_BYTES
from mfpt_shared.masking.member import Keys, Member
from mfpt_shared.masking.shamir import SHARE_BYTES
from support.cohort import NAME, cohort, drawn, seeded

SIZE = 4
OWN = Keys.fresh(seeded(1))


def some_bytes(usual: int) -> st.SearchStrategy[bytes]:
    """Bytes of any length, most often the usual one, and often empty."""
    return st.one_of(st.binary(min_size=usual, max_size=usual), st.binary(max_size=2 * usual), st.just(b""))


def rows(usual: int) -> st.SearchStrategy[list[bytes]]:
    """Lists of such bytes, most often one for each member."""
    return st.one_of(
        st.lists(some_bytes(usual), min_size=SIZE, max_size=SIZE), st.lists(some_bytes(usual), max_size=2 * SIZE)
    )


KEYS = st.builds(PublicKeys, some_bytes(32), some_bytes(32)) | st.just(OWN.public)


@settings(max_examples=40)
@given(st.lists(KEYS, max_size=6), st.integers(-2, 6))
def test_any_cohort_is_joined_or_refused(members: list[PublicKeys], place: int) -> None:
    with suppress(DecodeError):
        Member(NAME, OWN, place, members, 2, seeded(2)).key_shares()


@settings(max_examples=30, deadline=None)
@given(rows(ENVELOPE_BYTES))
def test_any_envelopes_are_taken_or_refused(envelopes: list[bytes]) -> None:
    with suppress(DecodeError):
        cohort(SIZE).members[0].deliver(envelopes)


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.integers(0, SIZE - 1), rows(SHARE_BYTES)),
    st.sets(st.integers(0, SIZE - 1), min_size=1),
    st.sets(st.integers(0, SIZE - 1)),
)
def test_any_answers_make_a_sum_or_none(
    revealed: dict[int, list[bytes]], survivors: set[int], others: set[int]
) -> None:
    public = [Keys.fresh(seeded(place)).public for place in range(SIZE)]
    masked = {place: drawn(place, 8) for place in survivors}
    with suppress(DecodeError):
        assert unmasked(NAME, masked, public, frozenset(survivors | others), revealed).dtype == np.uint16
