"""When an engine's process begins and ends."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mfpt_edge.engine.engine import Engine
from mfpt_edge.engine.process import EngineEnded
from mfpt_edge.engine.remote_trainer import RemoteTrainer
from support.arithmetic import DIES, HANGS_ON
from support.engine_program import Nobody, engine
from support.inbox import SECONDS

STATE = {"prompt": np.ones((2, 2), np.float32)}

HOLDER = """
import numpy, sys
from mfpt_edge.engine.remote_trainer import RemoteTrainer
from support.engine_program import Nobody, engine
running = engine()
trainer = RemoteTrainer(running, b"arithmetic", Nobody())
print(running.pid, flush=True)
def wait(share, loss):
    sys.stdin.read()
trainer.tune({"prompt": numpy.ones((2, 2), numpy.float32)}, epochs=1, seed=int(sys.argv[1]), on_progress=wait)
"""
"""A program that is in the middle of a training."""


def tune(trainer: RemoteTrainer, seed: int = 0) -> None:
    trainer.tune(STATE, epochs=1, seed=seed, on_progress=lambda *_: None)


class Waiting(threading.Thread):
    """Trains in a thread, and keeps the error that ends it."""

    def __init__(self, trainer: RemoteTrainer) -> None:
        super().__init__(daemon=True)
        self._trainer = trainer
        self.error: EngineEnded | None = None
        self.start()

    def run(self) -> None:
        try:
            tune(self._trainer, HANGS_ON)
        except EngineEnded as error:
            self.error = error


def rested(running: Engine) -> None:
    """Wait until an engine's process has ended by itself."""
    timer = next(one for one in threading.enumerate() if isinstance(one, threading.Timer))
    timer.join(SECONDS)
    assert running.pid is None


def test_a_killed_process_is_an_error_that_says_what_to_do_and_the_next_call_has_another() -> None:
    with contextlib.closing(engine()) as running:
        trainer = RemoteTrainer(running, b"arithmetic", Nobody())
        first = running.pid
        with pytest.raises(EngineEnded, match=r"was killed, .* memory .* \(--memory\)"):
            tune(trainer, DIES)
        tune(trainer)
        assert running.pid not in (None, first)


def test_a_process_that_has_nothing_to_do_ends_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    file = tmp_path / "examples"
    file.write_text("10", encoding="utf-8")
    with contextlib.closing(engine(idle_seconds=0.01)) as running:
        trainer = RemoteTrainer(running, f"file {file}".encode(), Nobody())
        assert "read 10" in caplog.text
        rested(running)
        file.write_text("11", encoding="utf-8")
        tune(trainer)
        assert trainer.examples == 11
        assert "read 11" not in caplog.text, "what is loaded again is not told again"


@pytest.mark.slow
def test_a_process_is_not_ended_while_it_computes() -> None:
    with contextlib.closing(engine(idle_seconds=0.0)) as running:
        trainer = RemoteTrainer(running, b"arithmetic", Nobody())
        shares = list[float]()

        def wait(share: float, _loss: float) -> None:
            shares.append(share)
            assert not any(isinstance(one, threading.Timer) for one in threading.enumerate())

        trainer.tune(STATE, epochs=3, seed=0, on_progress=wait)
        assert len(shares) == 3


@pytest.mark.slow
def test_another_trainer_takes_the_engine_and_gets_it_back() -> None:
    with contextlib.closing(engine()) as running:
        first = RemoteTrainer(running, b"arithmetic", Nobody())
        ours = running.pid
        second = RemoteTrainer(running, b"arithmetic again", Nobody())
        theirs = running.pid
        assert theirs != ours
        tune(second)
        assert running.pid == theirs
        tune(first)
        assert running.pid not in (ours, theirs)


@pytest.mark.slow
def test_closing_ends_a_process_that_is_busy_and_no_other_is_started() -> None:
    running = engine()
    trainer = RemoteTrainer(running, b"arithmetic", Nobody())
    waiting = Waiting(trainer)
    running.close()
    waiting.join(SECONDS)
    assert waiting.error is not None
    with pytest.raises(EngineEnded, match="ending"):
        tune(trainer)
    assert running.pid is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_asks_the_device_to_end_does_not_end_its_engine_first(name: str) -> None:
    with contextlib.closing(engine()) as running:
        trainer = RemoteTrainer(running, b"arithmetic", Nobody())
        pid = running.pid
        assert pid is not None
        os.kill(pid, getattr(signal, name))
        tune(trainer)
        assert running.pid == pid


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, HANGS_ON], ids=["waiting for the device", "computing"])
def test_an_engine_ends_with_its_device_however_that_ends(seed: int) -> None:
    environment = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    os.kill(pid, 0)  # it is there
    holder.kill()
    # The engine writes its standard error where its device does: the pipe ends when both are gone.
    _, errors = holder.communicate(timeout=SECONDS)
    assert errors == b""


@pytest.mark.slow
def test_a_program_that_is_no_engine_is_an_error_with_its_exit_code() -> None:
    running = Engine((sys.executable, "-c", "raise SystemExit(3)"))
    with contextlib.closing(running), pytest.raises(EngineEnded, match=r"\(exit code 3\)"):
        RemoteTrainer(running, b"", Nobody())


@pytest.mark.slow
def test_the_most_memory_that_any_process_held_is_known() -> None:
    with contextlib.closing(engine()) as running:
        trainer = RemoteTrainer(running, b"arithmetic", Nobody())
        before = running.peak_bytes
        tune(trainer)
        assert running.peak_bytes >= before > 10_000_000
