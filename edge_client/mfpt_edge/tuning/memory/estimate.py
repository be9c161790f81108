"""How many examples are run at once, and whether layers are run twice, by the memory that is left. Needs no torch."""

from typing import Final, NamedTuple

# Fewer than these at once, and decoding the weights for each few costs more than running the layers a second time.
_FEW: Final = 4


class Layer(NamedTuple):
    """What a layer holds of a token.

    Attributes:
        width: Hidden size.
        heads: Number of attention heads.
        widths: Number of values that it keeps for the gradient, in hidden sizes.
        value_bytes: Bytes of one value.
    """

    width: int
    heads: int
    widths: int
    value_bytes: int


class Allowance(NamedTuple):
    """What activations may take.

    All figures are estimates. A layer of the BERT family keeps queries, keys and values (3 widths), what attention
    gives (1), what the two norms and the activation see (2 + 4), and about 2 more; and of the attention a score for
    each head and pair of tokens. The layer that is being run holds as much again: copies, then their gradients.

    Attributes:
        free: bytes.
        layer: Layer of the backbone.
    """

    free: int
    layer: Layer

    def at_once(self, examples: int, tokens: int, layers: int) -> int:
        """Return how many examples of a batch may be trained on at once, one at least; all, or a power of two.

        Args:
            examples: Number of examples in the batch.
            tokens: Number of tokens of an example, virtual ones and padding included.
            layers: Number of layers that the prompt reaches.
        """
        plain = self.free // self._kept(tokens, layers)
        if plain < min(examples, _FEW):
            plain = self.free // self.least(tokens, layers)
        return examples if examples <= plain else _power_of_two(plain)

    def fits(self, examples: int, tokens: int, layers: int) -> bool:
        """Tell whether layers may keep all that their gradients need; else they are run a second time for it."""
        return examples * self._kept(tokens, layers) <= self.free

    def whole(self, examples: int, tokens: int, layers: int, *, readable: int) -> int:
        """Return the bytes that whole batches take: of examples that are trained on, and of `readable` others."""
        return max(examples * (self._kept(tokens, layers) + self._lower(tokens)), readable * self._one(tokens))

    def readable(self, tokens: int) -> int:
        """Return how many examples may be run at once where no gradients are wanted, a power of two."""
        return _power_of_two(self.free // self._one(tokens))

    def least(self, tokens: int, layers: int) -> int:
        """Return the bytes that one example takes if only the layers' inputs are kept."""
        return layers * tokens * self.layer.width * self.layer.value_bytes + 2 * self._one(tokens)

    def _kept(self, tokens: int, layers: int) -> int:
        return (layers + 1) * self._one(tokens)

    def _lower(self, tokens: int) -> int:
        """Return what a batch holds of an example's kept lower activations: float16, and copies while it is made."""
        return 6 * tokens * self.layer.width

    def _one(self, tokens: int) -> int:
        layer = self.layer
        return tokens * (layer.widths * layer.width + layer.heads * tokens) * layer.value_bytes


def _power_of_two(limit: int) -> int:
    """Round down to a power of two, one at least: each other size is one more shape that torch keeps memory for."""
    return 1 << max(limit, 1).bit_length() - 1
