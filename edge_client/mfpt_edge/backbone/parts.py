"""What a backbone consists of: a tokenizer, an encoder, its layers, and what writes text where the task is to write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mfpt_edge.backbone.layers import Stack
from mfpt_edge.backbone.transformers_files import PretrainedTokenizer
from mfpt_edge.formats.word_pieces import WordPieces


class Tokenizer(Protocol):
    """Text to token ids."""

    @property
    def pad_id(self) -> int:
        """Id that fills up a batch."""

    def encode(self, texts: Sequence[str], max_tokens: int, pairs: Sequence[str] | None = None) -> list[list[int]]:
        """Return the ids of every text with its special tokens, cut to `max_tokens` in all, without padding.

        Args:
            texts: Texts to encode.
            max_tokens: Most tokens of each text or pair.
            pairs: Second texts, one for each of the first.
        """

    def encode_words(self, sentences: Sequence[Sequence[str]], max_tokens: int, prefix: str) -> list[WordPieces]:
        """Return sentences of words as tokens, special ones included, without padding.

        Args:
            sentences: Words of every sentence.
            max_tokens: Most tokens of each sentence.
            prefix: Text before every sentence.
        """


class Encoder(Protocol):
    """Text to states, in two steps, so that virtual tokens can be put between them."""

    def tokens(self, ids: Tensor) -> Tensor:
        """Look tokens up: ids [batch, tokens] int64 become [batch, tokens, width]."""

    def encode(self, tokens: Tensor, mask: Tensor, *, unread: int = 0) -> Tensor:
        """Run all layers on looked-up tokens.

        Args:
            tokens: [batch, tokens, width].
            mask: [batch, tokens] bool, true on real tokens.
            unread: Number of leading positions whose states are not read; they are left out of the result.

        Returns:
            Last states, [batch, tokens - unread, width].
        """


@dataclass(frozen=True, slots=True)
class Backbone:
    """A frozen encoder or decoder in eval mode, ready for a prompt.

    Attributes:
        encoder: From tokens to states.
        stack: The same, layer by layer; None: it is built in a way that does not allow that.
        tokenizer: From text to ids.
        decoder: Way from states back to text; None: it was not loaded to write.
        device: Device that the encoder is on.
        width: Hidden size.
        layers: Number of transformer layers.
        max_positions: Longest input, virtual tokens at the input included.
        fingerprint: Fingerprint of the weights as published.
        weight_bytes: Memory that the weights take as loaded, scales included.
        weight_bytes_fp32: Memory that they would take in 32 bits.
    """

    encoder: Encoder
    stack: Stack | None
    tokenizer: Tokenizer
    decoder: "Decoder | None"
    device: torch.device
    width: int
    layers: int
    max_positions: int
    fingerprint: str
    weight_bytes: int
    weight_bytes_fp32: int


@dataclass(frozen=True, slots=True)
class Decoder:
    """What a backbone needs to write.

    Attributes:
        logits: Function from last states [n, width] to scores of the next token [n, vocabulary] float32.
        tokenizer: From text to ids, and back.
        end_id: Token that ends a text.
        vocabulary: Number of tokens.
    """

    logits: Callable[[Tensor], Tensor]
    tokenizer: PretrainedTokenizer
    end_id: int
    vocabulary: int
