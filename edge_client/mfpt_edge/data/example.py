"""One labelled example, whatever the kind of task."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from mfpt_edge.data.place import Place
from mfpt_shared.plan import Plan


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text, one labelled pair of texts, one text with labelled words, or one prompt with its completion.

    Attributes:
        text: The text, the first of a pair, or the prompt; where words are labelled, the words with spaces between.
        label: Index into the plan's labels; 0 where the task has none.
        key: The same for translations of one sentence, where the source says which these are; else empty.
        pair: The second text of a pair; else empty.
        completion: What is to follow the prompt, where the task is generation; else empty.
        words: The words, where each has a label; else empty.
        tags: Index of every word's label into the plan's labels; as many as there are words.
        place: Where it was read, if it was; it makes no difference between two examples.
    """

    text: str
    label: int = 0
    key: str = ""
    pair: str = ""
    completion: str = ""
    words: tuple[str, ...] = ()
    tags: tuple[int, ...] = ()
    place: Place | None = field(default=None, compare=False, repr=False)

    @property
    def decisions(self) -> int:
        """Number of answers that it asks for: one for every word where words are labelled, else one."""
        return len(self.words) or 1

    @property
    def content(self) -> str:
        """All that a model is shown to answer from."""
        return f"{self.text}\n{self.pair}" if self.pair else self.text


def inputs(plan: Plan, examples: Sequence[Example]) -> tuple[list[str], list[str] | None]:
    """Return what a tokenizer is given: the texts after the plan's prefix, and the second texts of pairs.

    Args:
        plan: Kind of task, and prefix.
        examples: Texts or pairs, as the plan's task has them.
    """
    texts = [plan.backbone.prefix + example.text for example in examples]
    return texts, [example.pair for example in examples] if plan.task.kind == "pairs" else None


def comparable(text: str) -> str:
    """Return a text without the differences that make no other sentence: Unicode form, case and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
