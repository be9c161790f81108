"""One message of each kind that travels where updates are masked, and any of them, for property tests."""

from typing import Any, Final

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mfpt_shared.base64url import encoded
from mfpt_shared.protocol.messages import (
    Deliver,
    Disband,
    FromCoordinator,
    FromDevice,
    Gather,
    KeyShares,
    Masked,
    MaskedHeader,
    MemberKeys,
    Offer,
    Reveal,
    Unmask,
)

SHA256: Final = "0123456789abcdef" * 4
COHORT: Final = "AAECAwQFBgcICQoLDA0ODw"
AT: Final = 1750000100.0


def _key(first: int) -> str:
    return encoded(bytes(range(first, first + 32)))


def _shares(size: int, *without: int) -> tuple[str, ...]:
    """Texts as long as key shares, by place; empty at some places."""
    return tuple("" if place in without else encoded(bytes([place] * size)) for place in range(3))


UP: Final[dict[str, FromDevice | Masked]] = {
    "offer.json": Offer(
        session=5,
        number=9,
        sequence=3,
        language="swh",
        base_version=41,
        examples=128,
        plan="fedcba9876543210",
        backbone="sha256:" + "0123456789abcdef" * 4,
        sha256=SHA256,
        mask_key=_key(0),
        share_key=_key(32),
        seconds=12.5,
    ),
    "key-shares.json": KeyShares(session=5, number=10, cohort=COHORT, shares=_shares(82, 1)),
    "reveal.json": Reveal(session=5, number=11, cohort=COHORT, shares=_shares(33)),
    "masked.mfpt": Masked(
        MaskedHeader(cohort=COHORT, sequence=3), np.array([0, 1, 1023, 64513, 65535, 256, 7, 0], np.uint16)
    ),
}
DOWN: Final[dict[str, FromCoordinator]] = {
    "gather.json": Gather(
        epoch=3,
        version=42,
        at=AT,
        cohort=COHORT,
        sequence=3,
        sha256=SHA256,
        place=1,
        factor=0.5,
        members=tuple(MemberKeys(mask_key=_key(first), share_key=_key(first + 32)) for first in (64, 0, 128)),
    ),
    "deliver.json": Deliver(epoch=3, version=42, at=AT, cohort=COHORT, shares=_shares(82, 1, 2)),
    "unmask.json": Unmask(epoch=3, version=42, at=AT, cohort=COHORT, survivors=(0, 1)),
    "disband.json": Disband(
        epoch=3, version=42, at=AT, cohort=COHORT, sequence=3, sha256=SHA256, detail="too few members answered"
    ),
}

_COHORTS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
_KEYS = st.binary(min_size=32, max_size=32).map(encoded)
_SHARES = st.lists(st.binary(max_size=90).map(encoded), min_size=2, max_size=5).map(tuple)
_HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
_SEQUENCES = st.integers(1, 2**53)
_STAMPS = st.integers(0, 2**53)
_SECONDS = st.floats(0, 1e12)


def _said(kind: Any, stamps: dict[str, Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **stamps, **fields)


_BY_DEVICE: Final = {"session": _STAMPS, "number": _STAMPS}
_BY_COORDINATOR: Final = {"epoch": _STAMPS, "version": _STAMPS, "at": _SECONDS}

ANY_UP: Final = st.one_of(
    _said(
        Offer,
        _BY_DEVICE,
        sequence=_SEQUENCES,
        language=st.sampled_from(["swh", "zul"]),
        base_version=_STAMPS,
        examples=st.integers(0, 10**12),
        plan=st.text(max_size=80),
        backbone=st.text(max_size=80),
        sha256=_HASHES,
        mask_key=_KEYS,
        share_key=_KEYS,
        seconds=_SECONDS,
        sent=st.booleans(),
    ),
    _said(KeyShares, _BY_DEVICE, cohort=_COHORTS, shares=_SHARES),
    _said(Reveal, _BY_DEVICE, cohort=_COHORTS, shares=_SHARES),
    st.builds(
        Masked,
        st.builds(MaskedHeader, cohort=_COHORTS, sequence=_SEQUENCES),
        hnp.arrays(np.uint16, st.integers(1, 20)),
    ),
)
ANY_DOWN: Final = st.one_of(
    _said(
        Gather,
        _BY_COORDINATOR,
        cohort=_COHORTS,
        sequence=_SEQUENCES,
        sha256=_HASHES,
        place=st.integers(0, 31),
        factor=st.floats(0, 1),
        members=st.lists(st.builds(MemberKeys, mask_key=_KEYS, share_key=_KEYS), min_size=2, max_size=3).map(tuple),
    ),
    _said(Deliver, _BY_COORDINATOR, cohort=_COHORTS, shares=_SHARES),
    _said(
        Unmask,
        _BY_COORDINATOR,
        cohort=_COHORTS,
        survivors=st.lists(st.integers(0, 31), min_size=2, max_size=5).map(tuple),
    ),
    _said(
        Disband,
        _BY_COORDINATOR,
        cohort=_COHORTS | st.just(""),
        sequence=_SEQUENCES,
        sha256=_HASHES,
        detail=st.text(max_size=40),
    ),
)
