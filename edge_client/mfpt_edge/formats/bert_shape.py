"""What an encoder of the BERT family (BERT, RoBERTa, XLM-R, E5) looks like, by its configuration. Needs no torch."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

ACTIVATIONS: Final = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}
"""Name in a configuration -> approximation of the error function."""
TABLE: Final = "embeddings.word_embeddings.weight"
"""Name of the token table."""
# Families whose positions start after the padding id.
_ROBERTA: Final = ("roberta", "xlm-roberta", "camembert")
_FAMILY: Final = ("bert", *_ROBERTA)


class Shape(NamedTuple):
    """What a configuration says.

    Attributes:
        width: Hidden size.
        layers: Number of layers.
        heads: Number of attention heads.
        epsilon: Smallest variance of the layer norms.
        activation: One of `ACTIVATIONS`.
        first_position: Number of a text's first position; RoBERTa and its kin count from after the padding id.
        positions: Number of positions that a text may use.
    """

    width: int
    layers: int
    heads: int
    epsilon: float
    activation: str
    first_position: int
    positions: int


def family_shape(config: Mapping[str, Any]) -> Shape | None:
    """Return the shape that a `config.json` describes, or None if it is not of the family."""
    kind, activation = config.get("model_type"), config.get("hidden_act", "gelu")
    positions = config.get("position_embedding_type", "absolute")
    if kind not in _FAMILY or activation not in ACTIVATIONS or positions != "absolute" or config.get("is_decoder"):
        return None
    first = config.get("pad_token_id", 1) + 1 if kind in _ROBERTA else 0
    return Shape(
        width=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        epsilon=config.get("layer_norm_eps", 1e-12),
        activation=activation,
        first_position=first,
        positions=config["max_position_embeddings"] - first,
    )
