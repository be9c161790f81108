"""multilingual-e5-small out of its weights file, in the 4 bits as published."""

import torch
from torch import Tensor, nn

from mfpt_edge.backbone import fourbit
from mfpt_edge.formats.bert_shape import TABLE
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.q4_0 import BLOCK_BYTES, BLOCK_WEIGHTS


class BundledWeights:
    """See `bert.BertWeights`."""

    def __init__(self, file: E5File, *, quantised: bool) -> None:
        """Wrap a file.

        Args:
            file: Weights.
            quantised: Whether to leave them as they are, rather than decode them to float32.
        """
        self._file = file
        self._quantised = quantised

    def vector(self, name: str) -> Tensor:
        """See BertWeights.vector."""
        return torch.from_numpy(self._file.vector(name))

    def matrix(self, name: str) -> fourbit.Packed | Tensor:
        """See BertWeights.matrix."""
        if not self._quantised:
            return torch.from_numpy(self._file.vector(name).reshape(self._file.rows(name), -1))
        return self._packed(name)

    def table(self, device: torch.device) -> nn.Module:
        """See BertWeights.table; on a processor, the table stays in the file, mapped."""
        width = self._file.config.hidden
        if not self._quantised:
            return fourbit.plain_table(torch.from_numpy(self._file.vector(TABLE).reshape(-1, width))).to(device)
        if device.type == "cpu":
            blocks = self._file.blocks(TABLE).reshape(-1, width // BLOCK_WEIGHTS * BLOCK_BYTES)
            return fourbit.BlockEmbedding(torch.from_numpy(blocks), width)
        return fourbit.Embedding4bit(self._packed(TABLE)).to(device)

    def _packed(self, name: str) -> fourbit.Packed:
        codes, scales = self._file.matrix(name)
        return fourbit.Packed(torch.from_numpy(codes), torch.from_numpy(scales), "q4_0")
