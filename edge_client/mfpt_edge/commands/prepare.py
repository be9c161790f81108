"""What `mfpt-edge join` does with a plan that came: asks the owner where it must, then has data and backbone loaded."""

import logging
import time
from collections.abc import Callable, Iterable

from mfpt_edge.commands.asking import agreed
from mfpt_edge.commands.backbone_offer import offer_backbone
from mfpt_edge.commands.join_config import JoinConfig, Limits
from mfpt_edge.commands.load_order import LoadOrder
from mfpt_edge.engine.owner import Owner
from mfpt_edge.host.least import require_to_convert
from mfpt_edge.host.memory import spare_bytes
from mfpt_edge.host.pauses import CourteousTrainer, Courtesy, Machine, Pauses
from mfpt_edge.host.time_limit import TimeLimitedTrainer
from mfpt_edge.session import consent
from mfpt_edge.session.limits import Given, check_state
from mfpt_edge.storage.answers import Answers
from mfpt_shared.backbones.describe import parse_uri
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.environment import sentence
from mfpt_shared.plan import Plan
from mfpt_shared.system.clock import awake_seconds
from mfpt_shared.system.load import load_average
from mfpt_shared.system.power import on_battery
from mfpt_shared.system.processor import usable_cores

_log = logging.getLogger(__name__)


def courtesy_of(limits: Limits) -> Courtesy:
    """Return what lets this machine's training wait; at first for nothing."""
    machine = Machine(load=load_average, on_battery=on_battery, clock=time.monotonic, wait=time.sleep)
    return Courtesy(machine, Pauses(), threads=limits.threads or usable_cores())


def prepare(
    config: JoinConfig, plan: Plan, owner: Owner, courtesy: Courtesy, load: Callable[[LoadOrder, Owner], Trainer]
) -> CourteousTrainer:
    """Return a trainer for a plan, within what the owner allows.

    Args:
        config: What the owner has said before.
        plan: The plan.
        owner: Whoever is asked about it.
        courtesy: What lets the training wait.
        load: Loads data and backbone, here or in another process.

    Raises:
        NotAllowed: The plan asks for more.
        Unsuited: The processor is too old for the plan's backbone.
        MfptError: Data or backbone cannot be loaded.
    """
    limits = config.limits
    memory = spare_bytes() if limits.memory is None else limits.memory
    given = Given(memory, limits.round_seconds, limits.activation_cache, limits.download)
    _log.info("%s", given.sentence())
    check_state(plan, given)
    if parse_uri(plan.backbone.uri).scheme != "bundled":
        require_to_convert(plan.backbone.uri)
    _ask(config, plan, given, owner)
    offer_backbone(plan, owner, yes=config.allowed.yes)
    with courtesy.at_work():
        trainer = load(_order(config, plan, given), owner)
    return CourteousTrainer(TimeLimitedTrainer(trainer, limits.round_seconds, awake_seconds), courtesy)


def _order(config: JoinConfig, plan: Plan, given: Given) -> LoadOrder:
    return LoadOrder(
        plan=plan.binding,
        language=config.language,
        folder=config.state_dir,
        data=config.data,
        limits=config.limits,
        given=given,
        yes=config.allowed.yes,
    )


def _ask(config: JoinConfig, plan: Plan, given: Given, owner: Owner) -> None:
    """Ask the owner about what a plan wants opened, unless he has answered before; see `consent`."""
    answers, allowed = Answers(config.state_dir), config.allowed
    wanted = consent.wishes(plan, config.data.source)
    left = consent.unanswered(wanted, allowed.backbones, answers.given())
    if left and not allowed.yes and not agreed(consent.question(left, given.sentence(), given.download), owner):
        raise consent.refusal(left)
    # What was named on the command line is remembered too: `predict` opens the same backbone later.
    if wanted:
        _remember(answers, wanted)


def _remember(answers: Answers, wanted: Iterable[consent.Wish]) -> None:
    try:
        answers.add(*(wish.key for wish in wanted))
    except OSError as error:
        _log.warning("what you have allowed is asked again next time: %s", sentence(error))
