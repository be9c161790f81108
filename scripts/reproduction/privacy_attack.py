"""The attack on what an observer sees: one update, a sum of several, or what a fold changed in a prompt."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Training
from reproduction.membership import Filter, Head, Indices, Values, matched_filter, scores
from reproduction.privacy_laboratory import Device, Seen
from reproduction.roc import Stratum
from reproduction.shadows import Tuning, tuned


class Observation(NamedTuple):
    """Something that an observer sees of a round.

    Attributes:
        change: What it says of the head: an update, or the mean of several.
        members: Places of the devices that it was made by.
    """

    change: Head
    members: tuple[int, ...]


class Attacker:
    """Somebody who knows the prompt that a round started from, and candidates with their labels."""

    def __init__(self, seen: Mapping[LanguageCode, Seen], start: Head, training: Training, seed: int) -> None:
        """Prepare for a round.

        Args:
            seen: What he knows of each language, under the prompt that the round started from.
            start: Head that the round started from.
            training: How devices train.
            seed: Of his shadow heads.
        """
        self._seen = seen
        self._start = start
        self._training = training
        self._seed = seed
        self._tunings: dict[tuple[int, int], Tuning] = {}
        self._filters: dict[tuple[LanguageCode, float], Filter] = {}

    def scores(
        self, change: Head, language: LanguageCode, *, examples: int, group: int, labels_known: bool = True
    ) -> Values:
        """Return the score of every candidate of a language, [candidates].

        Args:
            change: What is seen of the head.
            language: Language of the candidates.
            examples: Sentences of a device.
            group: Number of devices that the change comes from.
            labels_known: Whether he knows the labels of the candidates.
        """
        known = self._filter(language, self.tuning(examples, group).penalty)
        return scores(change, self._start, self._seen[language].candidates, known, labels_known=labels_known)

    def tuning(self, examples: int, group: int) -> Tuning:
        """Return how he attacks groups of a size, as his shadow heads have taught him; arguments as for `scores`."""
        key = (examples, group)
        if key not in self._tunings:
            references = [one.reference for one in self._seen.values()]
            self._tunings[key] = tuned(
                references, self._start, self._training, examples=examples, group=group, seed=self._seed
            )
        return self._tunings[key]

    def _filter(self, language: LanguageCode, penalty: float) -> Filter:
        key = (language, penalty)
        if key not in self._filters:
            reference = self._seen[language].reference
            self._filters[key] = matched_filter(reference.answers.features, reference.centred, penalty)
        return self._filters[key]


class Targets(NamedTuple):
    """Who holds what, which the attacker is to find out.

    Attributes:
        devices: The devices.
        outsiders: Language -> candidates that no device of the language holds.
        examples: Sentences of a device.
    """

    devices: Sequence[Device]
    outsiders: Mapping[LanguageCode, Indices]
    examples: int

    def by_language(self, members: Sequence[int]) -> dict[LanguageCode, list[int]]:
        """Return the members of each language."""
        found: dict[LanguageCode, list[int]] = {}
        for place in members:
            found.setdefault(self.devices[place].language, []).append(place)
        return found


def compared(targets: Targets, observations: Sequence[Observation]) -> list[Observation]:
    """Return what sets each observation apart from the others that the same observer has of the round.

    What all updates have in common, and what those of one language have, tells nothing about single sentences. The mean
    of the other observations is taken out: of those of the same languages, or else of all.
    """
    spoken = [frozenset(targets.by_language(one.members)) for one in observations]
    found = []
    for place, (change, members) in enumerate(observations):
        others = [at for at, one in enumerate(observations) if not set(one.members) & set(members)]
        near = [at for at in others if spoken[at] == spoken[place]] or others
        if near:
            weight, bias = (
                part - np.mean([observations[at].change[which] for at in near], axis=0)
                for which, part in enumerate(change)
            )
            change = Head(weight, bias)  # noqa: PLW2901 - what is seen, less what others share
        found.append(Observation(change, members))
    return found


def held(
    attacker: Attacker, targets: Targets, observations: Sequence[Observation], *, labels_known: bool = True
) -> list[Stratum]:
    """Return scores for the question whether a sentence is among those of the devices that an observation shows.

    Args:
        attacker: Attacker.
        targets: Who holds what.
        observations: All that one observer sees of a round; they are compared with each other.
        labels_known: Whether he knows the labels of the candidates.
    """
    found = []
    apart = compared(targets, observations)
    for plain, different in zip(observations, apart, strict=True):
        members = plain.members
        compares = attacker.tuning(targets.examples, len(members)).compares
        change = different.change if compares else plain.change
        for language, places in targets.by_language(members).items():
            given = attacker.scores(
                change, language, examples=targets.examples, group=len(members), labels_known=labels_known
            )
            inside = np.concatenate([targets.devices[place].held for place in places])
            found.append(Stratum(given[inside], given[targets.outsiders[language]]))
    return found


def held_over_rounds(rounds: Sequence[list[Stratum]]) -> list[Stratum]:
    """Return scores of an observer who adds up what the rounds of the same devices tell him.

    Args:
        rounds: For each round, what `held` gives for the same devices.
    """
    return [
        Stratum(*(np.sum(parts, axis=0) for parts in zip(*map(standardised, of_group), strict=True)))
        for of_group in zip(*rounds, strict=True)
    ]


def standardised(stratum: Stratum) -> Stratum:
    """Return scores in standard deviations above those of sentences that are no members."""
    mean, deviation = stratum.others.mean(), max(float(stratum.others.std()), 1e-12)
    return Stratum((stratum.members - mean) / deviation, (stratum.others - mean) / deviation)


def who(attacker: Attacker, targets: Targets, vectors: Sequence[Head], members: Sequence[int]) -> list[Stratum]:
    """Return scores for the question which member of a group holds a sentence that one of them holds.

    The group's language tells it where only one member speaks the sentence's: only members of its language count.

    Args:
        attacker: Attacker.
        targets: Devices.
        vectors: What he sees of each member by itself.
        members: Places of the members, in the same order.
    """
    found = []
    for language, places in targets.by_language(members).items():
        if len(places) < 2:
            continue
        inside = np.concatenate([targets.devices[place].held for place in places])
        given = np.stack(
            [
                attacker.scores(vectors[members.index(place)], language, examples=targets.examples, group=len(members))[
                    inside
                ]
                for place in places
            ]
        )
        found.append(holders(given, np.repeat(np.arange(len(places)), targets.examples)))
    return found


def holders(given: Values, owners: Indices) -> Stratum:
    """Return the scores of holders, and of those who do not hold a sentence.

    Args:
        given: Score of each member for each sentence, [members, sentences].
        owners: Member that holds each sentence, [sentences].
    """
    # How a member scores on the whole, and how a sentence does, say nothing about who holds which.
    centred = given - given.mean(axis=0) - given.mean(axis=1, keepdims=True)
    is_holder = owners[None, :] == np.arange(len(given))[:, None]
    return Stratum(centred[is_holder], centred[~is_holder])
