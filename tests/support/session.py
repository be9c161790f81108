"""What a device's session is tested with: a tiny plan, its prompts, and a broker inside the process that keeps them."""

from typing import Final

from mfpt_edge.storage.device_folder import Identity
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task, plan_to_json
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import CoordinatorState, Prompt, PromptHeader
from mfpt_shared.protocol.topics import COORDINATOR_STATE, PLAN, PROMPT
from mfpt_shared.tensors import halve, initial_state
from mfpt_shared.transport.in_process import MemoryBroker

SWAHILI: Final = LanguageCode("swh")
FEDERATION: Final = "default"
THE_PLAN: Final = Plan(
    task=Task(labels=("a", "b")), backbone=BackboneSpec(width=4, layers=2), prompt=PromptSpec(tokens=2)
)
IDENTITY: Final = Identity("0123456789ab", SWAHILI)


def prompt_of(version: int, *, plan: Plan = THE_PLAN, language: LanguageCode = SWAHILI) -> Prompt:
    """Return a plan's initial prompt as one of this version."""
    header = PromptHeader(language=language, version=version, plan=plan.digest, backbone="")
    return Prompt(header, halve(initial_state(plan)))


def broker_of_a_running_federation(version: int) -> MemoryBroker:
    """Everything that the broker keeps is there before the device comes, and reaches it in one batch."""
    broker = MemoryBroker()
    state = CoordinatorState(state="online", coordinator="c", version=version, started=1.0)
    broker.retained = {
        PLAN.path(FEDERATION): plan_to_json(THE_PLAN),
        PROMPT.path(FEDERATION, SWAHILI): encode(prompt_of(version)),
        COORDINATOR_STATE.path(FEDERATION): encode(state),
    }
    return broker
