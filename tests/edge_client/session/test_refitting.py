"""A newer prompt on a device that has left: it is used where it does not do worse there."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mfpt_edge.commands.refresh import comparison
from mfpt_edge.session.refitting import Refitted, refit
from mfpt_edge.storage.declined import is_declined
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.saved_prompt import kept_model
from mfpt_shared.device.rounds import Personal
from mfpt_shared.device.trainer import Measured
from mfpt_shared.protocol.codec import encode
from mfpt_shared.protocol.messages import Prompt
from mfpt_shared.tensors import PromptState, dense, halve
from support.session import SWAHILI, THE_PLAN, prompt_of
from support.stub import StubTrainer


class Judge(StubTrainer):
    """Has some test examples, of which a prompt gets as many right as its first virtual token says."""

    def __init__(self, examples: int = 100) -> None:
        super().__init__()
        self._examples = examples

    def test(self, state: PromptState) -> Measured:
        return Measured(float(state["prompt"].flat[0]), 1.0, self._examples)


def good_for(accuracy: float, version: int) -> Prompt:
    """Return a prompt that the judge finds as good as this."""
    prompt = prompt_of(version)
    state = {name: np.full_like(array, accuracy) for name, array in dense(prompt.state).items()}
    return replace(prompt, state=halve(state))


def left(path: Path, held: Prompt, *, share: float = 0.0) -> DeviceFolder:
    """Return the folder of a device that left with a prompt, and with an own share."""
    folder = DeviceFolder(path)
    folder.enrol(SWAHILI)
    folder.save_plan(THE_PLAN.binding)
    folder.save_prompt(encode(held))
    folder.save_personal_prompt(encode(replace(held, header=msgspec.structs.replace(held.header, own_share=share))))
    return folder


def takes(folder: DeviceFolder, newest: Prompt, trainer: StubTrainer) -> Refitted:
    """Let a device take a newer prompt, with its data at hand."""
    before, identity = kept_model(folder).prompt, folder.identity()
    assert identity is not None
    folder.save_prompt(encode(newest))
    return refit(folder, identity, THE_PLAN, trainer, before)


@pytest.mark.parametrize("share", [0.0, 0.5])
@pytest.mark.parametrize(("accuracy", "used"), [(0.25, 3), (0.5, 9), (0.75, 9)], ids=["worse", "as good", "better"])
def test_what_does_better_on_the_test_examples_is_used(
    tmp_path: Path, share: float, accuracy: float, used: int
) -> None:
    folder = left(tmp_path, good_for(0.5, version=3), share=share)
    refitted = takes(folder, good_for(accuracy, version=9), Judge())
    assert (refitted.accuracy_before, refitted.accuracy) == (0.5, accuracy)
    assert kept_model(folder).prompt.header.version == used


def test_a_version_that_did_worse_is_remembered_so_that_it_is_not_taken_in_passing(tmp_path: Path) -> None:
    folder = left(tmp_path, good_for(0.5, version=3))
    takes(folder, good_for(0.25, version=9), Judge())
    assert is_declined(folder.path, good_for(0.25, version=9).header)
    assert not is_declined(folder.path, good_for(0.75, version=10).header)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_without_test_examples_the_newest_is_used(tmp_path: Path, share: float) -> None:
    folder = left(tmp_path, good_for(0.5, version=3), share=share)
    refitted = takes(folder, good_for(0.25, version=9), Judge(examples=0))
    assert refitted.accuracy_before is None
    assert kept_model(folder).prompt.header.version == 9


@pytest.mark.parametrize(
    ("before", "now", "line"),
    [
        (0.5, 0.75, "version 9 is used: accuracy on 20 test examples 75.0 %, before 50.0 %"),
        (0.5, 0.25, "what was used stays in use: accuracy on 20 test examples 50.0 %, with version 9 25.0 %"),
        (None, 0.25, "version 9 is used; there is nothing to compare it with"),
    ],
)
def test_a_line_says_which_one_is_used_and_why(before: float | None, now: float, line: str) -> None:
    personal = Personal(9, dense(prompt_of(9).state), 0.0, Measured(0.0, 0.0, 0))
    assert comparison(Refitted(personal, before, now, 20)) == line
