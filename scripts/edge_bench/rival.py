"""The rivals: PEFT's prompt tuning and the transformers Trainer, used as their manuals say.

The backbone of one is in NF4 of bitsandbytes, which takes the least memory that PEFT offers; that of the other is in
the type that products are in, which is faster on a CPU. Both start as mfpt does: virtual tokens of the same spread, an
empty head, the same learning rates, weight decay, pooling and batches, bfloat16 products where the processor has them,
and no evaluation before the end. All else is as PEFT and the Trainer have it: the prompt enters at the input, with the
checkpoint's dropout and the Trainer's gradient clipping.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TypedDict, get_args

import torch
from peft import PromptTuningConfig, TaskType, get_peft_model
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    BertModel,
    BitsAndBytesConfig,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from edge_bench.child import (
    BATCH,
    EPOCHS,
    HEAD_RATE,
    INITIAL_STD,
    MAX_TOKENS,
    PREFIX,
    PROMPT_RATE,
    VIRTUAL_TOKENS,
    WEIGHT_DECAY,
    Clock,
    Texts,
    answer,
)
from mfpt_shared.system.memory import peak_rss_bytes

Weights = Literal["nf4", "plain"]
"""How the frozen weights are kept: in 4 bits, or in the type that products are in."""

KINDS: Final[tuple[Weights, ...]] = get_args(Weights)


class Row(TypedDict):
    """One sentence, as the Trainer takes it."""

    input_ids: list[int]
    attention_mask: list[int]
    labels: int


class Classifier(nn.Module):
    """Mean pooling and a linear head around a model with a prompt."""

    def __init__(self, model: nn.Module, width: int, labels: int) -> None:
        super().__init__()
        self.model = model
        self.head = nn.Linear(width, labels)
        # Empty, as mfpt's: a random one would be another start.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Return logits, and the loss if labels are given."""
        last = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        last = last[:, last.shape[1] - input_ids.shape[1] :].float()
        weights = attention_mask[..., None].float()
        pooled = 10 * nn.functional.normalize((last * weights).sum(1) / weights.sum(1), dim=-1)
        logits = self.head(pooled)
        loss = {} if labels is None else {"loss": nn.functional.cross_entropy(logits, labels)}
        return {**loss, "logits": logits}


class Times(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Records when the first step was done, and how long each epoch took."""

    def __init__(self, clock: Clock) -> None:
        self.first_step = 0.0
        self.epochs: list[float] = []
        self._clock = clock
        self._since = 0.0

    def on_epoch_begin(self, *_: object, **__: object) -> None:
        """See TrainerCallback."""
        self._since = time.perf_counter()

    def on_step_end(self, *_: object, **__: object) -> None:
        """See TrainerCallback."""
        self.first_step = self.first_step or self._clock.seconds()

    def on_epoch_end(self, *_: object, **__: object) -> None:
        """See TrainerCallback."""
        self.epochs.append(time.perf_counter() - self._since)


def main(kind: Weights, folder: Path, texts: Texts, device: str, compute: str, clock: Clock) -> None:
    """Train and measure."""
    torch.manual_seed(0)
    base = (_quantised if kind == "nf4" else plain)(folder, device, compute)
    weights = base.get_memory_footprint()
    model, prompt = with_prompt(base, len(texts.labels), device)
    began = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    train, test = _tokenised(tokenizer, texts.train), _tokenised(tokenizer, texts.test)
    times = Times(clock)
    trainer = Trainer(
        model=model,
        args=_arguments(folder / "out", device),
        train_dataset=train,
        data_collator=DataCollatorWithPadding(tokenizer),
        optimizers=(_optimiser(model, prompt), None),
        callbacks=[times],
    )
    trainer.train()
    whole = time.perf_counter() - began
    peak = peak_rss_bytes()
    logits = torch.from_numpy(trainer.predict(test).predictions)
    right = logits.argmax(dim=1) == torch.tensor([label for _, label in texts.test])
    answer(
        weights=weights,
        first_step=times.first_step,
        epochs=times.epochs,
        whole_run=whole,
        peak=peak,
        accuracy=float(right.float().mean()),
        tokens=sum(len(row["input_ids"]) for row in train),
        bytes_up=4 * sum(part.numel() for part in (prompt, *model.head.parameters())),
    )


def _quantised(folder: Path, device: str, compute: str) -> BertModel:
    """Load the checkpoint in nf4, with products in the type named `compute`."""
    quantised = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, compute),
    )
    return BertModel.from_pretrained(
        str(folder),
        quantization_config=quantised,
        device_map={"": device},
        dtype=torch.float32,
        add_pooling_layer=False,
    )


def plain(folder: Path, device: str, compute: str) -> BertModel:
    """Load the checkpoint in the type named `compute`, which products are then in as well."""
    return BertModel.from_pretrained(
        str(folder), device_map={"": device}, dtype=getattr(torch, compute), add_pooling_layer=False
    )


def with_prompt(base: BertModel, labels: int, device: str) -> tuple[Classifier, nn.Parameter]:
    """Put a prompt and a head on a model, started as mfpt starts its own; return the prompt as well."""
    config = PromptTuningConfig(task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=VIRTUAL_TOKENS)
    model = Classifier(get_peft_model(base, config), base.config.hidden_size, labels).to(device)
    (prompt,) = (part for name, part in model.named_parameters() if "prompt_encoder" in name and part.requires_grad)
    nn.init.normal_(prompt, std=INITIAL_STD)
    return model, prompt


def _tokenised(tokenizer: PreTrainedTokenizerBase, split: Sequence[tuple[str, int]]) -> list[Row]:
    found = tokenizer([PREFIX + text for text, _ in split], truncation=True, max_length=MAX_TOKENS)
    return [
        {"input_ids": ids, "attention_mask": mask, "labels": label}
        for ids, mask, (_, label) in zip(found["input_ids"], found["attention_mask"], split, strict=True)
    ]


def _optimiser(model: Classifier, prompt: nn.Parameter) -> torch.optim.AdamW:
    groups = [{"params": [prompt], "lr": PROMPT_RATE}, {"params": model.head.parameters(), "lr": HEAD_RATE}]
    return torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)


def _arguments(folder: Path, device: str) -> TrainingArguments:
    """Return the Trainer's own settings, without reports, checkpoints and a progress bar."""
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=32,
        num_train_epochs=EPOCHS,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=device == "cpu",
        dataloader_pin_memory=False,
    )


if __name__ == "__main__":
    (kind,) = (kind for kind in KINDS if kind == sys.argv[1])
    main(kind, Path(sys.argv[2]), Texts.read(Path(sys.argv[3])), sys.argv[4], sys.argv[5], Clock(float(sys.argv[6])))
