"""Pauses between the steps of training, so that the machine stays usable for the person at it. Needs no torch."""

import logging
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mfpt_edge.host.hours import Hours
from mfpt_shared.device.own_share import Trials
from mfpt_shared.device.trainer import Measured, OnProgress, Trainer, Tuned
from mfpt_shared.tensors import PromptState

_log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""Time between two looks at load and battery, and the shortest pause."""
SLICE_SECONDS: Final = 0.5
"""Time within a pause between two checks whether the training was cancelled."""
_MINUTE: Final = 60.0
"""Time constant of the 1-minute load average, seconds. Source: Linux kernel/sched/loadavg.c, EXP_1."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What can be asked of the machine.

    Attributes:
        load: Returns the 1-minute load average.
        on_battery: Tells whether the machine runs on battery.
        clock: Returns the time, seconds.
        wait: Waits for a number of seconds.
        local_time: Returns the time of day where the machine is.
    """

    load: Callable[[], float]
    on_battery: Callable[[], bool]
    clock: Callable[[], float]
    wait: Callable[[float], None]
    local_time: Callable[[], datetime] = datetime.now


@dataclass(frozen=True, slots=True)
class Pauses:
    """When training waits.

    Attributes:
        max_load: Load average of other programs above which training waits; None: it does not matter.
        on_battery: Whether training waits while the machine runs on battery.
        hours: Hours of the day outside which training waits; None: it trains at any time.
        is_paused: Whether the owner lets training wait.
    """

    max_load: float | None = None
    on_battery: bool = False
    hours: Hours | None = None
    is_paused: bool = False

    @property
    def is_any(self) -> bool:
        """Whether there is anything to look at."""
        return self != Pauses()


class Courtesy:
    """Decides when to wait. One thread at a time may train; any other may ask, and change the pauses.

    Attributes:
        reason: Why training waits now, for people; None: it does not.
    """

    def __init__(self, machine: Machine, pauses: Pauses, *, threads: int) -> None:
        """Prepare; the first look is at the next call.

        Args:
            machine: What to look at.
            pauses: When to wait.
            threads: Number of threads that training keeps busy.
        """
        self._machine = machine
        self._pauses = pauses
        self._threads = threads
        self._looked = -math.inf
        self._counted = machine.clock()
        self._own = 0.0
        self._is_working = False
        self._lock = threading.Lock()
        self.reason: str | None = None

    @property
    def pauses(self) -> Pauses:
        """When training waits."""
        return self._pauses

    def change(self, pauses: Pauses) -> None:
        """Let training wait for other reasons from its next step on."""
        with self._lock:
            self._pauses = pauses
            self._looked = -math.inf

    def against_beginning(self) -> str | None:
        """Return why a training that would begin now would have to wait; None: it would not."""
        with self._lock:
            return self._without_load() if self._is_working else self._look(busy=False)

    def give_way(self, check: Callable[[], None]) -> None:
        """Wait while there is a reason to.

        Args:
            check: Called while waiting; may raise to end the wait.
        """
        with self._lock:
            if self._machine.clock() < self._looked + LOOK_SECONDS:
                self._count_own(busy=True)
                return
            self.reason = self._look(busy=True)
        if self.reason is None:
            return
        began = self._machine.clock()
        _log.info("training pauses: %s", self.reason)
        try:
            while self.reason is not None:
                while self._machine.clock() < self._looked + LOOK_SECONDS:
                    check()
                    self._machine.wait(SLICE_SECONDS)
                with self._lock:
                    self.reason = self._look(busy=False)
        finally:
            self.reason = None
        check()
        _log.info("training continues after %.0f s", self._machine.clock() - began)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Count our own threads as busy within the context, and as idle since the last one."""
        with self._lock:
            self._count_own(busy=False)
            self._is_working = True
        try:
            yield
        finally:
            with self._lock:
                self._count_own(busy=True)
                self._is_working = False

    def _look(self, *, busy: bool) -> str | None:
        """Return the reason to wait; None: there is none."""
        self._count_own(busy=busy)
        self._looked = self._counted
        if why := self._without_load():
            return why
        max_load = self._pauses.max_load
        if max_load is not None:
            others = max(0.0, self._machine.load() - self._own)
            if others > max_load:
                return f"other programs make a load of {others:.1f} (--max-load {max_load:g})"
        return None

    def _without_load(self) -> str | None:
        """Return the reason to wait that is not what other programs do; None: there is none."""
        if self._pauses.is_paused:
            return "its owner has paused it (mfpt-edge resume)"
        hours = self._pauses.hours
        if hours is not None and not hours.contain(self._machine.local_time()):
            return f"it trains between {hours} only (--hours)"
        if self._pauses.on_battery and self._machine.on_battery():
            return "the machine runs on battery (--on-battery)"
        return None

    def _count_own(self, *, busy: bool) -> None:
        """Keep an estimate of what our threads add to the load average; it rises and falls as slowly as that does."""
        now = self._machine.clock()
        faded = math.exp(-(now - self._counted) / _MINUTE)
        self._own = self._own * faded + (self._threads if busy else 0) * (1 - faded)
        self._counted = now


class CourteousTrainer:
    """A trainer that gives way to other programs between the steps of training.

    See `mfpt_shared.device.trainer.Trainer`.
    """

    def __init__(self, trainer: Trainer, courtesy: Courtesy) -> None:
        self._trainer = trainer
        self._courtesy = courtesy

    @property
    def pause(self) -> str | None:
        """Why training waits now, for people; None: it does not. Any thread may ask."""
        return self._courtesy.reason

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

    def tune(
        self, start: PromptState, *, epochs: int, seed: int, on_progress: OnProgress, hold_out: bool = False
    ) -> Tuned:
        """See Trainer.tune; `on_progress` is called during pauses too."""

        def report(share: float, loss: float) -> None:
            on_progress(share, loss)
            self._courtesy.give_way(lambda: on_progress(share, loss))

        with self._courtesy.at_work():
            return self._trainer.tune(start, epochs=epochs, seed=seed, on_progress=report, hold_out=hold_out)

    def validate(self, state: PromptState) -> Measured:
        """See Trainer.validate."""
        with self._courtesy.at_work():
            return self._trainer.validate(state)

    def test(self, state: PromptState) -> Measured:
        """See Trainer.test."""
        with self._courtesy.at_work():
            return self._trainer.test(state)

    def try_shares(self, state: PromptState) -> Trials | None:
        """See Trainer.try_shares."""
        with self._courtesy.at_work():
            return self._trainer.try_shares(state)

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        """See Trainer.with_own_head."""
        with self._courtesy.at_work():
            return self._trainer.with_own_head(state, share)
