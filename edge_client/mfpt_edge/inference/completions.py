"""Completions for prompts, and how good they are. Needs no torch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mfpt_edge.data.example import Example, comparable


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote for a prompt."""

    text: str
    completion: str


class Quality(NamedTuple):
    """How good completions are.

    Attributes:
        exact_match: Share that equals the expected completion, apart from case, Unicode form and white space.
        token_f1: Mean harmonic mean of precision and recall over the words of both.
        examples: Number of examples.
    """

    exact_match: float
    token_f1: float
    examples: int


class Completer(Protocol):
    """A decoder with a prompt, loaded."""

    def complete(self, texts: Sequence[str]) -> list[str]:
        """Return a completion for every text."""


def complete(completer: Completer, texts: Sequence[str]) -> list[Completion]:
    """Return a completion for every text."""
    return [Completion(text, found) for text, found in zip(texts, completer.complete(texts), strict=True)]


def evaluate(completer: Completer, examples: Sequence[Example]) -> Quality:
    """Return how good completions are; without examples, all figures are zero."""
    if not examples:
        return Quality(0.0, 0.0, 0)
    found = completer.complete([example.text for example in examples])
    pairs = [(comparable(one), comparable(example.completion)) for one, example in zip(found, examples, strict=True)]
    exact = sum(one == other for one, other in pairs)
    return Quality(exact / len(pairs), sum(token_f1(*pair) for pair in pairs) / len(pairs), len(pairs))


def token_f1(found: str, expected: str) -> float:
    """Return the F1 of the words of two texts, 0 to 1.

    Source: SQuAD, Rajpurkar et al. 2016, section 6.1. Articles and punctuation count, because they are not the same
    in every language. Where words are not separated by spaces, a text is one word.
    """
    ours, theirs = found.split(), expected.split()
    common = (Counter(ours) & Counter(theirs)).total()
    return 2 * common / (len(ours) + len(theirs)) if common else float(ours == theirs)
