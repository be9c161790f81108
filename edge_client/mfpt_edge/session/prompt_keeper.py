"""The prompts that a device holds: the federation's first and newest, and the one that it uses."""

import logging
from functools import partial
from typing import Final

import msgspec

from mfpt_edge.session.patient_disk import PatientDisk
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.first_round import first_round, save_first_round
from mfpt_shared.device.rounds import Personal
from mfpt_shared.errors import BadData
from mfpt_shared.plan import Plan
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Prompt

_PERSONAL: Final = "the personal prompt"

_log = logging.getLogger(__name__)


def as_prompt(personal: Personal, federated: Prompt) -> Prompt:
    """Return a personal prompt as it is stored: with the header of the federated prompt of which it was made."""
    return Prompt(msgspec.structs.replace(federated.header, own_share=personal.share), personal.state)


class PromptKeeper:
    """Remembers prompts, and writes to the state folder what the next run or `predict` needs.

    Attributes:
        first: First prompt of the federation that came; None before it.
        newest: Newest prompt of the federation; None before the first came.
        personal: Newest personal prompt, see `Rounds.personal`; None before any was made.
    """

    def __init__(self, folder: DeviceFolder, disk: PatientDisk) -> None:
        """Begin with nothing; what an earlier run chose is `share`.

        Args:
            folder: State folder of the device.
            disk: Writes to it.
        """
        self._folder = folder
        self._disk = disk
        self._plan: Plan | None = None
        self._plan_is_saved = False
        self.first: Prompt | None = None
        self.newest: Prompt | None = None
        self.personal: Personal | None = None

    def receive(self, prompt: Prompt) -> None:
        """Keep a prompt as the newest of the federation; it is written once the device follows its plan."""
        self.first = self.first or prompt
        self.newest = prompt
        self._save_newest()

    def follow(self, plan: Plan) -> None:
        """Write prompts from now on: the device has what it needs for their plan.

        Until then the state folder holds what an earlier federation gave, and from the first prompt on what this one
        gives: plan and prompt belong together.
        """
        if self._plan is not None and self._plan.digest != plan.digest:
            self._plan_is_saved = False
        self._plan = plan
        self._save_newest()

    def _save_newest(self) -> None:
        plan, prompt = self._plan, self.newest
        if plan is None or prompt is None or prompt.header.plan != plan.digest:
            return
        if not self._plan_is_saved:
            self._disk.write("the plan", lambda: self._folder.save_plan(plan.binding))
            self._plan_is_saved = True
        self._disk.write("the newest prompt", lambda: self._folder.save_prompt(encode(prompt)))

    def use(self, personal: Personal, federated: Prompt) -> None:
        """Use a personal prompt from now on, and save it; one of share 0, so that a later run knows of the choice.

        Args:
            personal: The personal prompt.
            federated: What it was made of; by now, that need not be the newest any more.
        """
        self.personal = personal
        if not personal.chosen:
            self._disk.write(_PERSONAL, self._folder.forget_personal_prompt)
            return
        prompt = as_prompt(personal, federated)
        self._disk.write(_PERSONAL, lambda: self._folder.save_personal_prompt(encode(prompt)))

    def share(self, plan: Plan) -> float | None:
        """Return the own share of an earlier run's personal prompt, if it was for this plan; remove a damaged one."""
        try:
            return self._folder.own_share(plan)
        except BadData as error:
            _log.warning("the device's personal prompt is lost, it will make a new one: %s", error)
            self._disk.write(_PERSONAL, self._folder.forget_personal_prompt)
            return None

    def first_round(self, plan: Plan, made: int) -> int:
        """Return the number of the device's first round under a plan, and remember it.

        Args:
            plan: The plan.
            made: Number of the device's last update, under whatever plan; 0 before the first.
        """
        known = first_round(self._folder.path, plan)
        if known is not None:
            return known
        write = partial(save_first_round, self._folder.path, plan, made + 1)
        self._disk.write("which round is the first under this plan", write)
        return made + 1
