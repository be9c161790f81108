"""How many training examples each language has, as the command line says it: `35`, or `35,eng=300`."""

from collections.abc import Sequence

from mfpt_coord.simulate.experiment import Examples
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode, given_language


def example_counts(text: str, languages: Sequence[LanguageCode]) -> Examples:
    """Return how many examples each language has.

    Args:
        text: A number, numbers by language (`swh=35`), or both: the bare number is for languages that are not named.
        languages: All languages that take part.

    Raises:
        UsageError: A part is no number, or the numbers are not those of the languages.
    """
    usual: int | None = None
    named: dict[LanguageCode, int] = {}
    for part in text.split(","):
        tag, equals, number = part.rpartition("=")
        if equals:
            named[given_language(tag.strip())] = _count(text, number)
        elif usual is None:
            usual = _count(text, part)
        else:
            raise UsageError(f"--examples {text!r}: it has two numbers without a language; write it as TAG={number}")
    if unknown := set(named).difference(languages):
        raise UsageError(f"--examples {text!r}: {min(unknown)} is not among the languages that take part")
    if not named and usual is not None:
        return usual
    if usual is None and (missing := set(languages).difference(named)):
        raise UsageError(f"--examples {text!r}: how many for {min(missing)}? Add {min(missing)}=N, or a number for all")
    return {language: named.get(language, usual or 0) for language in languages}


def _count(text: str, number: str) -> int:
    try:
        count = int(number)
    except ValueError as error:
        raise UsageError(f"--examples {text!r}: {number!r} is no number; give 35, or 35,eng=300") from error
    if count < 1:
        raise UsageError(f"--examples {text!r}: give every language at least 1")
    return count


def described(examples: Examples) -> str:
    """Return the numbers as the command line takes them, the most frequent one without its languages."""
    if isinstance(examples, int):
        return str(examples)
    counts = list(examples.values())
    usual = max(sorted(set(counts)), key=counts.count)
    return ",".join([str(usual), *(f"{tag}={count}" for tag, count in examples.items() if count != usual)])
