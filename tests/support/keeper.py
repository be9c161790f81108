"""A trainer of a device that keeps a share of its own."""

import numpy as np

from mfpt_shared.device.own_share import SHARES, Trials
from mfpt_shared.device.trainer import Measured
from mfpt_shared.tensors import PromptState
from support.stub import Gate, StubTrainer


class Keeper(StubTrainer):
    """Keeps a share of its own, which is added to every value of its personal prompt's head."""

    def __init__(self, share: float, *, step: float = 0.0, gate: Gate | None = None) -> None:
        super().__init__(step=step, gate=gate)
        self._share = share

    def try_shares(self, state: PromptState) -> Trials:
        return Trials(SHARES, [abs(share - self._share) for share in SHARES], 10_000)

    def with_own_head(self, state: PromptState, share: float) -> PromptState:
        return {**state, "head.bias": state["head.bias"] + np.float32(share)}

    def test(self, state: PromptState) -> Measured:
        return Measured(accuracy=min(1.0, float(state["head.bias"][0])), loss=1.0, examples=100)
