"""An encoder of the BERT family as one ONNX graph in 4 bits, in which prompt and head are inputs. Needs no torch.

    inputs     ids [batch, tokens] int64, mask [batch, tokens] int32 (1 on real tokens),
               prompt [virtual tokens, width], head.weight [labels, width], head.bias [labels], all float32
    output     probabilities [batch, labels]

A graph for words has one input more, and an answer for every word:

    input      places [batch, words] int64: the token that stands for each word, counted without the prompt
    output     probabilities [batch, words, labels]

A new version of a prompt needs no new graph. Weights lie in the graph as they do in memory: blocks of 32 codes with a
scale, for the operators MatMulNBits and GatherBlockQuantized of ONNX Runtime.
"""

from typing import Any, Final, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mfpt_edge.formats.bert_shape import TABLE, Shape
from mfpt_edge.formats.q4_0 import BLOCK_WEIGHTS, Floats, Q4Matrix
from mfpt_shared.head_scales import POOLED_NORM, WORD_SCALE

_OPSET: Final = 20
_IR_VERSION: Final = 10
_DOMAIN: Final = "com.microsoft"
# Products of 8-bit activations and 4-bit weights, which processors have instructions for.
_LEVEL_OF_TEXTS: Final = 4
# Products of 32-bit activations. What 8 bits lose is lost in the mean over a text, but changes the labels of one word
# in a hundred; on a core of a server they save little or nothing.
_LEVEL_OF_WORDS: Final = 1


class GraphWeights(Protocol):
    """Weights by their names in transformers' `BertModel`, without torch; `e5_file.E5File` is one."""

    def vector(self, name: str) -> Floats:
        """Return a bias, norm or small table, flat."""

    def matrix(self, name: str) -> Q4Matrix:
        """Return a linear layer's weight [out, in], or the token table."""


def build(shape: Shape, weights: GraphWeights, layer: int | None, *, words: bool = False) -> onnx.ModelProto:
    """Return a graph.

    Args:
        shape: Shape of the encoder.
        weights: All weights.
        layer: Index of the first layer that sees the prompt; None: it enters at the input, before positions are added.
        words: Whether every word gets an answer, rather than every text.
    """
    graph = _Graph(shape, weights, _LEVEL_OF_WORDS if words else _LEVEL_OF_TEXTS)
    hidden = graph.lookup()
    if layer is None:
        hidden = graph.prepended(hidden)
    hidden = graph.embedded(hidden)
    for index in range(shape.layers):
        if index == layer:
            hidden = graph.prepended(hidden)
        hidden = graph.layer(index, hidden)
    text = graph.without_prompt(hidden)
    graph.answer(graph.gathered(text) if words else graph.pooled(text))
    return graph.model(words=words)


