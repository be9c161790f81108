"""The prompts that a device holds: the federation's first and newest, and the one that it uses."""

import logging
from typing import Final

import msgspec

from mfpt_edge.session.patient_disk import PatientDisk
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_shared.device.rounds import Candidate
from mfpt_shared.errors import BadData
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Prompt

_OWN: Final = "the choice between the federation's prompt and the own one"

_log = logging.getLogger(__name__)


class PromptKeeper:
    """Remembers prompts, and writes to the state folder what the next run or `predict` needs.

    Attributes:
        first: First prompt of the federation that came; None before it.
        newest: Newest prompt of the federation; None before the first came.
        kept: Prompt that did best on the validation examples so far, see `Rounds.kept`; None before any was measured.
    """

    def __init__(self, folder: DeviceFolder, disk: PatientDisk) -> None:
        """Begin with nothing; what an earlier run left is `own`.

        Args:
            folder: State folder of the device.
            disk: Writes to it.
        """
        self._folder = folder
        self._disk = disk
        self.first: Prompt | None = None
        self.newest: Prompt | None = None
        self.kept: Candidate | None = None

    def receive(self, prompt: Prompt) -> None:
        """Keep a prompt as the newest of the federation."""
        self._disk.write("the newest prompt", lambda: self._folder.save_prompt(encode(prompt)))
        self.first = self.first or prompt
        self.newest = prompt

    def choose(self, kept: Candidate | None) -> None:
        """Note which prompt does best; one that the device tuned itself is saved as its own prompt."""
        self.kept = kept
        if kept is None or kept.origin == "federated" or self.newest is None:
            self._disk.write(_OWN, self._folder.forget_own_prompt)
            return
        own = Prompt(msgspec.structs.replace(self.newest.header, version=kept.version), kept.state)
        self._disk.write(_OWN, lambda: self._folder.save_own_prompt(encode(own)))

    def own(self, plan: Plan) -> Prompt | None:
        """Return the own prompt of an earlier run, if there is one for this plan; a damaged one is removed."""
        try:
            return self._folder.own_prompt(plan)
        except BadData as error:
            _log.warning("the device's own prompt is lost, it will tune a new one: %s", error)
            self._disk.write(_OWN, self._folder.forget_own_prompt)
            return None
