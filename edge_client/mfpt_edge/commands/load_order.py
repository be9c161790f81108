"""What a device that joins has its engine load. Needs neither torch nor what reads data."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.commands.join_config import DataSource, Limits
from mfpt_edge.engine.engine import Engine
from mfpt_edge.engine.owner import Owner
from mfpt_edge.engine.remote_trainer import RemoteTrainer
from mfpt_edge.session.limits import Given
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.languages import LanguageCode
from mfpt_shared.system.memory import resident_bytes

# Without the working folder on the path (-P): a file there may bear the name of a library.
TRAINING: Final = (sys.executable, "-P", "-m", "mfpt_edge.commands.training_process")
"""Command line of the process that loads and trains."""


class LoadOrder(msgspec.Struct, frozen=True):
    """What to load, and within which limits.

    Attributes:
        plan: What binds devices of the plan, as JSON; see `Plan.binding`.
        language: Language of the device.
        folder: State folder of the device, where answers are kept.
        data: Where the examples come from.
        limits: What training may use of the machine.
        given: What the device gives at most.
        yes: Whether the owner goes on with data that teach nothing.
        beside: Bytes that another process of the device holds, which count against `limits.memory` too.
    """

    plan: bytes
    language: LanguageCode
    folder: Path
    data: DataSource
    limits: Limits
    given: Given
    yes: bool
    beside: int = 0

    def encoded(self) -> bytes:
        """Return the order as bytes, for another process."""
        return msgspec.msgpack.encode(self, enc_hook=os.fsencode)

    @classmethod
    def decoded(cls, payload: bytes) -> "LoadOrder":
        """Return the order that `encoded` wrote."""
        return msgspec.msgpack.decode(payload, type=cls, dec_hook=lambda _, raw: Path(os.fsdecode(raw)))


def loading_by(engine: Engine) -> Callable[[LoadOrder, Owner], Trainer]:
    """Return a function that loads what is ordered into an engine of `TRAINING`, and returns a trainer for it."""

    def load(order: LoadOrder, owner: Owner) -> Trainer:
        return RemoteTrainer(engine, msgspec.structs.replace(order, beside=resident_bytes()).encoded(), owner)

    return load
