"""The prompt that a device keeps, with the plan that it belongs to."""

import time
from dataclasses import dataclass

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.prompt_age import prompt_age
from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.messages import Prompt


@dataclass(frozen=True, slots=True)
class Model:
    """A plan and a prompt that belong together.

    Attributes:
        plan: The plan.
        prompt: The prompt.
        age: Time since the federation was last known to have no newer one, seconds.
    """

    plan: Plan
    prompt: Prompt
    age: float = 0.0

    def __post_init__(self) -> None:
        """Check that they belong together."""
        if self.prompt.header.plan != self.plan.digest:
            made_for = self.prompt.header.plan
            raise Incompatible(
                f"the prompt belongs to plan {made_for}, not to {self.plan.digest}; join the federation again"
            )
        if self.prompt.header.backbone != self.plan.backbone.fingerprint:
            made_for, wanted = self.prompt.header.backbone, self.plan.backbone.fingerprint
            raise Incompatible(
                f"the prompt was made for backbone {made_for}, but the plan names {wanted}; join the federation again"
            )


def kept_model(folder: DeviceFolder) -> Model:
    """Return the personal prompt, which may be just the federation's newest; works offline.

    Raises:
        UsageError: The device holds no prompt yet.
        Damaged: The plan or the prompt is damaged.
    """
    plan = folder.plan()
    return Model(plan, folder.personal_prompt(plan) or folder.prompt(), prompt_age(folder.path, time.time()))
