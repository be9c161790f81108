"""Tiny random backbones in folders, and what a plan says about them."""

from pathlib import Path
from typing import Any

from mfpt_shared import plan

WORDS = ("good", "fine", "great", "bad", "poor", "awful", "query", ":", "the", "food", "was", "and", "a", "b", "c", "d")
TINY_WIDTH = 64
TINY_LAYERS = 4


def tiny_spec(folder: Path, quantisation: Any = "none") -> plan.BackboneSpec:
    return plan.BackboneSpec(uri=f"path:{folder}", width=TINY_WIDTH, layers=TINY_LAYERS, quantisation=quantisation)


def smollm2_spec(file: Path) -> plan.BackboneSpec:
    return plan.BackboneSpec(uri=f"gguf:{file}", width=576, layers=30, prefix="")


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
