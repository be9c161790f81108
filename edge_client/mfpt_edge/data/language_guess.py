"""Which language texts are likely in, by a small identifier of large languages.

It is asked for one thing: whether texts that are said to be in a language that it knows are surely in another one.
About any other language it can only be wrong, so nothing is said.

Source: langid.py, Lui & Baldwin 2012, in the version of py3langid.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from mfpt_edge.data.findings import sampled
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode, normalise

_TEXTS, _TOGETHER = 400, 10  # a sample is some texts together: the identifier is unsure of a single one
_LETTERS_OF_A_SAMPLE: Final = 150
_FEWEST_SAMPLES: Final = 3
_SURE: Final = 0.9
_NEARLY_ALL, _HARDLY_ANY = 0.8, 0.05
# Languages that it takes for one another; ISO 639-3.
_ALIKE: Final = (
    {"hrv", "bos", "srp", "cnr", "slv", "mkd", "bul"}, {"ind", "zsm", "jav", "ace", "min"},
    {"nob", "nno", "dan", "swe", "fao"}, {"xho", "zul", "ssw", "nbl"}, {"ces", "slk"}, {"afr", "nld", "fry"},
    {"spa", "glg", "por", "cat", "oci", "arg", "ext", "ita", "lij", "vec"}, {"nso", "sot", "tsn"},
    {"arb", "ary", "arz"}, {"cmn", "wuu", "yue"}, {"uzn", "uzs", "azj", "tur", "crh", "tuk"}, {"tgl", "fil", "bcl"},
    {"pes", "prs", "tgk", "pbt", "sdh", "kmr"}, {"hin", "mar", "npi", "san", "gom"}, {"hat", "gcf", "gcr"},
    {"eng", "pcm"}, {"rus", "bel", "ukr"}, {"kaz", "kir", "tat", "bak"}, {"ell", "grc"}, {"heb", "hbo"},
    {"ben", "asm"}, {"swh", "swc"}, {"kin", "run"}, {"lvs", "ltg"}, {"fra", "wln"}, {"deu", "ltz"},
)  # fmt: skip


class Guess(NamedTuple):
    """A language that texts are surely in.

    Attributes:
        language: Which one.
        samples: Number of samples that say so.
        of: Number of samples in all.
    """

    language: LanguageCode
    samples: int
    of: int


class _Identifier(Protocol):
    """What of py3langid's class is used."""

    def classify(self, text: str) -> tuple[str, float]:
        """Return label and confidence, 0..1."""

    @property
    def labels(self) -> Sequence[str]:
        """All labels."""


def other_language(texts: Sequence[str], claimed: LanguageCode) -> Guess | None:
    """Return the language that texts are in, where it is surely another than is claimed.

    Args:
        texts: Texts of a data set; of many, every second, every third and so on is looked at.
        claimed: Language that they are said to be in.

    Returns:
        None: it may be the claimed one, or the identifier does not know it, or is not installed.
    """
    samples = _samples(sampled(texts, _TEXTS))
    identifier = _identifier() if len(samples) >= _FEWEST_SAMPLES else None
    codes = _codes(identifier.labels) if identifier else {}
    if identifier is None or claimed not in codes.values():
        return None
    votes: Counter[LanguageCode] = Counter()
    for label, confidence in map(identifier.classify, samples):
        if confidence >= _SURE and label in codes:
            votes[codes[label]] += 1
    ((likely, count),) = votes.most_common(1) or [(claimed, 0)]
    alike = {claimed}.union(*(group for group in _ALIKE if claimed in group))
    for_claimed = sum(votes[LanguageCode(code)] for code in alike)
    surely = likely not in alike and count >= _NEARLY_ALL * len(samples) and for_claimed <= _HARDLY_ANY * len(samples)
    return Guess(likely, count, len(samples)) if surely else None


def _samples(texts: Sequence[str]) -> list[str]:
    together = min(_TOGETHER, max(1, len(texts) // _FEWEST_SAMPLES))
    joined = (" ".join(texts[at : at + together]) for at in range(0, len(texts), together))
    return [text for text in joined if sum(map(str.isalpha, text)) >= _LETTERS_OF_A_SAMPLE]


def _identifier() -> _Identifier | None:
    """Return the identifier; None: it is not installed. It is loaded anew each time: its model takes 100 MB."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - takes more than a second
    except ImportError:
        return None
    identifier: _Identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier


def _codes(labels: Sequence[str]) -> Mapping[str, LanguageCode]:
    """Return label of the identifier -> ISO 639-3 code."""
    return dict(itertools.chain.from_iterable(map(_code, labels)))


@lru_cache(maxsize=256)
def _code(label: str) -> list[tuple[str, LanguageCode]]:
    try:
        return [(label, normalise(label))]
    except UsageError:
        return []  # `zxx`: no language at all
