"""On a GPU a trainer does what it does on a processor; and several processes may share one GPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import torch

from mfpt_coord.simulate.bench import Bench
from mfpt_coord.simulate.experiment import Experiment
from mfpt_coord.simulate.pool import run_all
from mfpt_edge.data.example import Example
from mfpt_edge.tuning.activation_cache import with_cached_activations
from mfpt_edge.tuning.backbone_trainer import BackboneTrainer
from mfpt_edge.tuning.encoding import encode, tokenise
from mfpt_edge.tuning.model import PromptModel
from mfpt_edge.tuning.objectives import backbone_for
from mfpt_shared.backbones.describe import describe
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task, Training
from mfpt_shared.tensors import PromptState, initial_state
from support.backbones import save_tiny_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU is here")

LABELS: Final = ("praise", "complaint")
GOOD: Final = ("good", "fine", "great")
TEXTS: Final = tuple(
    f"the {what} was {how} {end}".strip()
    for what in ("food", "a", "b")
    for how in (*GOOD, "bad", "poor", "awful")
    for end in ("", "c d")
)
TASKS: Final = {
    "classification": Task(labels=LABELS),
    "tagging": Task(labels=LABELS, kind="tagging"),
    "generation": Task(labels=(), kind="generation"),
}


def example(text: str) -> Example:
    """Return a text that can be an example of every task."""
    is_bad = [word in ("bad", "poor", "awful") for word in text.split()]
    words = tuple(text.split())
    return Example(text, int(any(is_bad)), completion="good", words=words, tags=tuple(map(int, is_bad)))


def plan_of(kind: str, folder: Path, **more: Any) -> Plan:
    uri = f"path:{folder}"
    return Plan(
        task=TASKS[kind],
        backbone=BackboneSpec(uri=uri, prefix="", **{"quantisation": "none", **describe(uri)._asdict(), **more}),
        prompt=PromptSpec(tokens=4),
        training=Training(epochs=2, batch_size=8, max_tokens=32),
    )


def trainer_of(plan: Plan, device: str, cache: Path | None = None) -> BackboneTrainer:
    model = PromptModel(backbone_for(plan, device, None), plan)
    train, test = ([example(text) for text in TEXTS[start::2]] for start in (0, 1))
    if cache is not None:
        return BackboneTrainer(
            model, *(with_cached_activations(model, tokenise(model, one), cache) for one in (train, test))
        )
    return BackboneTrainer(model, encode(model, train), encode(model, test))


def tuned(trainer: BackboneTrainer, start: PromptState, *, hold_out: bool = True) -> PromptState:
    return trainer.tune(start, epochs=2, seed=0, on_progress=lambda *_: None, hold_out=hold_out).state


@pytest.fixture(scope="module")
def folder_of(tiny_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    decoder = tmp_path_factory.mktemp("decoder")
    save_tiny_model("Llama", decoder, kind="ForCausalLM", tie_word_embeddings=True)
    return lambda kind: decoder if kind == "generation" else tiny_folder("Bert")


@pytest.mark.parametrize("head_start", ["zero", "ridge"])
@pytest.mark.parametrize("method", ["late", "prompt", "p-tuning"])
@pytest.mark.parametrize("kind", TASKS)
def test_a_device_does_there_what_it_does_on_a_processor(
    folder_of: Callable[[str], Path], kind: str, method: Any, head_start: Any
) -> None:
    plan = plan_of(kind, folder_of(kind))
    plan = msgspec.structs.replace(
        plan,
        prompt=msgspec.structs.replace(plan.prompt, method=method),
        training=msgspec.structs.replace(plan.training, head_start=head_start),
    )
    here, there = (trainer_of(plan, device) for device in ("cpu", "cuda"))
    states = [tuned(trainer, initial_state(plan)) for trainer in (here, there)]
    for measured in ([here.test(one), there.test(one)] for one in states):
        assert measured[0].loss == pytest.approx(measured[1].loss, rel=1e-2)
    assert here.test(states[0]).loss == pytest.approx(there.test(states[1]).loss, rel=0.05)
    assert here.validate(states[0]).loss == pytest.approx(there.validate(states[0]).loss, rel=1e-2)
    tried = [trainer.try_shares(states[0]) for trainer in (here, there)]
    assert [None if one is None else pytest.approx(one.losses, rel=0.02) for one in tried[:1]] == [
        None if one is None else one.losses for one in tried[1:]
    ]
    own = [trainer.with_own_head(states[0], 0.9) for trainer in (here, there)]
    assert here.test(own[0]).loss == pytest.approx(here.test(own[1]).loss, rel=0.02)


@pytest.mark.parametrize("kind", ["classification", "tagging"])
def test_weights_in_4_bits_and_a_cache_do_there_what_they_do_on_a_processor(
    folder_of: Callable[[str], Path], kind: str, tmp_path: Path
) -> None:
    plan = plan_of(kind, folder_of(kind), quantisation="nf4")
    state = tuned(trainer_of(plan, "cpu"), initial_state(plan))
    here = trainer_of(plan, "cpu").test(state).loss
    # The first computes the activations, the second finds them on the disk.
    for _ in range(2):
        assert trainer_of(plan, "cuda", tmp_path).test(state).loss == pytest.approx(here, rel=0.05)


@pytest.mark.slow
def test_several_processes_share_a_gpu(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    plan = plan_of("classification", folder_of("classification"))
    tags = ("swh", "zul")
    for tag in tags:
        lines = [f"{text}\t{LABELS[example(text).label]}\n" for text in TEXTS]
        (tmp_path / f"{tag}.tsv").write_text("text\tlabel\n" + "".join(lines), encoding="utf-8")
    experiments = [
        Experiment(plan=plan, method=method, languages=tuple(map(LanguageCode, tags)), examples=10, rounds=1, seed=seed)
        for method in ("local", "mfpt")
        for seed in (0, 1)
    ]
    alone, together = (
        run_all(experiments, Bench(str(tmp_path), {}, tmp_path / "cache", "cuda", jobs, 1)) for jobs in (1, 4)
    )
    assert [one.accuracy for one in together] == [pytest.approx(one.accuracy, abs=0.2) for one in alone]
