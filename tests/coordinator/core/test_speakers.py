"""What devices say of how much of their own they keep: medians that are kept up to date are those of a plain look."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.core.consensus import disagreements, kept_by_language, undisputed, usual_shares
from mfpt_coord.core.opening import opened
from mfpt_coord.core.relations import COHORT, OwnShare, Relations, Speaker
from mfpt_coord.core.speakers import Shares
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from support.admitting import ClosedFederation
from support.relations import OWN_SHARES, TAGS


def plain(known: Mapping[Speaker, OwnShare]) -> dict[LanguageCode, tuple[list[float], list[float]]]:
    said: dict[LanguageCode, tuple[list[float], list[float]]] = {}
    for (language, _), own in known.items():
        kept, shown = said.setdefault(language, ([], []))
        kept.append(own.share)
        shown.append(own.disagreement)
    return said


@given(OWN_SHARES, st.lists(OWN_SHARES, max_size=3), st.sets(st.sampled_from("abc")))
def test_medians_are_those_of_what_devices_say_last_but_for_devices_that_are_gone(
    known: dict[Speaker, OwnShare], later: list[dict[Speaker, OwnShare]], gone: set[str]
) -> None:
    shares = Shares.of(known)
    for changed in later:
        shares, known = shares.plus(changed), {**known, **changed}
    left = {speaker: own for speaker, own in known.items() if speaker[1] not in gone}
    assert (dict(shares), dict(shares.without(gone))) == (known, left)
    said = plain(left)
    kept = {language: undisputed(values) for language, (values, _) in said.items()}
    assert kept_by_language(shares.without(gone)) == kept
    enough = {language: kept[language] for language, (values, _) in said.items() if len(values) >= 3}
    assert usual_shares(shares.without(gone)) == (
        {**enough, UNDETERMINED: undisputed(list(kept.values()))} if kept else {}
    )
    shown = {language: undisputed(values) for language, (_, values) in said.items()}
    common = undisputed(list(shown.values())) if shown else 0.0
    assert disagreements(shares.without(gone), TAGS) == (
        {target: (shown.get(target, common) + common) / 2 for target in TAGS} if shown else None
    )


def test_shares_of_shares_are_themselves() -> None:
    shares = Shares.of({(TAGS[0], "a"): OwnShare(0.5, 0.0)})
    assert Shares.of(shares) is shares


def test_after_a_restart_the_words_of_those_count_who_take_part_in_this_run() -> None:
    federation = ClosedFederation()
    federation.admits("d1")
    said = {(TAGS[0], name): OwnShare(0.5, 0.0) for name in ("d1", "stranger", COHORT)}
    state = replace(federation.state, relations=Relations(shares=said))
    assert {name for _, name in opened(state, federation.now).relations.shares} == {"d1", COHORT}
