"""What a federation was good for, measured on a device's test examples."""

from mfpt_edge.session.outcome import Outcome, measure
from mfpt_shared.device.rounds import Personal
from mfpt_shared.device.trainer import Measured
from mfpt_shared.protocol.messages import Prompt, PromptHeader
from mfpt_shared.tensors import PromptState, halve, initial_state
from support.session import THE_PLAN
from support.stub import StubTrainer


class Judge(StubTrainer):
    """Finds a state as accurate as its first bias is large."""

    def __init__(self, *, tests: int = 10) -> None:
        super().__init__(step=0.125)
        self._tests = tests

    def test(self, state: PromptState) -> Measured:
        return Measured(accuracy=float(state["head.bias"][0]), loss=1.0, examples=self._tests)


def state(bias: float) -> PromptState:
    return {name: array * 0 + array.dtype.type(bias) for name, array in initial_state(THE_PLAN).items()}


def prompt(version: int, bias: float) -> Prompt:
    header = PromptHeader(language="swh", version=version, plan=THE_PLAN.digest, backbone="")
    return Prompt(header, halve(state(bias)))


def personal(bias: float, share: float) -> Personal:
    return Personal(5, state(bias), share, Measured(0.0, 0.0, 0))


def outcome(trainer: StubTrainer, used: Personal, rounds_alone: int = 0) -> Outcome:
    return measure(
        trainer,
        prompt(0, 0.25),
        prompt(5, 0.5),
        used,
        rounds_alone=rounds_alone,
        epochs=1,
        on_progress=lambda *_: None,
    )


def test_first_newest_and_personal_prompt_are_measured() -> None:
    found = outcome(Judge(), personal(0.75, 0.8))
    assert (found.accuracy_before, found.accuracy_after, found.accuracy_personal) == (0.25, 0.5, 0.75)
    assert (found.version, found.own_share, found.examples, found.test_examples) == (5, 0.8, 10, 10)


def test_a_device_that_keeps_nothing_of_its_own_uses_the_newest() -> None:
    found = outcome(Judge(), personal(0.5, 0.0))
    assert (found.own_share, found.accuracy_personal) == (0.0, 0.5)


def test_a_prompt_is_tuned_alone_from_the_first_for_as_many_rounds() -> None:
    assert outcome(Judge(), personal(0.5, 0.0), rounds_alone=3).accuracy_alone == 0.25 + 3 * 0.125
    assert outcome(Judge(), personal(0.5, 0.0), rounds_alone=0).accuracy_alone is None


def test_without_test_examples_there_are_no_accuracies() -> None:
    found = outcome(Judge(tests=0), personal(0.75, 0.8), rounds_alone=3)
    assert (found.accuracy_before, found.accuracy_after, found.accuracy_personal, found.accuracy_alone) == (None,) * 4
    assert found.test_examples == 0
