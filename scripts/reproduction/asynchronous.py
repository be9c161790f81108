"""How long until the same accuracy, when some devices are ten times slower?

Synchronous rounds wait for the slowest device, asynchronous folds for nobody. Both sides are timed to the same goals: a
share of the lowest final accuracy of the three methods, for each seed on its own, so that every method reaches them.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from mfpt_coord import plots
from mfpt_coord.simulate.experiment import Method, Outcome, mean
from mfpt_coord.simulate.fleet import Fleet
from reproduction.setting import Setting
from reproduction.study import Study, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STRAGGLERS: Final = 0.1
# Shares of the lowest final accuracy.
GOALS: Final = (0.95, 0.99)
METHODS: Final[tuple[Method, ...]] = ("fedavg", "fedbuff", "mfpt")
SYNCHRONOUS: Final[Method] = "fedavg"
# Devices that wait for nobody get more done: twice as much still takes less than half of the time.
_MORE_ROUNDS: Final = 2


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as the study's JSON has it.

    Attributes:
        accuracy: Final test accuracy, mean over languages.
        seconds: Virtual seconds until the end.
        trajectory: (virtual seconds, test accuracy) along the way, in order of time.
    """

    method: Method
    seed: int
    accuracy: float
    seconds: float
    trajectory: tuple[tuple[float, float], ...]

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The trajectory, and the end."""
        return (*self.trajectory, (self.seconds, self.accuracy))

    def reaches(self, goal: float) -> float:
        """Return when the run was first measured at an accuracy or above (virtual seconds)."""
        return next(seconds for seconds, accuracy in self.points if accuracy >= goal)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a caption must say about the runs.

    Attributes:
        languages: Number of languages.
        examples: Training examples of each language, as text.
        rounds: Rounds of fedavg; the others get as many updates as twice these rounds have.
        score: What answers are judged by.
    """

    languages: int
    examples: str
    rounds: int
    score: str


def asynchronous(setting: Setting) -> Study:
    """Run the study."""
    experiments = [
        setting.experiment(
            method,
            seed,
            fleet=Fleet(stragglers=STRAGGLERS),
            rounds=setting.rounds if method == SYNCHRONOUS else _MORE_ROUNDS * setting.rounds,
            measure_every=1,
        )
        for seed in setting.seeds
        for method in METHODS
    ]
    tracks = [track(run) for run in setting.run("async", experiments)]
    return report(tracks, Facts(len(setting.languages), setting.examples_text, setting.rounds, setting.score))


def track(run: Outcome) -> Track:
    """Return what the study keeps of a run."""
    return Track(
        method=run.method,
        seed=run.seed,
        accuracy=mean(run.accuracy),
        seconds=run.seconds,
        trajectory=tuple((point.seconds, point.accuracy) for point in run.trajectory),
    )


def report(tracks: Sequence[Track], facts: Facts) -> Study:
    """Return the study of runs that have been made: three methods for each seed."""
    by_seed: dict[int, dict[Method, Track]] = {}
    for one in tracks:
        by_seed.setdefault(one.seed, {})[one.method] = one
    rows, times, medians = [], {}, {}
    for share in GOALS:
        times[share] = {seed: _times(of_seed, share) for seed, of_seed in by_seed.items()}
        for seed, of_seed in by_seed.items():
            goal = percent(_goal(of_seed, share))
            rows.append((_share(share), str(seed), goal, *(f"{times[share][seed][one]:.0f}" for one in METHODS)))
        medians[share] = {one: statistics.median(found[one] for found in times[share].values()) for one in METHODS}
        rows.append((_share(share), "median", "", *(f"{medians[share][one]:.0f}" for one in METHODS)))
    results = {
        "goals": [
            {
                "share": share,
                "median_seconds": medians[share],
                "seeds": [
                    {"seed": seed, "accuracy": _goal(by_seed[seed], share), "seconds": found}
                    for seed, found in times[share].items()
                ],
            }
            for share in GOALS
        ],
        "runs": msgspec.to_builtins(list(tracks)),
    }
    columns = ("goal", "seed", f"{facts.score} of the goal", *(f"{one}, s" for one in METHODS))
    return Study("async", _caption(by_seed, times, facts), columns, tuple(rows), results, _figure(tracks, facts))


def _goal(runs: Mapping[Method, Track], share: float) -> float:
    return share * min(run.accuracy for run in runs.values())


def _times(runs: Mapping[Method, Track], share: float) -> dict[Method, float]:
    goal = _goal(runs, share)
    return {method: runs[method].reaches(goal) for method in METHODS}


def _caption(
    by_seed: Mapping[int, Mapping[Method, Track]],
    times: Mapping[float, Mapping[int, Mapping[Method, float]]],
    facts: Facts,
) -> str:
    finals = "; ".join(
        f"{method} {' '.join(percent(runs[method].accuracy) for runs in by_seed.values())}" for method in METHODS
    )
    return (
        f"Virtual seconds until a method is first measured at a test {facts.score} (%): "
        f"{' or '.join(map(_share, GOALS))} of the lowest final accuracy of the three "
        "methods with that seed. "
        f"{_share(STRAGGLERS)} of the devices are 10 times slower, the others spread by a lognormal of 0.3. "
        f"{' '.join(_verdict(share, found) for share, found in times.items())} "
        f"Final accuracies, seeds {', '.join(map(str, by_seed))}: {finals}. {facts.languages} languages, "
        f"{facts.examples} examples each; fedavg {facts.rounds} rounds, the others, which wait for nobody, as many "
        f"updates as {_MORE_ROUNDS * facts.rounds} rounds have."
    )


def _verdict(share: float, times: Mapping[int, Mapping[Method, float]]) -> str:
    """Say who reaches a goal first."""
    ours, theirs = (statistics.median(found[one] for found in times.values()) for one in ("mfpt", SYNCHRONOUS))
    sooner = sum(found["mfpt"] < found[SYNCHRONOUS] for found in times.values())
    return (
        f"To {_share(share)}: {ours:.0f} s for mfpt against {theirs:.0f} s for fedavg (medians), mfpt is sooner with "
        f"{sooner} of {len(times)} seeds."
    )


def _share(share: float) -> str:
    return f"{100 * share:.0f} %"


def _figure(tracks: Sequence[Track], facts: Facts) -> "Figure":
    """Draw the first seed's runs."""
    shown = [one for one in tracks if one.seed == tracks[0].seed]
    return plots.lines(
        {str(one.method): list(one.points) for one in shown},
        "virtual seconds",
        f"test {facts.score}",
        f"With {_share(STRAGGLERS)} stragglers, seed {tracks[0].seed}",
    )
