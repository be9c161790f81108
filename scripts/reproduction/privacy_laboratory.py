"""Devices whose updates are attacked, the sentences that an attacker tries, and those that he has of his own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import torch

from mfpt_edge.data.example import comparable
from mfpt_edge.data.language_folders import find_language
from mfpt_edge.data.sources import Dataset, load_dataset
from mfpt_edge.data.splits import subsample
from mfpt_edge.tuning.activation_cache import encode_splits
from mfpt_edge.tuning.backbone_trainer import BackboneTrainer
from mfpt_edge.tuning.batches import Encoded
from mfpt_edge.tuning.encoding import tokenise
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.objectives import backbone_for
from mfpt_shared.errors import UsageError
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Training
from mfpt_shared.tensors import PromptState, difference, initial_state
from reproduction.membership import Answers, Indices, Values
from reproduction.privacy_world import DEVICES, World
from reproduction.shadows import Reference

# Sentences of a language that no device holds, to be told from those that one does.
_OUTSIDERS: Final = 100
# Test sentences that an attacker knows features by, and that accuracies are measured on.
_REFERENCE: Final = 120


class Device(NamedTuple):
    """A device: its language, and which of the language's candidates it holds."""

    language: LanguageCode
    held: Indices


class Seen(NamedTuple):
    """What an attacker knows of a language under some prompt: the candidates, and sentences of his own."""

    candidates: Answers
    reference: Reference


@dataclass(frozen=True, slots=True)
class _Language:
    """Sentences of a language: candidates, those of the reference, and those to test on."""

    candidates: Encoded
    reference: Encoded
    test: Encoded


class Laboratory:
    """Trains the devices of a world, and shows what an attacker can know.

    Attributes:
        world: What is attacked.
        devices: The devices, by language.
        outsiders: Language -> candidates that no device of the language holds.
    """

    def __init__(self, world: World, device: str, threads: int) -> None:
        """Load backbone and sentences.

        Args:
            world: What is attacked.
            device: Processor: auto, cpu or cuda.
            threads: Number of threads for matrix products.

        Raises:
            UsageError: There are too few different sentences.
            DatasetError: A language has nothing usable.
        """
        torch.set_num_threads(threads)
        self.world = world
        plan = world.plan
        self._model = PromptModel(backbone_for(plan, device, cache_home()), plan)
        self._languages: dict[LanguageCode, _Language] = {}
        self.devices: list[Device] = []
        self.outsiders: dict[LanguageCode, Indices] = {}
        datasets = {language: _dataset(world, language) for language in world.languages}
        for language, rows in _shared_out(world, datasets).items():
            held = np.arange(DEVICES * world.examples).reshape(DEVICES, -1)
            self.devices += [Device(language, part) for part in held]
            self.outsiders[language] = np.arange(held.size, len(rows))
            self._languages[language] = self._encoded(datasets[language], rows, language)

    def train(self, place: int, start: PromptState, round_number: int) -> PromptState:
        """Return what a round of the device at a place changes.

        Raises:
            MfptError: The training diverged.
        """
        world = self.world
        trainer, epochs = self._trainers[place], world.plan.training.epochs_for(world.examples)
        seed = int(np.random.default_rng([world.seed, place, round_number]).integers(2**40))
        return difference(trainer.tune(start, epochs=epochs, seed=seed, on_progress=lambda *_: None).state, start)

    def closed_forms(self) -> list[PromptState]:
        """Return the first update of every device under a plan whose heads start in closed form."""
        training = msgspec.structs.replace(self.world.plan.training, head_start="ridge")
        plan = msgspec.structs.replace(self.world.plan, training=training)
        model, start = PromptModel(self._model.backbone, plan), initial_state(plan)
        trainers = [BackboneTrainer(model, self._examples(device), self._nothing(device)) for device in self.devices]
        return [
            difference(trainer.tune(start, epochs=1, seed=0, on_progress=lambda *_: None).state, start)
            for trainer in trainers
        ]

    def accuracy(self, state: PromptState) -> float:
        """Return the test accuracy of a prompt, mean over the languages."""
        testers = [
            BackboneTrainer(self._model, of_language.candidates.take([0]), of_language.test)
            for of_language in self._languages.values()
        ]
        return float(np.mean([tester.test(state).accuracy for tester in testers]))

    def seen(self, state: PromptState) -> dict[LanguageCode, Seen]:
        """Return what an attacker knows of each language under a prompt."""
        self._model.load(state)
        answers = {
            language: (self._answers(of_language.candidates), self._answers(of_language.reference))
            for language, of_language in self._languages.items()
        }
        centred = np.concatenate([known.features - known.features.mean(axis=0) for _, known in answers.values()])
        return {language: Seen(found, Reference(known, centred)) for language, (found, known) in answers.items()}

    @property
    def training(self) -> Training:
        """How devices train."""
        return self.world.plan.training

    @cached_property
    def _trainers(self) -> list[BackboneTrainer]:
        return [BackboneTrainer(self._model, self._examples(device), self._nothing(device)) for device in self.devices]

    def _examples(self, device: Device) -> Encoded:
        return self._languages[device.language].candidates.take(device.held.tolist())

    def _nothing(self, device: Device) -> Encoded:
        return self._languages[device.language].test.take([])

    def _answers(self, encoded: Encoded) -> Answers:
        found = self._model.objective.decisions(self._model.last_states, encoded)
        assert found is not None, "plans of this study have labels"
        features: Values = found.features.cpu().double().numpy()
        return Answers(features, found.targets.cpu().numpy(), found.examples.cpu().numpy())

    def _encoded(self, dataset: Dataset, rows: Sequence[int], language: LanguageCode) -> _Language:
        test = subsample(dataset.test, language, min(self.world.tested, len(dataset.test)))
        examples = [[dataset.train[row] for row in rows], test]
        with torch.no_grad():
            tokenised = [tokenise(self._model, split) for split in examples]
            candidates, tests = encode_splits(self._model, tokenised, cache_home() / "activations", None)
        return _Language(candidates, tests.take(range(min(_REFERENCE, len(test)))), tests)


