"""Keys that nobody could agree on a secret with are refused with their offer; else one device ends every cohort."""

import pytest
from msgspec import structs

from mfpt_coord.core.events import OfferMade
from mfpt_shared.base64url import encoded
from mfpt_shared.protocol.messages import Reject
from support.coordinator_core import SWAHILI, with_grant
from support.masked_core import MaskedFederation

ZERO = encoded(bytes(32))
ORDER_8 = encoded(bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"))


def offered_again(federation: MaskedFederation, **keys: str) -> Reject:
    """Let a device offer with other keys than it did, and return the answer."""
    federation.offers("a")
    federation.says("a", structs.replace(federation.state.offers[0].offer, sequence=2, **keys))
    (answer,) = federation.mail["a"]
    assert isinstance(answer, Reject)
    return answer


@pytest.mark.parametrize("keys", [{"mask_key": ZERO}, {"share_key": ZERO}, {"mask_key": ORDER_8}])
def test_an_offer_with_a_key_of_small_order_is_rejected(keys: dict[str, str]) -> None:
    federation = MaskedFederation()
    answer = offered_again(federation, **keys)
    assert (answer.sequence, answer.reason) == (2, "incompatible")
    assert "none of X25519" in answer.detail
    assert federation.state.offers == ()


def test_an_offer_with_one_key_for_both_purposes_is_rejected() -> None:
    key = encoded(bytes(range(32)))
    assert offered_again(MaskedFederation(), mask_key=key, share_key=key).reason == "incompatible"


def test_a_device_whose_keys_are_of_no_use_does_not_keep_the_others_from_adding_up() -> None:
    federation = MaskedFederation()
    federation.device("x")
    for name in ("a", "b"):
        federation.offers(name)
    federation.state = with_grant(federation.state, "x", SWAHILI, 0)
    bad = structs.replace(federation.state.offers[0].offer, mask_key=ZERO, share_key=ORDER_8)
    federation.feed(OfferMade(federation.now, "x", bad))
    assert federation.state.cohorts == ()
    federation.offers("c")
    federation.settles("x")
    assert federation.state.version == 1
