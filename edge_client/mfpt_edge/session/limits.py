"""What a device gives at most, and what a plan asks of it in a round, as people read it; and what no device gives."""

import math
from typing import Final, NamedTuple

from mfpt_shared.errors import NotAllowed
from mfpt_shared.plan import Plan
from mfpt_shared.tensors import layout, size

# Start, tuned values, gradients, AdamW's two moments, the update, and what is kept for comparison, 4 bytes each.
_BYTES_OF_A_VALUE: Final = 7 * 4


class Given(NamedTuple):
    """What a device gives at most.

    Attributes:
        memory: Bytes that the process may hold.
        round_seconds: Time that a round may compute.
        disk: Bytes of the cache for what the backbone makes of texts.
        download: Bytes that a backbone or data set may be.
    """

    memory: int
    round_seconds: float
    disk: int
    download: int

    def sentence(self) -> str:
        """Say what is given."""
        return (
            f"This device gives at most {self.memory / 1e9:.1f} GB of memory, {_time(self.round_seconds)} a round, "
            f"{self.disk / 1e9:.1f} GB of disk, and downloads {self.download / 1e9:.1f} GB."
        )


def asked(plan: Plan, examples: int) -> str:
    """Say what a plan asks of a device with this number of training examples."""
    texts = min(plan.training.batch_size, examples)
    steps = plan.training.epochs_for(examples) * math.ceil(examples / plan.training.batch_size)
    return f"The plan asks for {steps} steps of {texts} texts a round with {plan.backbone.uri!r}."


def check_state(plan: Plan, given: Given) -> None:
    """Check that prompt and head, as they are tuned, fit into what a device gives; before anything is allocated.

    Raises:
        NotAllowed: They do not.
    """
    needed = _BYTES_OF_A_VALUE * size(layout(plan))
    if needed > given.memory:
        raise NotAllowed(
            f"the plan's prompt alone takes {needed / 1e9:.1f} GB to tune, and this device gives "
            f"{given.memory / 1e9:.1f} GB of memory: raise --memory, or leave this federation"
        )


def check_weights(bytes_on_disk: int, plan: Plan, given: Given) -> None:
    """Check that the weights of a backbone fit into what a device gives; before they are loaded.

    Raises:
        NotAllowed: They do not.
    """
    if bytes_on_disk > given.memory:
        raise NotAllowed(
            f"the weights of {plan.backbone.uri!r} are {bytes_on_disk / 1e9:.1f} GB, and this device gives "
            f"{given.memory / 1e9:.1f} GB of memory: raise --memory, or leave this federation"
        )


def _time(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:g} h"
    )
