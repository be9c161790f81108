"""What the command line says about a study's runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mfpt_coord.commands.example_counts import described
from mfpt_coord.simulate.experiment import Examples, Experiment, Method, Outcome
from mfpt_coord.simulate.summary import score_name
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from reproduction.runner import Runner
from reproduction.usual import Usual, usual


@dataclass(frozen=True, slots=True)
class Named:
    """What somebody named, for studies of several tasks, which otherwise choose for each of these.

    Attributes:
        families: Families; None: all that the study has.
        languages: Languages; None: the study's own of each family.
        plan: Plan instead of the presets' plans; None: these.
    """

    families: tuple[str, ...] | None = None
    languages: tuple[LanguageCode, ...] | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What a study is made with.

    Attributes:
        name: Preset of the task, or name of the plan file.
        plan: Plan of the task.
        languages: Languages that take part.
        examples: Training examples of each language, or of each by its tag; None: the study's own choice.
        rounds: Rounds of each device.
        seeds: A study is repeated for each of them.
        methods: Methods of the headline; local, central, fedavg and mfpt are always among them.
        parallel: Whether all languages hold translations of the same sentences.
        quick: Whether to make fewer runs, for 15 minutes on 2 cores.
        runner: Runs the experiments.
        named: What somebody named, for studies of several tasks.
        rivals_env: Folder of Flower's virtual environment; None: one in the cache folder.
    """

    name: str
    plan: Plan
    languages: tuple[LanguageCode, ...]
    examples: Examples | None
    rounds: int
    seeds: tuple[int, ...]
    methods: tuple[Method, ...]
    parallel: bool
    quick: bool
    runner: Runner
    named: Named = Named()
    rivals_env: Path | None = None

    def experiment(self, method: Method, seed: int, **changes: Any) -> Experiment:
        """Return an experiment of this setting, with changes."""
        values = {
            "plan": self.plan,
            "languages": self.languages,
            "examples": self.examples_each,
            "rounds": self.rounds,
            "parallel": self.parallel,
            **changes,
        }
        if isinstance(held := values["examples"], dict):
            values["examples"] = {language: held[language] for language in values["languages"]}
        return Experiment(method=method, seed=seed, **values)

    def run(self, what: str, experiments: Sequence[Experiment]) -> list[Outcome]:
        """Return the outcomes of experiments, in order. See Runner.run."""
        return self.runner.run(what, experiments)

    @property
    def usual(self) -> Usual:
        """What is usual for the task."""
        return usual(self.name)

    @property
    def examples_each(self) -> Examples:
        """Training examples of each language, where the study has no choice of its own."""
        return self.examples or self.usual.examples

    @property
    def examples_text(self) -> str:
        """Training examples of each language as captions name them, such as `35,eng=300`."""
        return described(self.examples_each)

    @property
    def score(self) -> str:
        """What answers are judged by, as captions name it: accuracy or F1."""
        return score_name(self.plan.task)

    @property
    def seeds_text(self) -> str:
        """The seeds as captions name them, such as `seeds 0, 1, 2`."""
        return f"seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}"


def changed(plan: Plan, section: str, **values: Any) -> Plan:
    """Return a plan with changes in one section."""
    return msgspec.structs.replace(plan, **{section: msgspec.structs.replace(getattr(plan, section), **values)})
