"""Pauses between the steps of training, so that a machine stays usable for whoever sits before it. Needs no torch."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from mfpt_shared.device.trainer import Measured, OnProgress, Trainer, Tuned
from mfpt_shared.tensors import PromptState

_log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""How often it looks; a pause lasts as long at least."""
SLICE_SECONDS: Final = 0.5
"""How often a pause asks whether somebody wants the training to end."""
# Source: Linux kernel/sched/loadavg.c, EXP_1: the load average forgets within a minute.
_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine tells, as functions.

    Attributes:
        load: the 1-minute load average.
        on_battery: whether it runs on battery.
        clock: seconds.
        wait: for so many seconds.
    """

    load: Callable[[], float]
    on_battery: Callable[[], bool]
    clock: Callable[[], float]
    wait: Callable[[float], None]


class Courtesy:
    """Decides when to wait. One thread at a time may use it."""

    def __init__(self, machine: Machine, *, threads: int, max_load: float | None, pause_on_battery: bool) -> None:
        """Look for the first time at the next call.

        Args:
            machine: what to look at.
            threads: that training keeps busy.
            max_load: of the others, above which training waits; None: whatever it is.
            pause_on_battery: wait for the mains.
        """
        self._machine = machine
        self._threads = threads
        self._max_load = max_load
        self._pause_on_battery = pause_on_battery
        self._looked = -math.inf
        self._counted = machine.clock()
        self._own = 0.0

    def give_way(self, check: Callable[[], None]) -> None:
        """Return once nobody is in the way.

        Args:
            check: called while waiting; may raise to end it.
        """
        if self._machine.clock() < self._looked + LOOK_SECONDS:
            self._count_own(busy=True)
            return
        reason = self._look(busy=True)
        if reason is None:
            return
        began = self._machine.clock()
        _log.info("pausing: %s", reason)
        while reason is not None:
            while self._machine.clock() < self._looked + LOOK_SECONDS:
                check()
                self._machine.wait(SLICE_SECONDS)
            reason = self._look(busy=False)
        check()
        _log.info("going on after %.0f s", self._machine.clock() - began)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Note that within the context our own threads make a load, and that they made none since the last."""
        self._count_own(busy=False)
        try:
            yield
        finally:
            self._count_own(busy=True)

    def _look(self, *, busy: bool) -> str | None:
        """Return what is in the way, if anything is."""
        self._count_own(busy=busy)
        self._looked = self._counted
        if self._pause_on_battery and self._machine.on_battery():
            return "the machine runs on battery (--on-battery)"
        if self._max_load is not None:
            others = max(0.0, self._machine.load() - self._own)
            if others > self._max_load:
                return f"other programs make a load of {others:.1f} (--max-load {self._max_load:g})"
        return None

    def _count_own(self, *, busy: bool) -> None:
        """Follow what our threads add to the load average, which forgets them as slowly as it noticed them."""
        now = self._machine.clock()
        faded = math.exp(-(now - self._counted) / _MINUTE)
        self._own = self._own * faded + (self._threads if busy else 0) * (1 - faded)
        self._counted = now


class CourteousTrainer:
    """A trainer that gives way between the steps of training. See `trainer.Trainer`."""

    def __init__(self, trainer: Trainer, courtesy: Courtesy) -> None:
        self._trainer = trainer
        self._courtesy = courtesy

    @property
    def examples(self) -> int:
        """See Trainer.examples."""
        return self._trainer.examples

    @property
    def fingerprint(self) -> str:
        """See Trainer.fingerprint."""
        return self._trainer.fingerprint

    @property
    def device(self) -> str:
        """See Trainer.device."""
        return self._trainer.device

    def tune(self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress) -> Tuned:
        """See Trainer.tune; `on_progress` is called in pauses too."""

        def report(share: float, loss: float) -> None:
            on_progress(share, loss)
            self._courtesy.give_way(lambda: on_progress(share, loss))

        with self._courtesy.at_work():
            return self._trainer.tune(start, epochs=epochs, seed=seed, on_progress=report)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        with self._courtesy.at_work():
            return self._trainer.validate(state)

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        with self._courtesy.at_work():
            return self._trainer.test(state)
