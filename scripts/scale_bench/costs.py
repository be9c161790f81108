"""What events cost in a federation of one size; each size is measured in a process of its own, so that it has all of
its memory for itself."""

import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypedDict

from mfpt_coord.core.effects import PublishPrompt
from mfpt_coord.core.events import Event, TimePassed
from mfpt_coord.core.machine import step
from mfpt_coord.core.opening import opened
from mfpt_coord.core.prompts import newest_prompt
from mfpt_coord.core.schedule import next_deadline
from mfpt_coord.core.state import State
from mfpt_coord.core.status import federation_status
from mfpt_coord.server.store import SqliteStore
from mfpt_shared.errors import MfptError
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import FederationStatus, Tensors
from mfpt_shared.system.memory import peak_rss_bytes
from scale_bench.federation import BUFFER, Size, all_ready, announced, brought, small_delta

_OPENED: Final = 1000.0
_AT: Final = 1001.0
_EVENTS: Final = 100
_UPDATES: Final = 16
_FOLDS: Final = 5
_STATUSES: Final = 20


class Costs(TypedDict):
    """Medians, and what a process needs in all."""

    ready_us: float
    update_us: float
    fold_us: float
    fold_groups: int
    status_us: float
    turn_us: float
    publish_bytes: int
    status_bytes: int
    memory_bytes: int
    start_s: float


def measure(size: Size, file: Path) -> Costs:
    """Start a coordinator's core from its database, let all devices come, and measure.

    Raises:
        MfptError: The database holds no federation, or the core does not take an update.
    """
    began = time.perf_counter()
    loaded = SqliteStore(file).load()
    if loaded is None:
        raise MfptError(f"{file} holds no federation")
    state, _ = step(opened(loaded, _OPENED), TimePassed(_OPENED))
    start = time.perf_counter() - began
    state = all_ready(size, state, _AT)
    delta = small_delta(state.plan)
    half, nearly = _filled(state, delta, BUFFER // 2), _filled(state, delta, BUFFER - 1)
    folds, published = _folds(nearly, delta)
    statuses = [_timed(lambda: encode(_status(half))) for _ in range(_STATUSES)]
    return {
        "ready_us": _microseconds(_steps(half, (announced(size, half, name, _AT) for name in _spread(size)))),
        "update_us": _microseconds(_updates(half, delta)),
        "fold_us": _microseconds(folds),
        "fold_groups": sum(map(len, nearly.clients.indices.crowds.values())),
        "status_us": _microseconds(statuses),
        "turn_us": _microseconds(_timed(lambda: _turn(half)) for _ in range(_EVENTS)),
        "publish_bytes": published,
        "status_bytes": len(encode(_status(half))),
        "memory_bytes": peak_rss_bytes(),
        "start_s": round(start, 3),
    }


def _spread(size: Size) -> list[str]:
    """Return some devices from everywhere among all."""
    return size.names[:: max(1, size.devices // _EVENTS)][:_EVENTS]


def _at_work(state: State, number: int) -> list[str]:
    working = (name for devices in state.clients.indices.working.values() for _, name in devices)
    return sorted(working)[:number]


def _filled(state: State, delta: Tensors, number: int) -> State:
    """Return a state with so many updates in its buffer."""
    while len(state.buffer) < number:
        if not (working := _at_work(state, 1)):
            raise MfptError(f"nobody is at work; the buffer has {len(state.buffer)} of {number} updates")
        taken, _ = step(state, brought(state, working[0], delta, _AT))
        if len(taken.buffer) == len(state.buffer):
            raise MfptError(f"an update was not taken; the buffer has {len(state.buffer)} of {number} updates")
        state = taken
    return state


def _updates(state: State, delta: Tensors) -> list[float]:
    """Return the seconds of accepted updates, none of which fills the buffer."""
    return _steps(state, [brought(state, name, delta, _AT) for name in _at_work(state, _UPDATES)])


def _folds(state: State, delta: Tensors) -> tuple[list[float], int]:
    """Return the seconds of updates that fill the buffer, and the bytes of the prompts that follow."""
    last = brought(state, _at_work(state, 1)[0], delta, _AT)
    seconds = _steps(state, [last]) + [_steps(state, [last])[0] for _ in range(_FOLDS - 1)]
    after, effects = step(state, last)
    prompts = [newest_prompt(after, effect.language) for effect in effects if isinstance(effect, PublishPrompt)]
    return seconds, sum(len(encode(prompt)) for prompt in prompts)


def _steps(state: State, events: Iterable[Event]) -> list[float]:
    """Return the seconds of each of some events, one after the other."""
    seconds = []
    for event in events:
        began = time.process_time()
        state, _ = step(state, event)
        seconds.append(time.process_time() - began)
    return seconds


def _status(state: State) -> FederationStatus:
    return federation_status(state, started=_OPENED, at=_AT)


def _turn(state: State) -> float:
    """Do what the coordinator's loop does when nothing is heard."""
    looked, _ = step(state, TimePassed(_AT))
    return next_deadline(looked, _AT)


def _timed(run: Callable[[], object]) -> float:
    """Return the seconds of processor time that something takes: a busy machine makes them no longer."""
    began = time.process_time()
    run()
    return time.process_time() - began


def _microseconds(seconds: Iterable[float]) -> float:
    return round(statistics.median(seconds) * 1e6, 1)
