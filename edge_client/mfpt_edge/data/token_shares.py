"""What a backbone's tokenizer makes of the texts: how many are cut off, and how much of them it does not know."""

from collections.abc import Sequence
from typing import Final, Protocol

from mfpt_edge.data.example import Example
from mfpt_edge.data.findings import Finding, sampled, share

_LOOKED_AT: Final = 1000
_MOSTLY_CUT: Final = 0.5
_NOTHING_KNOWN, _LITTLE_KNOWN, _SOME_UNKNOWN = 0.5, 0.1, 0.01


class TokenCount(Protocol):
    """What a tokenizer makes of one text."""

    @property
    def tokens(self) -> int:
        """Number of tokens, special ones included, before anything is cut; of much longer texts, any larger number."""

    @property
    def characters(self) -> int:
        """Number of characters, without white space."""

    @property
    def unknown(self) -> int:
        """Number of these that stand in tokens that the backbone does not know."""


class Gauge(Protocol):
    """Measures examples with the tokenizer of a plan's backbone."""

    @property
    def max_tokens(self) -> int:
        """Most tokens of an example that the plan lets a device read."""

    def count(self, examples: Sequence[Example]) -> Sequence[TokenCount]:
        """Return what becomes of each example."""


def token_shares(examples: Sequence[Example], gauge: Gauge) -> list[Finding]:
    """Return what is to be said about texts that are cut, and about characters that the backbone does not know.

    Args:
        examples: All examples of a data set; of many, every second, every third and so on is looked at.
        gauge: The tokenizer.
    """
    counts = gauge.count(sampled(examples, _LOOKED_AT))
    characters = sum(count.characters for count in counts)
    found = [_cut(counts, gauge.max_tokens)]
    if characters:
        found.append(_unknown(sum(count.unknown for count in counts), characters))
    return [*filter(None, found)]


def _cut(counts: Sequence[TokenCount], most: int) -> Finding | None:
    cut = sum(count.tokens > most for count in counts)
    if not cut:
        return None
    text = f"{share(cut, len(counts))} texts looked at are cut after {most} tokens (training.max_tokens of the plan)"
    mostly = cut > _MOSTLY_CUT * len(counts)
    return Finding("cut texts", "warning" if mostly else "note", cut, text)


def _unknown(unknown: int, characters: int) -> Finding | None:
    part = unknown / characters
    if part < _SOME_UNKNOWN:
        return None
    text = f"the backbone does not know {100 * part:.3g} % of the characters"
    if part > _NOTHING_KNOWN:
        text += ": it cannot tell these texts apart; a plan with another backbone may"
        return Finding("unknown characters", "useless", unknown, text)
    return Finding("unknown characters", "warning" if part > _LITTLE_KNOWN else "note", unknown, text)
