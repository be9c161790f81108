"""Questions to the owner of a device, as a page shows them and takes the answers."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from mfpt_edge.page.owner import Choice, OwnerAtPage, Question, read_question
from mfpt_shared.errors import UsageError

SECONDS = 5


def asked(owner: OwnerAtPage, question: str) -> "Future[str]":
    """Ask in a thread, and return once the question stands."""
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(owner.answer, question)
    pool.shutdown(wait=False)
    stands = threading.Event()
    while owner.question is None:
        stands.wait(0.001)
    return answer


def test_a_question_for_yes_or_no_has_no_brackets() -> None:
    assert read_question(3, "Allow it? [y/N]") == Question(number=3, text="Allow it?", kind="yes or no")


def test_numbered_answers_become_choices() -> None:
    question = read_question(1, "Which one is it?\n  1 politics\n  2 sports (spelt alike)\nnumber or name:")

    assert question.kind == "choice"
    assert question.text == "Which one is it?"
    assert question.choices == (
        Choice(answer="1", text="politics"),
        Choice(answer="2", text="sports (spelt alike)"),
    )


def test_an_answer_ends_the_question() -> None:
    owner = OwnerAtPage()
    answer = asked(owner, "Train on it? [y/N]")
    assert owner.question is not None
    owner.take(owner.question.number, "yes")

    assert answer.result(SECONDS) == "yes"
    assert owner.question is None


def test_an_answer_to_an_earlier_question_is_refused() -> None:
    owner = OwnerAtPage()
    answer = asked(owner, "First? [y/N]")
    owner.take(1, "no")
    assert answer.result(SECONDS) == "no"
    second = asked(owner, "Second? [y/N]")

    with pytest.raises(UsageError, match="not asked any more"):
        owner.take(1, "yes")
    owner.take(2, "no")
    assert second.result(SECONDS) == "no"


def test_nobody_answers_when_the_device_ends() -> None:
    owner = OwnerAtPage()
    answer = asked(owner, "Train on it? [y/N]")
    owner.leave()

    assert answer.result(SECONDS) == ""
    assert not owner.is_there()
    assert owner.answer("And now? [y/N]") == ""
