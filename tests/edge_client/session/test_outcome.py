"""What a federation was good for, measured on a device's test examples."""

from mfpt_edge.session.outcome import Outcome, measure
from mfpt_shared.device.rounds import Candidate
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


def own(bias: float) -> Candidate:
    return Candidate("own", 4, state(bias), Measured(1.0, 0.0, 10))


def outcome(trainer: StubTrainer, kept: Candidate | None, rounds_alone: int = 0) -> Outcome:
    return measure(
        trainer,
        prompt(0, 0.25),
        prompt(5, 0.5),
        kept,
        rounds_alone=rounds_alone,
        epochs=1,
        on_progress=lambda *_: None,
    )


def test_first_newest_and_kept_prompt_are_measured() -> None:
    found = outcome(Judge(), own(0.75))
    assert (found.accuracy_before, found.accuracy_after, found.accuracy_kept) == (0.25, 0.5, 0.75)
    assert (found.version, found.kept, found.examples, found.test_examples) == (5, "own", 10, 10)


def test_a_device_that_keeps_the_federations_prompt_keeps_the_newest() -> None:
    older = Candidate("federated", 4, state(0.0), Measured(1.0, 0.0, 10))
    for kept in (older, None):
        found = outcome(Judge(), kept)
        assert (found.kept, found.accuracy_kept) == ("federated", 0.5)


def test_a_prompt_is_tuned_alone_from_the_first_for_as_many_rounds() -> None:
    assert outcome(Judge(), None, rounds_alone=3).accuracy_alone == 0.25 + 3 * 0.125
    assert outcome(Judge(), None, rounds_alone=0).accuracy_alone is None


def test_without_test_examples_there_are_no_accuracies() -> None:
    found = outcome(Judge(tests=0), own(0.75), rounds_alone=3)
    assert (found.accuracy_before, found.accuracy_after, found.accuracy_kept, found.accuracy_alone) == (None,) * 4
    assert found.test_examples == 0
