"""From examples to what a model reads: tokens, where each label belongs, and batches."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from rivals.job import Item, Job

# What cross-entropy ignores: the label of a word that was cut off.
CUT_OFF: Final = -100


class Encoded(NamedTuple):
    """One example.

    Attributes:
        ids: Token ids.
        places: Place among the tokens of each word's first one; empty where a text has one label.
        labels: Label of every word, `CUT_OFF` where the word was; or the one label of the text.
    """

    ids: list[int]
    places: list[int]
    labels: list[int]


class Batch(NamedTuple):
    """Some examples.

    Attributes:
        ids: [examples, tokens] int64.
        mask: [examples, tokens] int64, 1 on real tokens.
        rows: [labels] int64, example of each label.
        places: [labels] int64, place of each label's word; empty where a text has one label.
        labels: [labels] int64.
    """

    ids: Tensor
    mask: Tensor
    rows: Tensor
    places: Tensor
    labels: Tensor


def tokenizer_of(job: Job) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a job's checkpoint."""
    return AutoTokenizer.from_pretrained(job.checkpoint)


def encode(job: Job, tokenizer: PreTrainedTokenizerBase, items: Sequence[Item]) -> list[Encoded]:
    """Tokenise examples."""
    if job.kind == "classification":
        texts = [job.prefix + item.words[0] for item in items]
        found = tokenizer(texts, truncation=True, max_length=job.max_tokens)["input_ids"]
        return [Encoded(ids, [], list(item.labels)) for ids, item in zip(found, items, strict=True)]
    prefix = job.prefix.split()
    words = [[*prefix, *item.words] for item in items]
    found = tokenizer(words, is_split_into_words=True, truncation=True, max_length=job.max_tokens)
    return [_tagged(found, row, len(prefix), item) for row, item in enumerate(items)]


def _tagged(found: Any, row: int, skipped: int, item: Item) -> Encoded:
    ids, words = found["input_ids"][row], found.word_ids(row)
    first: dict[int, int] = {}
    for place, word in enumerate(words):
        if word is not None and word >= skipped:
            first.setdefault(word - skipped, place)
    places = [first.get(word, 0) for word in range(len(item.words))]
    return Encoded(ids, places, [label if word in first else CUT_OFF for word, label in enumerate(item.labels)])


def batches(examples: Sequence[Encoded], size: int, order: Sequence[int]) -> Iterator[Batch]:
    """Yield the examples in an order, a few at a time."""
    for start in range(0, len(order), size):
        chosen = [examples[at] for at in order[start : start + size]]
        width = max(len(one.ids) for one in chosen)
        mask = torch.tensor([[1] * len(one.ids) + [0] * (width - len(one.ids)) for one in chosen])
        # 1 is the padding of XLM-R's vocabulary, and where the mask is 0 nothing reads it.
        ids = torch.tensor([one.ids + [1] * (width - len(one.ids)) for one in chosen])
        yield Batch(
            ids,
            mask,
            torch.tensor([row for row, one in enumerate(chosen) for _ in one.labels], dtype=torch.int64),
            torch.tensor([place for one in chosen for place in one.places], dtype=torch.int64),
            torch.tensor([label for one in chosen for label in one.labels], dtype=torch.int64),
        )
