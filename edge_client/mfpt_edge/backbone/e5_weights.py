"""multilingual-e5-small out of its weights file, in the 4 bits as published."""

import numpy as np
import torch
from torch import Tensor, nn

from mfpt_edge.backbone import fourbit
from mfpt_edge.formats.bert_shape import TABLE
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.q4_0 import BLOCK_BYTES, BLOCK_WEIGHTS


class BundledWeights:
    """See `bert.Weights`."""

    def __init__(self, file: E5File, *, quantised: bool) -> None:
        """Wrap a file.

        Args:
            file: the weights.
            quantised: as they are; otherwise decoded to float32.
        """
        self._file = file
        self._quantised = quantised

    def vector(self, name: str) -> Tensor:
        """See Weights.vector."""
        return torch.from_numpy(self._file.tensor(name))

    def matrix(self, name: str) -> fourbit.Packed | Tensor:
        """See Weights.matrix."""
        rows = self._file.rows(name)
        if not self._quantised:
            return torch.from_numpy(self._file.tensor(name).reshape(rows, -1))
        return fourbit.from_q4_0(torch.from_numpy(np.array(self._file.blocks(name))), rows)

    def table(self) -> nn.Module:
        """See Weights.table."""
        width = self._file.config.hidden
        if self._quantised:
            blocks = self._file.blocks(TABLE).reshape(-1, width // BLOCK_WEIGHTS * BLOCK_BYTES)
            return fourbit.Q4Embedding(torch.from_numpy(blocks), width)
        return fourbit.plain_table(torch.from_numpy(self._file.tensor(TABLE).reshape(-1, width)))
