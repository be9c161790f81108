"""The tokenizer of a plan's backbone, as `data.quality` asks for it."""

from collections.abc import Sequence
from typing import Final

import sentencepiece

from mfpt_edge.bundled.place import find_file
from mfpt_edge.data.example import Example, inputs
from mfpt_edge.formats.conventions import max_text_tokens
from mfpt_edge.formats.e5_coverage import Coverage, coverage
from mfpt_edge.formats.e5_file import E5File
from mfpt_shared.backbones.describe import parse_uri
from mfpt_shared.errors import NotInstalled
from mfpt_shared.plan import Plan

# Tokens around a text, `<s> … </s>`, and those that a second text brings, `</s> … </s>`.
_AROUND_ONE, _AROUND_TWO = 2, 4
_POSITIONS: Final = 512
# No token stands for more characters: what is beyond that many times the most tokens is cut in any case.
_LONGEST_TOKEN: Final = 20


class BundledGauge:
    """Measures examples with the bundled backbone's tokenizer."""

    def __init__(self, plan: Plan) -> None:
        """Load the tokenizer, which takes some seconds.

        Raises:
            NotInstalled: The bundled model is not installed.
        """
        self._plan = plan
        self._pieces = _pieces()

    @property
    def max_tokens(self) -> int:
        """See Gauge.max_tokens."""
        return max_text_tokens(self._plan, _POSITIONS)

    def count(self, examples: Sequence[Example]) -> list[Coverage]:
        """See Gauge.count; what the plan puts before every text is known, and counts as tokens alone."""
        whole, seconds = inputs(self._plan, examples)
        texts, pairs = self._beginnings(whole), None if seconds is None else self._beginnings(seconds)
        before = coverage(self._pieces, [self._plan.backbone.prefix])[0] if self._plan.backbone.prefix else None
        first = coverage(self._pieces, texts)
        if before is not None:
            first = [one._replace(characters=one.characters - before.characters) for one in first]
        if pairs is None:
            return [one._replace(tokens=one.tokens + _AROUND_ONE) for one in first]
        second = coverage(self._pieces, pairs)
        return [
            Coverage(
                one.tokens + other.tokens + _AROUND_TWO, one.characters + other.characters, one.unknown + other.unknown
            )
            for one, other in zip(first, second, strict=True)
        ]

    def _beginnings(self, texts: Sequence[str]) -> list[str]:
        """Return texts without what is surely cut, as articles would take long to count."""
        return [text[: _LONGEST_TOKEN * self.max_tokens] for text in texts]


def _pieces() -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_proto=E5File(find_file()).sentencepiece_model())


def gauge_for(plan: Plan) -> BundledGauge | None:
    """Return what measures examples as a plan's backbone would; None: it is not the bundled one, or not installed."""
    if parse_uri(plan.backbone.uri).scheme != "bundled":
        return None
    try:
        return BundledGauge(plan)
    except NotInstalled:
        return None
