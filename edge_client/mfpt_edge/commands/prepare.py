"""What `mfpt-edge join` does with a plan that came: asks the owner where it must, then loads data and backbone."""

import logging
import os
import time
from collections.abc import Iterable
from typing import Final

import msgspec

from mfpt_edge.commands.asking import Terminal, agreed
from mfpt_edge.commands.join_config import JoinConfig
from mfpt_edge.commands.own_data import own_dataset
from mfpt_edge.host.memory import spare_bytes
from mfpt_edge.host.pauses import CourteousTrainer, Courtesy, Machine
from mfpt_edge.host.time_limit import TimeLimitedTrainer
from mfpt_edge.session import consent
from mfpt_edge.session.limits import Given, asked, check_state, check_weights
from mfpt_edge.storage.answers import Answers
from mfpt_shared.backbones import hub
from mfpt_shared.backbones.describe import locate, parse_uri, weight_bytes
from mfpt_shared.environment import sentence
from mfpt_shared.plan import Plan
from mfpt_shared.system.clock import awake_seconds
from mfpt_shared.system.load import load_average
from mfpt_shared.system.power import on_battery
from mfpt_shared.system.processor import usable_cores

# Torch's matrix libraries cache kernels for every shape of a batch, 150 MB of them on processors with bfloat16.
# Where memory is short they cache fewer, and build them again.
_TIGHT_BYTES: Final = 800_000_000
_SMALL_KERNEL_CACHES: Final = {"LRU_CACHE_CAPACITY": "64", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}

_log = logging.getLogger(__name__)


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
    dataset = own_dataset(
        config.data,
        config.language,
        plan,
        folder=config.state_dir,
        max_download=limits.download,
        yes=config.allowed.yes,
        terminal=terminal,
    )
    _log.info("%s", asked(plan, len(dataset.train)))
    loadable = _fetched(plan, given)
    if limits.memory is not None and limits.memory < _TIGHT_BYTES:
        os.environ.update(_SMALL_KERNEL_CACHES | os.environ)
    from mfpt_edge.tuning.backbone_trainer import load_trainer

    machine = Machine(load=load_average, on_battery=on_battery, clock=time.monotonic, wait=time.sleep)
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
    return CourteousTrainer(TimeLimitedTrainer(trainer, limits.round_seconds, awake_seconds), courtesy)


def _ask(config: JoinConfig, plan: Plan, given: Given, terminal: Terminal) -> None:
    """Ask the owner about what a plan wants opened, unless he has answered before; see `consent`."""
    answers, allowed = Answers(config.state_dir), config.allowed
    wanted = consent.wishes(plan, config.data.source)
    left = consent.unanswered(wanted, allowed.backbones, answers.given())
    if left and not allowed.yes and not agreed(consent.question(left, given.sentence(), given.download), terminal):
        raise consent.refusal(left)
    # What was named on the command line is remembered too: `predict` opens the same backbone later.
    if wanted:
        _remember(answers, wanted)


def _remember(answers: Answers, wanted: Iterable[consent.Wish]) -> None:
    try:
        answers.add(*(wish.key for wish in wanted))
    except OSError as error:
        _log.warning("what you have allowed is asked again next time: %s", sentence(error))


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
