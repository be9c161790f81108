"""From runs to what is judged."""

import msgspec

from mfpt_coord.simulate.experiment import Method, Outcome
from mfpt_coord.simulate.tallies import Tallies
from mfpt_shared.languages import LanguageCode
from reproduction.families_outcomes import row
from reproduction.families_table import Family

SWAHILI, ZULU = LanguageCode("swh"), LanguageCode("zul")
FAMILY = Family("words", "sib200", "words", (15,), 15, parallel=True)


def answers(right: int) -> Tallies:
    """Return the answers to ten sentences, the first few of them right."""
    return Tallies(tuple([1] * right + [0] * (10 - right)), (1,) * 10, (1,) * 10)


def outcome(method: Method, seed: int, right: int, used: int = 0, validation: float | None = None) -> Outcome:
    return Outcome(
        method=method,
        seed=seed,
        accuracy={SWAHILI: right / 10, ZULU: right / 10},
        tallies={SWAHILI: answers(right), ZULU: answers(right)},
        used_tallies={SWAHILI: answers(used), ZULU: answers(used)},
        validation={} if validation is None else {SWAHILI: validation, ZULU: validation},
        validation_loss={} if validation is None else {SWAHILI: 1.0, ZULU: 1.0},
    )


def runs(seed: int) -> list[Outcome]:
    """Return the runs of a seed; alone does best on held-out examples at the second point of the grid."""
    return [
        *(outcome("local", seed, 9, validation=0.1), outcome("local", seed, 7, validation=0.3)),
        *(outcome("central", seed, 1), outcome("fedavg", seed, 2), outcome("fedbuff", seed, 3)),
        *(outcome("fixed", seed, 4), outcome("mfpt", seed, 5, used=6)),
    ]


def test_each_method_is_measured_with_what_it_comes_to() -> None:
    found = row(FAMILY, 15, [runs(0), runs(1)])
    methods = ("local_best", "central", "fedavg", "fedbuff", "fixed", "mfpt", "mfpt_used")
    assert {name: round(10 * found.mean(name)) for name in methods} == dict(
        zip(methods, (7, 1, 2, 3, 4, 5, 6), strict=True)
    )
    assert found.seeds == (0, 1)
    assert found.tallies["mfpt"][SWAHILI].shape == (2, 10, 3)


def test_each_language_chooses_its_own_point_of_the_grid() -> None:
    of_seed = runs(0)
    of_seed[1] = msgspec.structs.replace(of_seed[1], validation={SWAHILI: 0.3, ZULU: 0.0})
    found = row(FAMILY, 15, [of_seed])
    assert found.scores("local_best") == {SWAHILI: 0.7, ZULU: 0.9}
