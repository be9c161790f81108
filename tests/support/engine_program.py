"""An engine's program for tests: loads what a word orders, and asks and tells what belongs to it."""

import logging
import os
import sys
from pathlib import Path

from mfpt_edge.engine.engine import Engine
from mfpt_edge.engine.owner import Owner
from mfpt_edge.engine.service import serve
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.errors import DatasetError
from support.arithmetic import ArithmeticTrainer

_log = logging.getLogger("support.engine_program")


class Nobody:
    """No owner is there. See mfpt_edge.engine.owner.Owner."""

    def is_there(self) -> bool:
        return False

    def answer(self, question: str) -> str:
        raise AssertionError(f"nobody can be asked {question}")


def engine(idle_seconds: float = 60.0) -> Engine:
    """Return an engine that runs this program, in an environment where it finds what it imports."""
    environment = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return Engine((sys.executable, str(Path(__file__))), idle_seconds=idle_seconds, environment=environment)


def _load(order: bytes, owner: Owner) -> Trainer:
    word, _, rest = order.decode().partition(" ")
    match word:
        case "ask":
            answers = [owner.answer(question) for question in ("How many?", "Really?")]
            _log.info("%s, %s", *answers)
            return ArithmeticTrainer(int(answers[0] or 0))
        case "refuse":
            raise DatasetError(rest)
        case "file":
            text = Path(rest).read_text(encoding="utf-8")
            _log.info("read %s", text)
            return ArithmeticTrainer(int(text))
        case "tiny":
            from support.engine_backbone import tiny_trainer

            return tiny_trainer(Path(rest))
        case _:
            return ArithmeticTrainer()


if __name__ == "__main__":
    serve(_load)
