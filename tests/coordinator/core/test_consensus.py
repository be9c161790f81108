"""What most devices keep of their own: no single one decides it, and only those count that take part."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.core.consensus import disagreements, kept_by_language, usual_shares
from mfpt_coord.core.own_shares import newest_shares
from mfpt_coord.core.relations import OwnShare, Relations, Speaker
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from mfpt_shared.plan import Aggregation
from mfpt_shared.protocol.messages import Metrics
from support.admitting import ClosedFederation, enrolled
from support.coordinator_core import ENGLISH, SWAHILI, ZULU
from support.relations import EXAMPLES, OWN_SHARES, RELATIONS, SHARES, TAGS, contribution

BOUND = 8.0


def shares(**of_language: list[float]) -> dict[Speaker, OwnShare]:
    return {
        (LanguageCode(language), f"{language}-{place}"): OwnShare(share, 0.0)
        for language, kept in of_language.items()
        for place, share in enumerate(kept)
    }


def test_what_is_usual_is_the_median_over_a_languages_devices_and_over_languages() -> None:
    assert usual_shares(shares(swh=[0.1, 0.9, 0.3], zul=[0.5], eng=[0.8])) == {SWAHILI: 0.3, UNDETERMINED: 0.5}


def test_a_language_of_two_devices_is_told_what_is_usual_elsewhere() -> None:
    assert usual_shares(shares(swh=[0.1, 0.9])) == {UNDETERMINED: 0.1}
    assert kept_by_language(shares(swh=[0.1, 0.9])) == {SWAHILI: 0.1}


def test_nobody_has_said_anything() -> None:
    assert usual_shares({}) == {}
    assert disagreements({}, [SWAHILI]) is None


def test_a_language_counts_its_own_devices_as_much_as_all_languages_together() -> None:
    known = {(SWAHILI, "a"): OwnShare(0.5, 2.0), (ZULU, "b"): OwnShare(0.5, 1.0), (ENGLISH, "c"): OwnShare(0.5, 4.0)}
    assert disagreements(known, TAGS[:2]) == {SWAHILI: 2.0, ZULU: 1.5}


@given(st.tuples(SHARES, SHARES), SHARES)
def test_a_liar_among_three_moves_nothing_beyond_what_an_honest_one_says(
    honest: tuple[float, float], lie: float
) -> None:
    usual = usual_shares(shares(swh=[*honest, lie]))
    assert min(honest) <= usual[SWAHILI] <= max(honest)
    assert usual[UNDETERMINED] == usual[SWAHILI]


@given(RELATIONS, EXAMPLES, SHARES, st.integers(1, 10**9))
def test_what_one_device_says_is_bounded(
    relations: Relations, examples: dict[LanguageCode, float], share: float, own: int
) -> None:
    target = next(iter(examples))
    update = contribution(target, metrics=Metrics(own_share=share, validated=12))
    (said,) = newest_shares([(update, float(own))], examples, relations, Aggregation(start_together=0)).values()
    assert said.share == share
    assert -BOUND <= said.disagreement <= BOUND


@given(OWN_SHARES)
def test_no_language_disagrees_more_than_one_of_its_devices_can(known: dict[Speaker, OwnShare]) -> None:
    found = disagreements(known, TAGS)
    assert found is None or all(abs(one) <= BOUND for one in found.values())


def test_what_a_revoked_device_has_said_counts_no_longer() -> None:
    federation = ClosedFederation(buffer=1)
    for device in ("d1", "d2"):
        federation.admits(device)
        federation.ready(device)
    for sequence, kept in enumerate((None, 1.0), start=1):
        federation.update("d1", sequence, metrics=Metrics(own_share=kept, validated=12))
    assert federation.state.usual == {UNDETERMINED: 1.0}
    federation.revokes("d1")
    assert federation.state.relations.shares == {}
    federation.update("d2")
    assert federation.state.usual == {}


def test_what_a_device_has_said_that_only_reads_from_now_on_counts_no_longer() -> None:
    federation = ClosedFederation()
    federation.state = replace(federation.state, enrolments={"d1": enrolled("d1", token="")})
    said = Relations(shares={(SWAHILI, name): OwnShare(0.5, 0.0) for name in ("d1", "d2")})
    federation.state = replace(federation.state, relations=said)
    federation.admits("d1", role="reader")
    assert federation.state.relations.shares.keys() == {(SWAHILI, "d2")}
