"""What crosses from an engine to its device besides results: errors, lines of the log, questions."""

import contextlib
import logging
from collections.abc import Iterator

import numpy as np
import pytest

from mfpt_edge.engine.messages import Failed
from mfpt_edge.engine.refusals import error_of, failure_of
from mfpt_edge.engine.remote_trainer import RemoteTrainer
from mfpt_shared import errors
from mfpt_shared.errors import Damaged, DatasetError, MfptError
from mfpt_shared.logs import JsonLines
from support.arithmetic import BREAKS, PRINTS, REFUSES, TELLS
from support.engine_program import Nobody, engine

STATE = {"prompt": np.ones((2, 2), np.float32)}


class Scribbler:
    """An owner who answers from a list, and remembers what was asked. See mfpt_edge.engine.owner.Owner."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def is_there(self) -> bool:
        return True

    def answer(self, question: str) -> str:
        self.asked.append(question)
        return self.answers.pop(0)


@pytest.fixture(scope="module")
def trainer() -> Iterator[RemoteTrainer]:
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    with contextlib.closing(engine()) as running:
        yield RemoteTrainer(running, b"arithmetic", Nobody())
    logging.getLogger().setLevel(before)


def tune(trainer: RemoteTrainer, seed: int) -> None:
    trainer.tune(STATE, epochs=1, seed=seed, on_progress=lambda *_: None)


def test_an_error_keeps_its_class_and_what_it_says(trainer: RemoteTrainer) -> None:
    with pytest.raises(Damaged, match=r"^the abacus: a bead is missing; buy another one$"):
        tune(trainer, REFUSES)


def test_a_bug_is_an_error_that_says_so(trainer: RemoteTrainer) -> None:
    with pytest.raises(MfptError, match="unexpected ZeroDivisionError: seven by nothing") as caught:
        tune(trainer, BREAKS)
    assert type(caught.value) is MfptError


def test_every_class_of_errors_crosses() -> None:
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, MfptError)]
    assert len(classes) > 15
    assert [type(error_of(failure_of(one("text")))) for one in classes] == classes


def test_an_error_of_a_class_that_is_unknown_keeps_what_it_says() -> None:
    error = error_of(Failed("OfTomorrow", "something new"))
    assert type(error) is MfptError
    assert str(error) == "something new"


def test_lines_of_the_log_keep_logger_level_and_traceback(
    trainer: RemoteTrainer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tune(trainer, TELLS)
    told = [(one.levelname, one.getMessage()) for one in caplog.records if one.name == "support.arithmetic"]
    assert told == [("INFO", "counting 7 beads"), ("DEBUG", "each one"), ("WARNING", "a bead fell")]
    fallen = next(one for one in caplog.records if one.levelname == "WARNING")
    assert "ZeroDivisionError: seven by nothing" in JsonLines().format(fallen)


def test_lines_below_the_devices_own_level_are_not_told(
    trainer: RemoteTrainer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    tune(trainer, TELLS)
    assert [one.getMessage() for one in caplog.records if one.name == "support.arithmetic"] == ["a bead fell"]


def test_what_libraries_print_is_no_message(trainer: RemoteTrainer) -> None:
    tune(trainer, PRINTS)
    assert trainer.validate(STATE).examples == 3


def test_questions_reach_the_owner_and_his_answers_come_back() -> None:
    owner = Scribbler("12", "yes")
    with contextlib.closing(engine()) as running:
        assert RemoteTrainer(running, b"ask", owner).examples == 12
    assert owner.asked == ["How many?", "Really?"]


@pytest.mark.slow
def test_where_no_owner_is_there_questions_have_no_answer() -> None:
    with contextlib.closing(engine()) as running:
        assert RemoteTrainer(running, b"ask", Nobody()).examples == 0


@pytest.mark.slow
def test_what_cannot_be_loaded_is_an_error_and_leaves_no_process() -> None:
    with contextlib.closing(engine()) as running:
        with pytest.raises(DatasetError, match=r"^own\.csv: no rows$"):
            RemoteTrainer(running, b"refuse own.csv: no rows", Nobody())
        assert running.pid is None
