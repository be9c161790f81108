"""A volunteer's device that gets plans, in a process of its own: prepares as `mfpt-edge join` does, and trains once.

Reads a `Volunteer` from its argument, and prints a `Report`. Whatever asks a question gets what is on stdin.
"""

import sys
from pathlib import Path
from typing import Final

import msgspec

from mfpt_edge.commands.asking import OwnerAtTerminal
from mfpt_edge.commands.join_config import Allowed, DataSource, JoinConfig, Limits, Retries
from mfpt_edge.commands.loading import load
from mfpt_edge.commands.prepare import courtesy_of, prepare
from mfpt_edge.commands.reach import Reach
from mfpt_edge.data.columns import Columns
from mfpt_shared.errors import MfptError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan_files import plan_from_json
from mfpt_shared.system.memory import peak_rss_bytes
from mfpt_shared.tensors import initial_state
from mfpt_shared.transport.address import BrokerAddress
from mfpt_shared.transport.connection import Connection
from mfpt_shared.transport.proxy import Proxies
from mfpt_shared.transport.security import Security

_ROUND_SECONDS: Final = 60.0
_DOWNLOAD_BYTES: Final = 2_000_000_000
_CACHE_BYTES: Final = 200_000_000


class Volunteer(msgspec.Struct, frozen=True):
    """What the owner of the device has said.

    Attributes:
        plans: Plans that came, one after the other, as JSON.
        data: The owner's own data; None: the plan's.
        allowed: Backbones that the owner has named.
        yes: Whether the owner allows what comes from the hub.
        memory: Bytes that the process may hold; None: a share of what is free.
    """

    plans: tuple[str, ...]
    data: str | None = None
    allowed: tuple[str, ...] = ()
    yes: bool = False
    memory: int | None = None


class Report(msgspec.Struct, frozen=True):
    """What became of it.

    Attributes:
        errors: For each plan the name of the error and what it says; None: the device has trained.
        peak: Most memory that the process held, bytes.
    """

    errors: tuple[tuple[str, str] | None, ...]
    peak: int


def _config(given: Volunteer) -> JoinConfig:
    nowhere = Connection((BrokerAddress("127.0.0.1", 1),))
    return JoinConfig(
        language=LanguageCode("swh"),
        federation="default",
        reach=Reach(None, nowhere, None, Security(), Proxies(), None),
        state_dir=Path("state").absolute(),
        data=DataSource(given.data, Columns(), None),
        retries=Retries(1, 1),
        limits=Limits("cpu", 1, _CACHE_BYTES, given.memory, _ROUND_SECONDS, _DOWNLOAD_BYTES),
        allowed=Allowed(given.allowed, given.yes),
        rounds=1,
        leave_after=0.0,
        alone=False,
    )


def main() -> None:
    given = msgspec.json.decode(sys.argv[1], type=Volunteer)
    errors = tuple(_problem(_config(given), plan) for plan in given.plans)
    sys.stdout.buffer.write(msgspec.json.encode(Report(errors, peak_rss_bytes())) + b"\n")


def _problem(config: JoinConfig, text: str) -> tuple[str, str] | None:
    try:
        plan = plan_from_json(text.encode())
        trainer = prepare(config, plan, OwnerAtTerminal(), courtesy_of(config.limits), load)
        trainer.tune(initial_state(plan), epochs=1, seed=0, on_progress=lambda *_: None)
    except MfptError as problem:
        return type(problem).__name__, str(problem)
    return None


if __name__ == "__main__":
    main()
