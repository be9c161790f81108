"""What a device's session is tested with: a tiny plan, its prompts, and a broker inside the process that keeps them."""

from dataclasses import replace
from typing import Final

import msgspec

from mfpt_edge.storage.device_folder import Session
from mfpt_edge.storage.identity import Identity
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import CoordinatorState, Down, FromCoordinator, PlanNotice, Prompt, PromptHeader
from mfpt_shared.protocol.seal import seal
from mfpt_shared.protocol.topics import CLIENT_DOWN, COORDINATOR_STATE, PLAN, PROMPT, Topic
from mfpt_shared.tensors import halve, initial_state
from mfpt_shared.transport.base import Inbound
from mfpt_shared.transport.in_process import MemoryBroker
from support.sealing import key_of, sealed

SWAHILI: Final = LanguageCode("swh")
FEDERATION: Final = "default"
EPOCH: Final = 5
COORDINATOR: Final = "coordinator"
"""Name of the coordinator's key; any other name is somebody else."""
THE_PLAN: Final = Plan(
    task=Task(labels=("a", "b")), backbone=BackboneSpec(width=4, layers=2), prompt=PromptSpec(tokens=2)
)
IDENTITY: Final = Identity("0123456789ab", SWAHILI)
SESSION: Final = Session(IDENTITY, key_of(IDENTITY.client), 1)


def prompt_of(version: int, *, plan: Plan = THE_PLAN, language: LanguageCode = SWAHILI, epoch: int = EPOCH) -> Prompt:
    """Return a plan's initial prompt as one of this version."""
    header = PromptHeader(language=language, version=version, plan=plan.digest, backbone="", epoch=epoch)
    return Prompt(header, halve(initial_state(plan)))


def said(
    topic: Topic,
    message: FromCoordinator | Prompt,
    key: str = "",
    *,
    epoch: int = EPOCH,
    signer: str = COORDINATOR,
    federation: str = FEDERATION,
) -> Inbound:
    """Return what the coordinator says, or somebody with another key, in one of its epochs."""
    if isinstance(message, Prompt):
        message = replace(message, header=msgspec.structs.replace(message.header, epoch=epoch))
    else:
        message = msgspec.structs.replace(message, epoch=epoch)
    path = topic.path(federation, key)
    return Inbound(path, sealed(path, message, signer))


def told(client: str, message: Down, *, epoch: int = EPOCH, signer: str = COORDINATOR) -> Inbound:
    """Return what the coordinator tells one device."""
    return said(CLIENT_DOWN, message, client, epoch=epoch, signer=signer)


def online(version: int = 0) -> CoordinatorState:
    """Return the state of a coordinator that is there."""
    return CoordinatorState(state="online", coordinator="c", version=version, started=1.0)


def notice(plan: Plan = THE_PLAN) -> PlanNotice:
    """Return the announcement of a plan."""
    return PlanNotice(digest=plan.digest, plan=plan)


def plan_of_the_future() -> Inbound:
    """Return a plan, signed by the coordinator, that this version of mfpt cannot follow."""
    path = PLAN.path(FEDERATION)
    newer = encode(notice()).replace(b'"training":{', b'"training":{"of_the_future":1,')
    return Inbound(path, seal(path, newer, key_of(COORDINATOR)))


def keep(broker: MemoryBroker, *messages: Inbound) -> None:
    """Let a broker keep retained messages."""
    broker.retained.update({message.topic: message.payload for message in messages})


def broker_of_a_running_federation(version: int, *, epoch: int = EPOCH, plan: Plan = THE_PLAN) -> MemoryBroker:
    """Everything that the broker keeps is there before the device comes, and reaches it in one batch."""
    broker = MemoryBroker()
    keep(
        broker,
        said(PLAN, notice(plan), epoch=epoch),
        said(PROMPT, prompt_of(version, plan=plan), SWAHILI, epoch=epoch),
        said(COORDINATOR_STATE, online(version), epoch=epoch),
    )
    return broker
