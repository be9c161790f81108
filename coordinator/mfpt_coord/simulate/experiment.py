"""One simulated experiment: its question, and its outcome.

local     every device alone in its best way; it tunes for as many epochs as in the federation at most
central   one device with everybody's examples: the upper reference, which no federation is allowed
fedavg    synchronous rounds, uniform weights. Source: McMahan et al. 2017
fedbuff   asynchronous folds, weights by staleness. Source: Nguyen et al. 2022
fixed     fedbuff with weights by staleness and by distance, at one temperature for all languages
mfpt      asynchronous folds, weights by staleness and proximity: this product
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, get_args

import msgspec

from mfpt_coord.simulate.fleet import Fleet
from mfpt_coord.simulate.tallies import Tallies
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan, Section

Method = Literal["local", "central", "fedavg", "fedbuff", "fixed", "mfpt"]
METHODS: tuple[Method, ...] = get_args(Method)
# mfpt weighs languages as its plan says.
_PROXIMITIES: Final[Mapping[Method, str]] = {"fedavg": "uniform", "fedbuff": "uniform", "fixed": "fixed"}

Examples = int | dict[LanguageCode, int]
"""Number of training examples of each language: one number for all, or one for each by its tag."""

OnProgress = Callable[[float], None]
"""Called with the share of an experiment that is done, 0..1."""


def part(on_progress: OnProgress, place: int, of: int) -> OnProgress:
    """Return a callback that takes the progress of one of several parts and reports that of all of them."""
    return lambda share: on_progress((place + share) / of)


class Experiment(Section, frozen=True):
    """What to simulate.

    Attributes:
        plan: Plan of the federation; `method_plan` changes its aggregation for the method.
        examples: Number of training examples of each language; see `examples_of`.
        rounds: Number of rounds of each device, on average.
        devices: Number of devices of each language.
        label_skew: Concentration of the Dirichlet distribution that the devices' mixtures of labels are drawn from: of
            a language's only device around the language's mixture, of several so that they divide its rows.
        parallel: Whether all languages hold translations of the same sentences.
        unseen: Unseen languages, those without a device, which get a prompt all the same.
        max_test: Most test examples of a language, a choice that stays the same; None: all.
        fleet: How fast and how reliable the devices are.
        until: Virtual seconds after which a federation ends; infinity: after its rounds.
        measure_every: Versions between two measurements of the test accuracy along the way; 0: only at the end.
    """

    plan: Plan
    method: Method
    languages: tuple[LanguageCode, ...]
    examples: Examples
    rounds: int = 8
    seed: int = 0
    devices: int = 1
    label_skew: float = math.inf
    parallel: bool = False
    unseen: tuple[LanguageCode, ...] = ()
    max_test: int | None = None
    fleet: Fleet = Fleet()
    until: float = math.inf
    measure_every: int = 0

    def __post_init__(self) -> None:
        """Check that the languages make sense."""
        if len(set(self.languages)) != len(self.languages):
            raise UsageError(f"a language is named twice: {', '.join(self.languages)}")
        if both := set(self.languages) & set(self.unseen):
            raise UsageError(f"{min(both)} cannot both take part and be an unseen language")
        if isinstance(self.examples, dict) and set(self.examples) != set(self.languages):
            wrong = min(set(self.examples) ^ set(self.languages))
            does = "takes part and has no number" if wrong in self.languages else "has a number and does not take part"
            raise UsageError(f"examples: {wrong} {does}")

    def examples_of(self, language: LanguageCode) -> int:
        """Return the number of training examples of a language that takes part."""
        return self.examples[language] if isinstance(self.examples, dict) else self.examples


class Point(msgspec.Struct, frozen=True):
    """Mean test accuracy over the languages at some virtual time (seconds), and the updates it took."""

    seconds: float
    version: int
    updates: int
    accuracy: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an experiment.

    Accuracies are on the test examples, in 0..1; where a task's labels are those of entities, they are F1.

    Attributes:
        accuracy: Language -> accuracy with the federation's newest prompt, or with what `local` or `central` tuned.
        used: Language -> accuracy with the prompts that its devices use, which are partly their own; of mfpt only.
        tallies: Language -> answers behind `accuracy`.
        used_tallies: Language -> answers behind `used`, each summed over the devices of the language.
        validation: Language -> accuracy on training examples that were held out, in the best way; of `local` only.
        validation_loss: Language -> mean cross-entropy on the same.
        own_share: Language -> own share of what its devices use, mean; of mfpt only. See `own_share`.
        unseen: Unseen language -> accuracy with its zero-shot prompt.
        shared: Unseen language -> accuracy with `und`, which listens to all languages alike.
        seconds: Duration, virtual seconds.
        updates: Number of updates that the coordinator received.
    """

    method: Method
    seed: int
    accuracy: dict[LanguageCode, float]
    used: dict[LanguageCode, float] = {}
    tallies: dict[LanguageCode, Tallies] = {}
    used_tallies: dict[LanguageCode, Tallies] = {}
    validation: dict[LanguageCode, float] = {}
    validation_loss: dict[LanguageCode, float] = {}
    own_share: dict[LanguageCode, float] = {}
    unseen: dict[LanguageCode, float] = {}
    shared: dict[LanguageCode, float] = {}
    seconds: float = 0.0
    versions: int = 0
    updates: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    trajectory: tuple[Point, ...] = ()


def mean(accuracies: Mapping[LanguageCode, float]) -> float:
    """Return the mean over languages; NaN where there are none."""
    return sum(accuracies.values()) / len(accuracies) if accuracies else math.nan


def means(accuracies: Mapping[LanguageCode, Sequence[float]]) -> dict[LanguageCode, float]:
    """Return the mean over the devices of each language."""
    return {language: sum(of_devices) / len(of_devices) for language, of_devices in accuracies.items()}


def method_plan(experiment: Experiment) -> Plan:
    """Return the plan that makes a federation follow the experiment's method."""
    aggregation = experiment.plan.aggregation
    fleet = len(experiment.languages) * experiment.devices
    changes: dict[str, Any]
    if experiment.method == "fedavg":
        # All devices, however long the slowest takes.
        changes = {"buffer": fleet, "fold_after": 1e9, "patience": 1e9}
    else:
        changes = {"buffer": min(aggregation.buffer, fleet) or math.ceil(fleet / 2)}
    if experiment.method in _PROXIMITIES:
        changes["proximity"] = _PROXIMITIES[experiment.method]
    changes["zero_shot"] = tuple(experiment.unseen)
    return msgspec.structs.replace(experiment.plan, aggregation=msgspec.structs.replace(aggregation, **changes))
