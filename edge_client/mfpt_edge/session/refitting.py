"""A personal prompt made anew of the federation's newest one, for a device that does not take part now."""

import msgspec

from mfpt_edge.storage.device_folder import DeviceFolder, Identity
from mfpt_shared.device.rounds import Personal, Rounds
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Prompt


def refit(folder: DeviceFolder, identity: Identity, plan: Plan, trainer: Trainer) -> Personal:
    """Fit a head of the device's own to its newest prompt, with the own share that it has chosen, and keep it.

    Args:
        folder: State folder of the device, owned by this process.
        identity: Identity of the device.
        plan: Plan that the device follows.
        trainer: Trainer with the data of the device.
    """
    newest, share = folder.prompt(), folder.own_share(plan) or 0.0
    rounds = Rounds(identity.client, identity.language, plan, trainer, clock=lambda: 0.0, share=share)
    personal = rounds.personal(newest)
    if personal.share:
        header = msgspec.structs.replace(newest.header, own_share=personal.share)
        folder.save_personal_prompt(encode(Prompt(header, personal.state)))
    return personal
