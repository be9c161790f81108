"""A checkpoint's weights for an ONNX graph: decoded, and quantised again into the blocks that its operators take."""

import torch

from mfpt_edge.backbone.bert import BertWeights
from mfpt_edge.backbone.fourbit import Packed
from mfpt_edge.formats.q4_0 import Floats, Q4Matrix, quantise_q4


class RequantisedWeights:
    """See `onnx_graph.GraphWeights`."""

    def __init__(self, weights: BertWeights) -> None:
        self._weights = weights

    def vector(self, name: str) -> Floats:
        """See GraphWeights.vector."""
        found: Floats = self._weights.vector(name).numpy().reshape(-1)
        return found

    def matrix(self, name: str) -> Q4Matrix:
        """See GraphWeights.matrix."""
        matrix = self._weights.matrix(name)
        full = matrix.decode(torch.float32) if isinstance(matrix, Packed) else matrix
        return quantise_q4(full.numpy())
