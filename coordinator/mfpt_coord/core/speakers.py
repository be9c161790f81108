"""What devices say of how much of their own they keep, with the medians of each language at hand."""

from collections.abc import Iterator, Mapping, Set
from itertools import chain
from typing import NamedTuple

from mfpt_coord.core.ordered import Ordered
from mfpt_coord.core.relations import OwnShare, Speaker
from mfpt_shared.languages import LanguageCode


class Said(NamedTuple):
    """What the devices of a language say.

    Attributes:
        own: Device -> what it says.
        shares: (share, id) of each, in order.
        disagreements: (disagreement, id) of each, in order.
    """

    own: Mapping[str, OwnShare]
    shares: Ordered[tuple[float, str]]
    disagreements: Ordered[tuple[float, str]]

    @classmethod
    def of(cls, own: Mapping[str, OwnShare]) -> "Said":
        """Return what devices say, each by its id."""
        shares = Ordered.of((one.share, device) for device, one in own.items())
        return cls(own, shares, Ordered.of((one.disagreement, device) for device, one in own.items()))

    def plus(self, changed: Mapping[str, OwnShare]) -> "Said":
        """Return this with what some devices say now, instead of what they said before."""
        _, shares, disagreements = self.without(changed.keys())
        for device, one in changed.items():
            shares, disagreements = shares.plus((one.share, device)), disagreements.plus((one.disagreement, device))
        return Said({**self.own, **changed}, shares, disagreements)

    def without(self, devices: Set[str]) -> "Said":
        """Return this without what some devices say."""
        gone = self.own.keys() & devices
        if not gone:
            return self
        own, shares, disagreements = dict(self.own), self.shares, self.disagreements
        for device in gone:
            one = own.pop(device)
            shares, disagreements = shares.minus((one.share, device)), disagreements.minus((one.disagreement, device))
        return Said(own, shares, disagreements)


class Shares(Mapping[Speaker, OwnShare]):
    """Own shares by their speakers. They never change: with another one they are other ones.

    Attributes:
        by_language: Language -> what its devices say. None is empty.
    """

    __slots__ = ("by_language",)

    def __init__(self, by_language: Mapping[LanguageCode, Said]) -> None:
        """Take what the devices of each language say. `of` makes it of own shares by speakers."""
        self.by_language = by_language

    @classmethod
    def of(cls, known: Mapping[Speaker, OwnShare]) -> "Shares":
        """Return the shares of a mapping; of shares, themselves."""
        if isinstance(known, Shares):
            return known
        return cls({language: Said.of(own) for language, own in _by_language(known).items()})

    def __getitem__(self, speaker: Speaker) -> OwnShare:
        """Return what a speaker says."""
        language, device = speaker
        return self.by_language[language].own[device]

    def __len__(self) -> int:
        """Return how many speakers there are."""
        return sum(len(said.own) for said in self.by_language.values())

    def __iter__(self) -> Iterator[Speaker]:
        """Go through the speakers, language by language."""
        return chain.from_iterable(
            ((language, device) for device in said.own) for language, said in self.by_language.items()
        )

    def __repr__(self) -> str:
        """Return the shares in the manner of a dict."""
        return f"Shares({dict(self)})"

    def plus(self, changed: Mapping[Speaker, OwnShare]) -> "Shares":
        """Return the shares with what some speakers say now."""
        by_language = dict(self.by_language)
        for language, own in _by_language(changed).items():
            known = by_language.get(language)
            by_language[language] = Said.of(own) if known is None else known.plus(own)
        return Shares(by_language)

    def without(self, devices: Set[str]) -> "Shares":
        """Return the shares of all but some devices."""
        left = {language: said.without(devices) for language, said in self.by_language.items()}
        return Shares({language: said for language, said in left.items() if said.own})


def _by_language(known: Mapping[Speaker, OwnShare]) -> dict[LanguageCode, dict[str, OwnShare]]:
    by_language: dict[LanguageCode, dict[str, OwnShare]] = {}
    for (language, device), one in known.items():
        by_language.setdefault(language, {})[device] = one
    return by_language
