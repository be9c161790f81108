"""Checks in their order, and what they come to. Knows no clock, disk or network: each check brings its own.

A check that needs another one which has failed is not made: its line says so, and the mend is that of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from mfpt_shared.environment import explained
from mfpt_shared.errors import MfptError

Level = Literal["ok", "warning", "failed", "skipped"]


ASK: Final = "ask the operator of the federation, and show these lines"
"""What to do where nobody here knows better."""


class Answer(NamedTuple):
    """What a check found.

    Attributes:
        level: How bad it is.
        found: What was found, for people.
        mend: What to do about it; empty where nothing is to be done.
        exit_code: Exit code of a program that fails for this; 0 unless the check has failed.
        blocks: Whether checks that need this one cannot be made.
    """

    level: Level
    found: str
    mend: str = ""
    exit_code: int = 0
    blocks: bool = False


class Look(Protocol):
    """Looks at one thing, and changes nothing."""

    async def __call__(self) -> Answer:
        """Return what was found.

        Raises:
            MfptError: The check has failed, for this reason.
            OSError: The same, for a reason that lies in the machine.
        """


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: What is looked at, in a word or two.
        look: Looks at it.
        needs: Names of earlier checks without which it makes no sense.
        mend: What to do where it has failed, and the error does not say it.
    """

    name: str
    look: Look
    needs: tuple[str, ...] = ()
    mend: str = ASK


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What `mfpt-edge doctor` says of one check.

    Attributes:
        check: Name of the check.
        level: How bad it is.
        found: What was found.
        mend: What to do about it; empty where nothing is to be done.
        exit_code: Exit code of a program that fails for this; 0 unless the check has failed.
    """

    check: str
    level: Level
    found: str
    mend: str = ""
    exit_code: int = 0


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What `mfpt-edge doctor` ends with.

    Attributes:
        lines: What it says of each check, in order.
        exit_code: That of the first check that has failed; 0 if none has.
    """

    lines: tuple[Line, ...]
    exit_code: int


def ok(found: str) -> Answer:
    """Return an answer: all is well."""
    return Answer("ok", found)


def warning(found: str, mend: str) -> Answer:
    """Return an answer: something is odd, and the device can take part all the same."""
    return Answer("warning", found, mend)


def skipped(found: str, *, blocks: bool = False) -> Answer:
    """Return an answer: there is nothing to look at, or nobody may; `blocks` says that others cannot be made either."""
    return Answer("skipped", found, blocks=blocks)


def failed(error: MfptError) -> Answer:
    """Return an answer: it is as an error says, whose message names the mend after its first semicolon."""
    found, _, mend = str(error).partition("; ")
    return Answer("failed", found, mend, error.exit_code, blocks=True)


async def examine(checks: Sequence[Check]) -> Examined:
    """Make checks in their order, and return what they come to."""
    answers: dict[str, Answer] = {}
    causes: dict[str, str] = {}  # check that cannot be relied on -> the first one that is to blame
    for check in checks:
        cause = next((causes[name] for name in check.needs if name in causes), None)
        answer = skipped(f"not looked at: see {cause}", blocks=True) if cause else await _made(check)
        answers[check.name] = answer
        if answer.blocks:
            causes[check.name] = cause or check.name
    lines = tuple(
        Line(check=name, level=one.level, found=one.found, mend=one.mend, exit_code=one.exit_code)
        for name, one in answers.items()
    )
    return Examined(lines=lines, exit_code=next((line.exit_code for line in lines if line.level == "failed"), 0))


async def _made(check: Check) -> Answer:
    try:
        return await check.look()
    except MfptError as error:
        answer = failed(error)
    except OSError as error:
        known = explained(error)
        if known is None:
            raise
        answer = failed(known)
    return answer if answer.mend else answer._replace(mend=check.mend)
