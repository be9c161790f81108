"""Late prompts as a method of PEFT: loaded, saved and trained by PEFT itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, PeftType, TaskType, get_peft_model
from transformers import AutoModel, AutoModelForSequenceClassification

from mfpt_edge import peft_late
from mfpt_edge.peft_late import LateConfig
from mfpt_shared.adapters import LATE_STATE
from mfpt_shared.errors import Incompatible, UsageError
from support.backbones import TINY_WIDTH

FAMILIES = ("Bert", "XLMRoberta", "Llama")
IDS = torch.tensor([[0, 10, 11, 4, 13, 2], [0, 10, 11, 7, 2, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]])
TOKENS = 5


@pytest.fixture
def base(tiny_folder: Callable[[str], Path]) -> Callable[..., Any]:
    def load(family: str = "Bert") -> Any:
        return AutoModel.from_pretrained(tiny_folder(family))

    return load


def late(model: Any, **options: Any) -> Any:
    return get_peft_model(model, LateConfig(num_virtual_tokens=TOKENS, **options))


def states(model: Any) -> torch.Tensor:
    """Return the states of real tokens behind the virtual ones."""
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=IDS, attention_mask=MASK).last_hidden_state
    return found[:, -IDS.shape[1] :][MASK.bool()]


@pytest.mark.parametrize("low_cpu_mem_usage", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_that_peft_saves_is_the_one_that_it_loads(
    base: Callable[..., Any], family: str, low_cpu_mem_usage: bool, tmp_path: Path
) -> None:
    model = late(base(family), layer=2)
    model.save_pretrained(str(tmp_path))
    assert (tmp_path / "adapter_model.safetensors").stat().st_size < 4 * TOKENS * TINY_WIDTH + 300
    loaded = PeftModel.from_pretrained(base(family), str(tmp_path), low_cpu_mem_usage=low_cpu_mem_usage)
    assert loaded.peft_config["default"].layer == 2
    torch.testing.assert_close(states(loaded), states(model))
    assert not any(part.requires_grad for part in loaded.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_only_virtual_tokens_are_trained_and_gradients_reach_them(base: Callable[..., Any], family: str) -> None:
    model = late(base(family).train())
    assert model.training
    output = model(input_ids=IDS, attention_mask=MASK).last_hidden_state
    assert output.shape == (2, TOKENS + IDS.shape[1], TINY_WIDTH)
    output[:, TOKENS:].square().sum().backward()
    trained = {name: part for name, part in model.named_parameters() if part.requires_grad}
    assert list(trained) == [f"{LATE_STATE}.default"]
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in trained.values())
    assert all(part.grad is None for name, part in model.named_parameters() if name not in trained)


def test_the_prompt_enters_at_three_quarters_unless_told_otherwise(base: Callable[..., Any]) -> None:
    assert late(base()).peft_config["default"].layer == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_without_its_adapter_the_model_is_the_backbone(base: Callable[..., Any], family: str) -> None:
    model, untouched = late(base(family)), states(base(family))
    assert not torch.allclose(states(model), untouched, atol=1e-3)
    with model.disable_adapter():
        torch.testing.assert_close(states(model), untouched)
    plain = model.unload()
    torch.testing.assert_close(states(plain), untouched)
    assert plain.state_dict().keys() == base(family).state_dict().keys()


def test_a_model_holds_several_adapters_of_which_one_is_active(base: Callable[..., Any], tmp_path: Path) -> None:
    model = late(base(), layer=1)
    first = states(model)
    late(base(), layer=3).save_pretrained(str(tmp_path))
    model.load_adapter(str(tmp_path), "second")
    torch.testing.assert_close(states(model), first)
    model.set_adapter("second")
    torch.testing.assert_close(states(model), states(PeftModel.from_pretrained(base(), str(tmp_path))))
    model.set_adapter("default")
    model.delete_adapter("second")
    torch.testing.assert_close(states(model), first)


def test_registering_twice_changes_nothing() -> None:
    before = list(PeftType)
    peft_late.register()
    peft_late.register()
    assert list(PeftType) == before
    assert PeftType("LATE_PROMPT") is PeftType.LATE_PROMPT


def test_a_model_whose_layers_cannot_be_run_one_by_one_is_refused(
    base: Callable[..., Any], tiny_folder: Callable[[str], Path]
) -> None:
    for model in (base("XLMRobertaXL"), AutoModelForSequenceClassification.from_pretrained(tiny_folder("Bert"))):
        with pytest.raises(Incompatible, match=f"{type(model).__name__} cannot be run one by one"):
            late(model)


def test_virtual_tokens_are_not_merged(base: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="unload"):
        late(base()).merge_and_unload()


def test_what_makes_no_sense_is_refused(base: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="layers 0 to 3"):
        late(base(), layer=4)
    with pytest.raises(UsageError, match="FEATURE_EXTRACTION"):
        LateConfig(task_type=TaskType.SEQ_CLS)
    with pytest.raises(UsageError, match="num_virtual_tokens is 0"):
        LateConfig(num_virtual_tokens=0)
    with pytest.raises(UsageError, match="does not take output_hidden_states"):
        late(base())(input_ids=IDS, attention_mask=MASK, output_hidden_states=True)
