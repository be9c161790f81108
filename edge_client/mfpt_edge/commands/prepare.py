"""What `mfpt-edge join` does with a plan that came: asks the owner where it must, then loads data and backbone."""

import logging
import os
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Final, Protocol

import msgspec

from mfpt_edge.commands.join_config import DataSource, JoinConfig
from mfpt_edge.data.sources import Dataset, load_dataset
from mfpt_edge.host.cores import usable_cores
from mfpt_edge.host.memory import spare_bytes
from mfpt_edge.host.pauses import CourteousTrainer, Courtesy, Machine
from mfpt_edge.host.power import on_battery
from mfpt_edge.host.time_limit import TimeLimitedTrainer
from mfpt_edge.session import consent
from mfpt_edge.session.limits import Given, asked, check_state, check_weights
from mfpt_edge.storage.answers import Answers
from mfpt_shared.backbones import hub
from mfpt_shared.backbones.describe import locate, parse_uri, weight_bytes
from mfpt_shared.environment import sentence
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Plan
from mfpt_shared.streams import tell
from mfpt_shared.texts import printable_lines

# Torch's matrix libraries cache kernels for every shape of a batch, 150 MB of them on processors with bfloat16.
# Where memory is short they cache fewer, and build them again.
_TIGHT_BYTES: Final = 800_000_000
_SMALL_KERNEL_CACHES: Final = {"LRU_CACHE_CAPACITY": "64", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}

_log = logging.getLogger(__name__)


class Terminal(Protocol):
    """Where the owner is asked."""

    def paused(self) -> AbstractContextManager[None]:
        """Show nothing that moves until the context ends."""


def prepare(config: JoinConfig, plan: Plan, terminal: Terminal) -> CourteousTrainer:
    """Return a trainer for a plan, within what the owner allows.

    Raises:
        NotAllowed: The plan asks for more.
        MfptError: Data or backbone cannot be loaded.
    """
    limits = config.limits
    spare = spare_bytes()
    memory = spare if limits.memory is None else limits.memory
    given = Given(memory, limits.round_seconds, limits.activation_cache, limits.download)
    _log.info("%s", given.sentence())
    check_state(plan, given)
    _ask(config, plan, given, terminal)
    dataset = _dataset(config.data, config.language, plan, limits.download)
    _log.info("%s", asked(plan, len(dataset.train)))
    loadable = _fetched(plan, given)
    if limits.memory is not None and limits.memory < _TIGHT_BYTES:
        os.environ.update(_SMALL_KERNEL_CACHES | os.environ)
    from mfpt_edge.tuning.backbone_trainer import load_trainer

    machine = Machine(load=lambda: os.getloadavg()[0], on_battery=on_battery, clock=time.monotonic, wait=time.sleep)
    courtesy = Courtesy(machine, config.pauses, threads=limits.threads or usable_cores())
    with courtesy.at_work():
        trainer = load_trainer(
            loadable,
            dataset,
            device=limits.device,
            threads=limits.threads,
            activation_cache=limits.activation_cache,
            memory=limits.memory,
            spare=spare,
        )
    return CourteousTrainer(TimeLimitedTrainer(trainer, limits.round_seconds, time.monotonic), courtesy)


def _ask(config: JoinConfig, plan: Plan, given: Given, terminal: Terminal) -> None:
    """Ask the owner about what a plan wants opened, unless he has answered before; see `consent`."""
    answers, allowed = Answers(config.state_dir), config.allowed
    wanted = consent.wishes(plan, config.data.source)
    left = consent.unanswered(wanted, allowed.backbones, answers.given())
    if left and not allowed.yes and not _agreed(consent.question(left, given.sentence(), given.download), terminal):
        raise consent.refusal(left)
    # What was named on the command line is remembered too: `predict` opens the same backbone later.
    if wanted:
        _remember(answers, wanted)


def _remember(answers: Answers, wanted: Iterable[consent.Wish]) -> None:
    try:
        answers.add(*(wish.key for wish in wanted))
    except OSError as error:
        _log.warning("what you have allowed is asked again next time: %s", sentence(error))


def _agreed(question: str, terminal: Terminal) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    with terminal.paused():
        tell(f"{printable_lines(question)} [y/N] ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def _fetched(plan: Plan, given: Given) -> Plan:
    """Return the plan with its backbone at hand, checked for its size and, from the hub, bound to what was checked."""
    address = parse_uri(plan.backbone.uri)
    if address.scheme == "bundled":
        return plan
    if address.scheme == "hf":
        folder = hub.fetch_model(address.name, address.revision, given.download)
        uri = f"hf:{address.name}@{folder.name}"
        plan = msgspec.structs.replace(plan, backbone=msgspec.structs.replace(plan.backbone, uri=uri))
    else:
        folder = locate(address)
    check_weights(weight_bytes(folder), plan, given)
    return plan


def _dataset(data: DataSource, language: LanguageCode, plan: Plan, max_download: int) -> Dataset:
    source = data.source or plan.task.data
    # A plan comes from the network: it may name public data, never a file on this device.
    if data.source is None and source != "cldr" and not source.startswith("hf:"):
        raise UsageError("the plan names no data that every device has: give your own with --data FILE")
    dataset = load_dataset(
        source,
        language,
        plan.task.labels,
        kind=plan.task.kind,
        columns=data.columns,
        max_examples=data.max_examples,
        max_download=max_download if data.source is None else None,
    )
    skipped = ", ".join(f"{count} x {reason}" for reason, count in dataset.skipped.items()) or "none"
    _log.info("data %s: %d to train, %d to test; skipped: %s", source, len(dataset.train), len(dataset.test), skipped)
    for how, words in dataset.repaired.items():
        _log.info("data %s: %d words with another label than the file's: %s", source, words, how)
    return dataset