def _dataset(world: World, language: LanguageCode) -> Dataset:
    task = world.plan.task
    source = str(find_language(Path(world.data), language, task.kind))
    return load_dataset(source, language, task.labels, kind=task.kind, development=False)


def _shared_out(world: World, datasets: Mapping[LanguageCode, Dataset]) -> dict[LanguageCode, list[int]]:
    """Return rows of each language: first those of its devices, device by device, then some that nobody holds.

    No device holds a translation of what another one holds, and outsiders are no translations of what a device holds,
    as far as there are enough sentences.

    Raises:
        UsageError: There are too few.
    """
    keys = {tag: [one.key or comparable(one.content) for one in data.train] for tag, data in datasets.items()}
    order = np.random.default_rng([world.seed, 0]).permutation(sorted({key for of in keys.values() for key in of}))
    taken: set[str] = set()
    held: dict[LanguageCode, list[int]] = {}
    ordered = {tag: _places(of_language, order.tolist()) for tag, of_language in keys.items()}
    for tag, places in ordered.items():
        free = [row for key, row in places if key not in taken][: DEVICES * world.examples]
        if len(free) < DEVICES * world.examples:
            raise UsageError(
                f"privacy: {tag} has {len(free)} sentences that no other language holds, and {DEVICES} devices with "
                f"{world.examples} each need {DEVICES * world.examples}; name fewer --languages or --examples"
            )
        taken.update(keys[tag][row] for row in free)
        held[tag] = free
    for tag, places in ordered.items():
        mine = {keys[tag][row] for row in held[tag]}
        others = [row for key, row in places if key not in mine]
        spare = [row for row in others if keys[tag][row] not in taken]
        held[tag] += [*spare, *(row for row in others if keys[tag][row] in taken)][:_OUTSIDERS]
    return held


def _places(keys: Sequence[str], order: Sequence[str]) -> list[tuple[str, int]]:
    """Return keys of a language with their rows, in a common order; of equal sentences, one."""
    rows = {key: row for row, key in enumerate(keys)}
    return [(key, rows[key]) for key in order if key in rows]
