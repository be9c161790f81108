"""Whose word counts as the coordinator's."""

import pytest

from mfpt_edge.session.trust import Forged, Trust
from mfpt_shared.keys import fingerprint
from support.sealing import key_of

COORDINATOR, THIEF = key_of("coordinator").public, key_of("thief").public


def test_a_pinned_key_is_the_only_one_that_counts() -> None:
    trust = Trust(COORDINATOR)
    with pytest.raises(Forged, match=f"{fingerprint(THIEF)}, not by the coordinator {fingerprint(COORDINATOR)}"):
        trust.check(THIEF)
    trust.check(COORDINATOR)


def test_without_an_invitation_the_first_key_counts_from_then_on() -> None:
    trust = Trust()
    trust.check(COORDINATOR)
    with pytest.raises(Forged):
        trust.check(THIEF)
    trust.check(COORDINATOR)
