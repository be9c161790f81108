"""`python -m mfpt_edge.commands.training_process`: the engine of a device that joins."""

import os

from mfpt_edge.commands.load_order import LoadOrder
from mfpt_edge.commands.loading import load
from mfpt_edge.engine.owner import Owner
from mfpt_edge.engine.service import serve
from mfpt_shared.device.trainer import Trainer


def _ordered(order: bytes, owner: Owner) -> Trainer:
    return load(LoadOrder.decoded(order), owner)


if __name__ == "__main__":
    # Bars would be drawn across what the device shows on the same terminal.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    serve(_ordered)
