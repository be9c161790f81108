"""What a device's process and its engine, the process that trains for it, say to each other.

The device sends one request at a time, and the engine answers with `Done`. Before that it may send any number of
lines for the log, and of questions and progress, each of which waits for its answer.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from mfpt_shared.device.trainer import Tally
from mfpt_shared.tensors import Array, PromptState

_FLOAT32 = np.dtype("<f4")


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """An array: its shape, and its values in float32, little-endian, row by row."""

    shape: tuple[int, ...]
    values: bytes


PackedState = Mapping[str, Packed]


def pack(state: PromptState) -> PackedState:
    """Return a state as bytes."""
    return {name: Packed(array.shape, array.astype(_FLOAT32, copy=False).tobytes()) for name, array in state.items()}


def unpack(packed: PackedState) -> dict[str, Array]:
    """Return a state whose arrays are its own."""
    return {
        name: np.frombuffer(one.values, _FLOAT32).astype(np.float32).reshape(one.shape) for name, one in packed.items()
    }


class Load(msgspec.Struct, frozen=True, tag=True):
    """Load data and backbone; the first request. Answered with `Loaded`.

    Attributes:
        order: What to load, as whoever loads understands it.
        has_owner: Whether the owner can be asked.
        level: Lowest level of the log's lines that are wanted, as `logging` counts.
    """

    order: bytes
    has_owner: bool
    level: int


class Tune(msgspec.Struct, frozen=True, tag=True):
    """See Trainer.tune. Answered with `TunedState` or `Stopped`; the seed, a large number, is written in decimal."""

    start: PackedState
    epochs: int
    seed: str
    hold_out: bool


class Validate(msgspec.Struct, frozen=True, tag=True):
    """See Trainer.validate. Answered with `Measurement`."""

    state: PackedState


class Test(msgspec.Struct, frozen=True, tag=True):
    """See Trainer.test. Answered with `Measurement`."""

    state: PackedState


class TryShares(msgspec.Struct, frozen=True, tag=True):
    """See Trainer.try_shares. Answered with `Tried`."""

    state: PackedState


class FitHead(msgspec.Struct, frozen=True, tag=True):
    """See Trainer.with_own_head. Answered with `Fitted`."""

    state: PackedState
    share: float


Request = Load | Tune | Validate | Test | TryShares | FitHead


class GoOn(msgspec.Struct, frozen=True, tag=True):
    """Answer to `Progress`: go on, or stop."""

    is_wanted: bool


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Answer to `Question`."""

    text: str


ToEngine = Request | GoOn | Answer


class Line(msgspec.Struct, frozen=True, tag=True):
    """A line for the log.

    Attributes:
        logger: Name of the logger.
        level: Level, as `logging` counts.
        text: What it says.
        traceback: Traceback below it; None: there is none.
    """

    logger: str
    level: int
    text: str
    traceback: str | None = None


class Progress(msgspec.Struct, frozen=True, tag=True):
    """See OnProgress."""

    share: float
    loss: float


class Question(msgspec.Struct, frozen=True, tag=True):
    """A question to the owner."""

    text: str


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """What is loaded; see the properties of Trainer."""

    examples: int
    fingerprint: str
    device: str


class TunedState(msgspec.Struct, frozen=True, tag=True):
    """See Tuned."""

    state: PackedState
    loss: float
    epochs: int


class Measurement(msgspec.Struct, frozen=True, tag=True):
    """See Measured."""

    accuracy: float
    loss: float
    examples: int
    tallies: tuple[Tally, ...]


class Tried(msgspec.Struct, frozen=True, tag=True):
    """See Trials; without shares, nothing could be tried."""

    shares: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    answers: int = 0
    accuracies: tuple[float, ...] = ()


class Fitted(msgspec.Struct, frozen=True, tag=True):
    """A federated prompt with an own head."""

    state: PackedState


class Stopped(msgspec.Struct, frozen=True, tag=True):
    """The training was stopped in between, as the device wished."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """An error for people.

    Attributes:
        kind: Name of its class in `mfpt_shared.errors`.
        text: What it says.
    """

    kind: str
    text: str


Result = Loaded | TunedState | Measurement | Tried | Fitted | Stopped | Failed


class Done(msgspec.Struct, frozen=True, tag=True):
    """A request is done.

    Attributes:
        result: What came of it.
        peak_bytes: Most memory that the engine has held so far.
    """

    result: Result
    peak_bytes: int


FromEngine = Line | Progress | Question | Done
