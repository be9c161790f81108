"""The federation's newest prompt on a device that does not take part now: with its own head, and tried on its tests."""

from dataclasses import dataclass

from mfpt_edge.session.prompt_keeper import as_prompt
from mfpt_edge.storage.declined import decline
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.identity import Identity
from mfpt_shared.device.rounds import Personal, Rounds
from mfpt_shared.device.trainer import Trainer
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Prompt
from mfpt_shared.tensors import dense


@dataclass(frozen=True, slots=True)
class Refitted:
    """What a device used before, and what it makes of the newest prompt; only the better one is kept.

    Attributes:
        personal: What it makes of the newest prompt.
        accuracy_before: Accuracy of what it used before, on the test examples; None where these cannot be compared.
        accuracy: Accuracy of `personal` there.
        test_examples: Number of test examples.
    """

    personal: Personal
    accuracy_before: float | None
    accuracy: float
    test_examples: int

    @property
    def is_kept(self) -> bool:
        """Whether the device uses the newest prompt now: it does not do worse on the test examples."""
        return self.accuracy_before is None or self.accuracy >= self.accuracy_before


def refit(folder: DeviceFolder, identity: Identity, plan: Plan, trainer: Trainer, before: Prompt | None) -> Refitted:
    """Fit a head of the device's own to its newest prompt, with the own share that it has chosen; keep the better.

    Args:
        folder: State folder of the device, owned by this process; it holds the newest prompt.
        identity: Identity of the device.
        plan: Plan that the device follows.
        trainer: Trainer with the data of the device.
        before: What the device used before; None where that was damaged.
    """
    newest, share = folder.prompt(), folder.own_share(plan) or 0.0
    rounds = Rounds(identity.client, identity.language, plan, trainer, clock=lambda: 0.0, share=share)
    personal = rounds.personal(newest)
    refitted = _compared(trainer, personal, before)
    if refitted.is_kept:
        if personal.share:
            folder.save_personal_prompt(encode(as_prompt(personal, newest)))
    elif not share and before is not None:
        folder.save_prompt(encode(before))
        decline(folder.path, newest.header)
    return refitted


def _compared(trainer: Trainer, personal: Personal, before: Prompt | None) -> Refitted:
    tested = trainer.test(personal.state)
    if before is None or not tested.examples:
        return Refitted(personal, None, tested.accuracy, tested.examples)
    accuracy_before = trainer.test(dense(before.state)).accuracy
    return Refitted(personal, accuracy_before, tested.accuracy, tested.examples)
