"""The owner of a device before a page: a question stands there until it is answered, or until nobody asks any more."""

import itertools
import re
import threading
from typing import Final

import msgspec

from mfpt_shared.errors import UsageError

_YES_OR_NO: Final = "[y/N]"
_NUMBERED: Final = re.compile(r" {2}(\d+) (.+)")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is offered: what is sent for it, and what is shown."""

    answer: str
    text: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question as the page shows it.

    Attributes:
        number: Which one it is, so that an answer is not taken for that to another.
        text: The question, in lines.
        kind: Whether yes or no is asked for, one of the choices, or a text.
        choices: Answers that are offered.
    """

    number: int
    text: str
    kind: str
    choices: tuple[Choice, ...] = ()


def read_question(number: int, asked: str) -> Question:
    """Return a question, as it would be asked before a terminal, for a page: what is to be typed becomes a choice."""
    if asked.rstrip().endswith(_YES_OR_NO):
        return Question(number=number, text=asked.rstrip().removesuffix(_YES_OR_NO).rstrip(), kind="yes or no")
    lines = asked.splitlines()
    found = [_NUMBERED.fullmatch(line) for line in lines]
    choices = tuple(Choice(answer=one[1], text=one[2]) for one in found if one)
    if not choices:
        return Question(number=number, text=asked, kind="text")
    # What comes after the choices says how to type them.
    text = "\n".join(itertools.takewhile(lambda line: not _NUMBERED.fullmatch(line), lines))
    return Question(number=number, text=text, kind="choice", choices=choices)


class OwnerAtPage:
    """See `mfpt_edge.engine.owner.Owner`. One question at a time stands on the page."""

    def __init__(self) -> None:
        self._changing = threading.Condition()
        self._asking = threading.Lock()
        self._number = 0
        self._question: Question | None = None
        self._answer: str | None = None
        self._gone = False

    @property
    def question(self) -> Question | None:
        """The question that waits for an answer; None: there is none."""
        return self._question

    def is_there(self) -> bool:
        """See Owner.is_there: whoever has opened the page can open it again."""
        return not self._gone

    def answer(self, question: str) -> str:
        """See Owner.answer."""
        with self._asking, self._changing:
            self._number += 1
            self._answer = None
            self._question = read_question(self._number, question)
            try:
                self._changing.wait_for(lambda: self._gone or self._answer is not None)
            finally:
                self._question = None
            return self._answer or ""

    def take(self, number: int, answer: str) -> None:
        """Take an answer.

        Raises:
            UsageError: The question of this number is not asked any more.
        """
        with self._changing:
            if self._question is None or self._question.number != number:
                raise UsageError("this question is not asked any more")
            self._answer = answer
            self._changing.notify_all()

    def leave(self) -> None:
        """Answer nothing any more: the device ends."""
        with self._changing:
            self._gone = True
            self._changing.notify_all()
