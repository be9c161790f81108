"""The engine's own side: it loads a trainer, answers requests one by one, and ends with the device's process."""

import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn, assert_never

import msgspec

from mfpt_edge.engine.messages import (
    Answer,
    Done,
    FitHead,
    Fitted,
    GoOn,
    Line,
    Load,
    Loaded,
    Measurement,
    PackedState,
    Progress,
    Question,
    Request,
    Result,
    Stopped,
    Test,
    ToEngine,
    Tried,
    TryShares,
    Tune,
    TunedState,
    Validate,
    pack,
    unpack,
)
from mfpt_edge.engine.owner import Owner
from mfpt_edge.engine.refusals import failure_of
from mfpt_edge.engine.wire import Closed, Receiving, Sending
from mfpt_shared.device.own_share import Trials
from mfpt_shared.device.trainer import Measured, Trainer
from mfpt_shared.environment import explained
from mfpt_shared.errors import MfptError
from mfpt_shared.logs import quieten_libraries
from mfpt_shared.streams import open_streams
from mfpt_shared.system.memory import peak_rss_bytes
from mfpt_shared.tensors import PromptState

LoadTrainer = Callable[[bytes, Owner], Trainer]
"""Loads what an order says; it may ask the owner."""

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2
# The device's process decides when this one ends, and closes the pipe; so it does when it ends itself, however it does.
_IGNORED: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")

_log = logging.getLogger(__name__)


class _Stop(Exception):
    """The device wants the training stopped; not an error."""


class _Link:
    """The way to the device's process."""

    def __init__(self, receiving: Receiving[ToEngine], sending: Sending) -> None:
        self._receiving = receiving
        self._sending = sending
        self._messages: queue.SimpleQueue[ToEngine] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True, name="mfpt-device").start()

    def receive(self) -> ToEngine:
        return self._messages.get()

    def send(self, message: Line | Progress | Question | Done) -> None:
        try:
            self._sending.send(message)
        except Closed:
            os._exit(0)

    def _read(self) -> None:
        """Read what comes, whatever else this process does, and end it as soon as nothing comes any more."""
        try:
            while True:
                self._messages.put(self._receiving.receive())
        except Closed:
            os._exit(0)


class _FarOwner:
    """The owner, asked through the device's process. See Owner."""

    def __init__(self, link: _Link, *, is_there: bool) -> None:
        self._link = link
        self._is_there = is_there

    def is_there(self) -> bool:
        """See Owner.is_there."""
        return self._is_there

    def answer(self, question: str) -> str:
        """See Owner.answer."""
        if not self._is_there:
            return ""
        self._link.send(Question(question))
        answer = self._link.receive()
        assert isinstance(answer, Answer), "a question waits for its answer"
        return answer.text


class _Lines(logging.Handler):
    """Sends lines of the log to the device's process."""

    def __init__(self, link: _Link) -> None:
        super().__init__()
        self._link = link
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        traceback = self._formatter.formatException(record.exc_info) if record.exc_info else None
        self._link.send(Line(record.name, record.levelno, record.getMessage(), traceback))


class _Service:
    """Answers requests."""

    def __init__(self, link: _Link, load: LoadTrainer) -> None:
        self._link = link
        self._load = load
        self._trainer: Trainer | None = None
        self._newest: tuple[PackedState, PromptState] | None = None

    def run(self) -> NoReturn:
        """Answer until the device's process closes the pipe, which ends this one."""
        while True:
            request = self._link.receive()
            assert not isinstance(request, GoOn | Answer), "these come only after what they answer"
            self._link.send(Done(self._answered(request), peak_rss_bytes()))

    def _answered(self, request: Request) -> Result:
        try:
            return self._done(request)
        except _Stop:
            return Stopped()
        except MfptError as error:
            return failure_of(error)
        except Exception as error:  # noqa: BLE001 - a bug ends what was asked for, as it does in the device's process
            _log.debug("the traceback of what failed in the engine", exc_info=True)
            known = explained(error) or MfptError(f"unexpected {type(error).__name__}: {error}")
            return failure_of(known)

    def _done(self, request: Request) -> Result:
        if isinstance(request, Load):
            return self._loaded(request)
        trainer = self._trainer
        assert trainer is not None, "the first request loads"
        match request:
            case Tune(start, epochs, seed, hold_out):
                state = self._state(start)
                tuned = trainer.tune(state, epochs=epochs, seed=int(seed), on_progress=self._report, hold_out=hold_out)
                return TunedState(pack(tuned.state), tuned.loss, tuned.epochs)
            case Validate(state):
                return _measurement(trainer.validate(self._state(state)))
            case Test(state):
                return _measurement(trainer.test(self._state(state)))
            case TryShares(state):
                trials = trainer.try_shares(self._state(state))
                return Tried() if trials is None else _tried(trials)
            case FitHead(state, share):
                return Fitted(pack(trainer.with_own_head(self._state(state), share)))
            case _:
                assert_never(request)

    def _loaded(self, request: Load) -> Loaded:
        logging.getLogger().setLevel(request.level)
        quieten_libraries(debug=request.level <= logging.DEBUG)
        trainer = self._load(request.order, _FarOwner(self._link, is_there=request.has_owner))
        self._trainer = trainer
        return Loaded(trainer.examples, trainer.fingerprint, trainer.device)

    def _state(self, packed: PackedState) -> PromptState:
        """Return a state; the same object where the same one comes again, for which a trainer may remember things."""
        if self._newest is None or self._newest[0] != packed:
            self._newest = packed, unpack(packed)
        return self._newest[1]

    def _report(self, share: float, loss: float) -> None:
        self._link.send(Progress(share, loss))
        answer = self._link.receive()
        assert isinstance(answer, GoOn), "progress waits for its answer"
        if not answer.is_wanted:
            raise _Stop


def _tried(trials: Trials) -> Tried:
    return Tried(tuple(trials.shares), tuple(trials.losses), trials.answers, tuple(trials.accuracies))


def _measurement(measured: Measured) -> Measurement:
    return Measurement(measured.accuracy, measured.loss, measured.examples, measured.tallies)


def serve(load: LoadTrainer) -> NoReturn:
    """Be the engine of the process that started this one, through standard input and output, until it ends.

    Args:
        load: Loads what the device orders.
    """
    for name in _IGNORED:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, signal.SIG_IGN)
    open_streams()
    link = _Link(*_private_pipes())
    logging.basicConfig(handlers=[_Lines(link)], force=True)
    _Service(link, load).run()


def _private_pipes() -> tuple[Receiving[ToEngine], Sending]:
    """Take standard input and output away from everything else here: what libraries print goes to standard error."""
    sys.stdout.flush()
    read, write = os.fdopen(os.dup(_STDIN), "rb"), os.fdopen(os.dup(_STDOUT), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    os.dup2(_STDERR, _STDOUT)
    return Receiving(read, msgspec.msgpack.Decoder(ToEngine)), Sending(write)