class _Graph:
    """A graph in the making; every method adds nodes, and returns the name of what they compute."""

    def __init__(self, shape: Shape, weights: GraphWeights, level: int) -> None:
        self._shape = shape
        self._level = level
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: list[onnx.TensorProto] = []
        self._mask = "mask"
        self._names = 0

    def lookup(self) -> str:
        codes, scales = self._weights.matrix(TABLE)
        # Signed here: what was 8 too high is flipped into two's complement.
        signed = TensorProto(
            name="table",
            data_type=TensorProto.INT4,
            dims=[len(codes), self._shape.width],
            raw_data=(codes ^ 0x88).tobytes(),
        )
        self._tensors.append(signed)
        rows = self._node(
            "GatherBlockQuantized",
            *("table", "ids", self._constant(scales)),
            domain=_DOMAIN, block_size=BLOCK_WEIGHTS, gather_axis=0, quantize_axis=1,
        )  # fmt: skip
        return self._node("Cast", rows, to=TensorProto.FLOAT)

    def prepended(self, hidden: str) -> str:
        """Put the prompt before every text."""
        shape = self._node("Shape", hidden, end=1)
        rest = self._node("Shape", "prompt")
        prompt = self._node("Expand", "prompt", self._node("Concat", shape, rest, axis=0))
        count = self._node("Shape", "prompt", end=1)
        one = self._constant(np.array([1], np.int32))
        ones = self._node("Expand", one, self._node("Concat", shape, count, axis=0))
        self._mask = self._node("Concat", ones, "mask", axis=1)
        return self._node("Concat", prompt, hidden, axis=1)

    def embedded(self, tokens: str) -> str:
        first, width = self._shape.first_position, self._shape.width
        table = self._weights.vector("embeddings.position_embeddings.weight").reshape(-1, width)
        kind = self._weights.vector("embeddings.token_type_embeddings.weight").reshape(-1, width)[0]
        positions = self._constant(table[first : first + self._shape.positions] + kind)
        length = self._node("Shape", tokens, start=1, end=2)
        used = self._node("Slice", positions, self._constant(np.array([0], np.int64)), length)
        return self._normed(self._node("Add", tokens, used), "embeddings.LayerNorm")

    def layer(self, index: int, hidden: str) -> str:
        name = f"encoder.layer.{index}"
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        query, key, value = self._split(self._linear(parts, hidden))
        attended = self._node(
            "MultiHeadAttention", query, key, value, "", self._mask, domain=_DOMAIN, num_heads=self._shape.heads
        )
        output = self._linear([f"{name}.attention.output.dense"], attended)
        hidden = self._normed_sum(hidden, output, f"{name}.attention.output.LayerNorm")
        approximate = "tanh" if self._shape.activation != "gelu" else "none"
        inner = self._node("Gelu", self._linear([f"{name}.intermediate.dense"], hidden), approximate=approximate)
        output = self._linear([f"{name}.output.dense"], inner)
        return self._normed_sum(hidden, output, f"{name}.output.LayerNorm")

    def without_prompt(self, hidden: str) -> str:
        count = self._node("Shape", "prompt", end=1)
        end = self._constant(np.array([np.iinfo(np.int64).max], np.int64))
        return self._node("Slice", hidden, count, end, self._constant(np.array([1], np.int64)))

    def gathered(self, text: str) -> str:
        """Return what the head sees of every word."""
        last = self._constant(np.array([-1], np.int64))
        states = self._node("GatherND", text, self._node("Unsqueeze", "places", last), batch_dims=1)
        return self._node("Mul", states, self._constant(np.array(WORD_SCALE, np.float32)))

    def pooled(self, text: str) -> str:
        """Return what the head sees of every text: the mean of the real tokens' states, at one length."""
        weights = self._node(
            "Unsqueeze", self._node("Cast", "mask", to=TensorProto.FLOAT), self._constant(np.array([2]))
        )
        axis = self._constant(np.array([1], np.int64))
        total = self._node("ReduceSum", self._node("Mul", text, weights), axis, keepdims=0)
        # The mean's length does not matter: it is set to another one.
        unit = self._node("LpNormalization", total, axis=-1, p=2)
        return self._node("Mul", unit, self._constant(np.array(POOLED_NORM, np.float32)))

    def answer(self, features: str) -> None:
        """Apply the head."""
        product = self._node("MatMul", features, self._node("Transpose", "head.weight", perm=[1, 0]))
        logits = self._node("Add", product, "head.bias")
        self._nodes.append(helper.make_node("Softmax", [logits], ["probabilities"], axis=-1))

    def model(self, *, words: bool) -> onnx.ModelProto:
        width = self._shape.width
        floats = TensorProto.FLOAT
        inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"]),
            helper.make_tensor_value_info("mask", TensorProto.INT32, ["batch", "tokens"]),
            helper.make_tensor_value_info("prompt", floats, ["virtual", width]),
            helper.make_tensor_value_info("head.weight", floats, ["labels", width]),
            helper.make_tensor_value_info("head.bias", floats, ["labels"]),
        ]
        if words:
            inputs.append(helper.make_tensor_value_info("places", TensorProto.INT64, ["batch", "words"]))
        answers = ["batch", "words", "labels"] if words else ["batch", "labels"]
        outputs = [helper.make_tensor_value_info("probabilities", floats, answers)]
        graph = helper.make_graph(self._nodes, "encoder", inputs, outputs, self._tensors)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="mfpt")

    def _linear(self, names: list[str], entry: str) -> str:
        """Return what several linear layers give, side by side."""
        matrices = [self._weights.matrix(f"{name}.weight") for name in names]
        codes, scales = (np.concatenate(parts) for parts in zip(*matrices, strict=True))
        bias = np.concatenate([self._weights.vector(f"{name}.bias") for name in names])
        outputs, inputs = len(codes), 2 * codes.shape[1]
        packed = self._constant(codes.reshape(outputs, inputs // BLOCK_WEIGHTS, BLOCK_WEIGHTS // 2))
        scale = self._constant(scales.astype(np.float32).reshape(-1))
        return self._node(
            "MatMulNBits",
            *(entry, packed, scale, "", "", self._constant(bias)),
            domain=_DOMAIN, K=inputs, N=outputs, bits=4, block_size=BLOCK_WEIGHTS, accuracy_level=self._level,
        )  # fmt: skip

    def _normed_sum(self, first: str, second: str, name: str) -> str:
        parts = (self._constant(self._weights.vector(f"{name}.{part}")) for part in ("weight", "bias"))
        return self._node("SkipLayerNormalization", first, second, *parts, domain=_DOMAIN, epsilon=self._shape.epsilon)

    def _split(self, entry: str) -> list[str]:
        """Return the three thirds of what is side by side."""
        names = [self._name() for _ in range(3)]
        self._nodes.append(helper.make_node("Split", [entry], names, axis=-1, num_outputs=3))
        return names

    def _normed(self, entry: str, name: str) -> str:
        parts = (self._constant(self._weights.vector(f"{name}.{part}")) for part in ("weight", "bias"))
        return self._node("LayerNormalization", entry, *parts, axis=-1, epsilon=self._shape.epsilon)

    def _constant(self, values: "NDArray[np.generic]") -> str:
        name = self._name()
        self._tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - of any operator
        name = self._name()
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def _name(self) -> str:
        self._names += 1
        return f"t{self._names}"
