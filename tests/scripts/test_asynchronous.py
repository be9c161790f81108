"""How the study `async` compares times."""

from reproduction.asynchronous import Facts, Track, report

FACTS = Facts(languages=2, examples="8", rounds=6, score="accuracy")


def tracks(seed: int, *, synchronous: float, ours: float) -> list[Track]:
    """Return runs that are at 0.6 from the start, and at 0.7, their end, after these seconds."""
    return [
        Track(method="fedavg", seed=seed, accuracy=0.7, seconds=synchronous, trajectory=((1.0, 0.6),)),
        Track(method="fedbuff", seed=seed, accuracy=0.7, seconds=ours, trajectory=((1.0, 0.6),)),
        Track(method="mfpt", seed=seed, accuracy=0.7, seconds=ours, trajectory=((1.0, 0.6),)),
    ]


def test_the_goal_is_a_share_of_the_lowest_final_accuracy() -> None:
    low = Track(method="fedavg", seed=0, accuracy=0.5, seconds=9.0, trajectory=())
    study = report([low, *tracks(0, synchronous=9.0, ours=4.0)[1:]], FACTS)
    assert study.rows[0] == ("95 %", "0", "47.5", "9", "1", "1")


def test_both_sides_are_timed_to_the_same_accuracy() -> None:
    study = report(tracks(0, synchronous=9.0, ours=4.0), FACTS)
    assert study.rows[0] == ("95 %", "0", "66.5", "9", "4", "4")


def test_seeds_are_listed_and_their_median_taken() -> None:
    runs = [one for seed, time in enumerate((9.0, 30.0, 2.0)) for one in tracks(seed, synchronous=time, ours=4.0)]
    study = report(runs, FACTS)
    assert [row[1:2] + row[3:4] for row in study.rows[:4]] == [("0", "9"), ("1", "30"), ("2", "2"), ("median", "9")]
    assert "mfpt is sooner with 2 of 3 seeds" in study.caption


def test_an_accuracy_that_falls_again_has_been_reached() -> None:
    falls = Track(method="fedavg", seed=0, accuracy=0.7, seconds=9.0, trajectory=((1.0, 0.7), (5.0, 0.5)))
    study = report([falls, *tracks(0, synchronous=9.0, ours=4.0)[1:]], FACTS)
    assert study.rows[0][3] == "1"
