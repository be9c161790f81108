"""One labelled example, whatever the kind of task."""

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text, one labelled pair of texts, or one prompt with its completion.

    Attributes:
        label: index into the plan's labels; 0 where there are none.
        key: the same for translations of one sentence, where the source says which these are; else empty.
        pair: the second text of a pair; else empty.
        completion: what is to follow the text, where the task is generation; else empty.
    """

    text: str
    label: int = 0
    key: str = ""
    pair: str = ""
    completion: str = ""

    @property
    def content(self) -> str:
        """All that a model is shown to answer from."""
        return f"{self.text}\n{self.pair}" if self.pair else self.text


def comparable(text: str) -> str:
    """Return a text without the differences that make no other sentence: Unicode form, case and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
