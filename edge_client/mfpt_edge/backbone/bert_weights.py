"""The BERT family from a folder: its weights by name, converted to 4 bits once, and mapped from then on."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from mfpt_edge.backbone import fourbit
from mfpt_edge.backbone.bert import BertWeights
from mfpt_edge.backbone.tensorfile import TensorFile, opened, write
from mfpt_edge.formats.bert_shape import TABLE
from mfpt_shared.errors import Incompatible

_log = logging.getLogger(__name__)


class FolderWeights:
    """The weights of a checkpoint, as published."""

    def __init__(self, folder: Path) -> None:
        """Open a folder.

        Raises:
            Incompatible: The weights cannot be read.
        """
        self._folder = folder
        self._tensors = _open(folder)
        found = next((name for name in self._tensors if name.endswith(TABLE)), "")
        self._prefix = found.removesuffix(TABLE)

    def vector(self, name: str) -> Tensor:
        """See BertWeights.vector."""
        return self._tensor(name).float()

    def matrix(self, name: str) -> Tensor:
        """See BertWeights.matrix."""
        return self._tensor(name).float()

    def table(self, device: torch.device) -> nn.Module:
        """See BertWeights.table."""
        return fourbit.plain_table(self._tensor(TABLE)).to(device)

    def names(self) -> Iterator[str]:
        """Return the names of all that belongs to the encoder."""
        for name in self._tensors:
            own = _modern(name.removeprefix(self._prefix))
            if name.startswith(self._prefix) and own.startswith(("embeddings.", "encoder.")):
                yield own

    def _tensor(self, name: str) -> Tensor:
        for spelling in (name, _ancient(name)):
            found = self._tensors.get(self._prefix + spelling)
            if found is not None:
                return found
        raise Incompatible(f"the weights in {self._folder} lack {name!r}: save them again")


class ConvertedWeights:
    """The weights of a checkpoint in NF4, mapped from the file that keeps them."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors

    def vector(self, name: str) -> Tensor:
        """See BertWeights.vector."""
        return self._tensors[name].float()

    def matrix(self, name: str) -> fourbit.Packed | Tensor:
        """See BertWeights.matrix."""
        if name in self._tensors:
            return self._tensors[name]
        return fourbit.Packed(self._tensors[f"{name}.codes"], self._tensors[f"{name}.scales"], "nf4")

    def table(self, device: torch.device) -> nn.Module:
        """See BertWeights.table."""
        table = self.matrix(TABLE)
        module = fourbit.Embedding4bit(table) if isinstance(table, fourbit.Packed) else fourbit.plain_table(table)
        return module.to(device)


def family_weights(folder: Path, file: Path | None, *, quantised: bool) -> BertWeights:
    """Return the weights in a folder.

    Args:
        folder: Checkpoint of transformers.
        file: File that keeps, or is to keep, the conversion to 4 bits; None: it is not kept.
        quantised: Whether to return them in NF4 rather than in 32 bits.

    Raises:
        Incompatible: Not all weights are there.
    """
    if not quantised:
        return FolderWeights(folder)
    if (kept := opened(file)) is not None:
        return ConvertedWeights(kept)
    converted = _convert(FolderWeights(folder))
    if file is not None:
        try:
            write(file, converted)
            return ConvertedWeights(TensorFile(file))
        except OSError as error:
            _log.warning("the converted backbone cannot be kept in %s, so every start converts it: %s", file, error)
    return ConvertedWeights(converted)


def _convert(weights: FolderWeights) -> dict[str, Tensor]:
    """Quantise one matrix after the other, so that 32 bits are never held in full."""
    converted: dict[str, Tensor] = {}
    for name in weights.names():
        matrix = name == TABLE or (name.startswith("encoder.") and ".LayerNorm." not in name)
        packed = fourbit.quantise(weights.matrix(name)) if matrix and name.endswith(".weight") else None
        if packed is None:
            converted[name] = weights.vector(name).contiguous()
        else:
            converted[f"{name}.codes"], converted[f"{name}.scales"] = packed.codes, packed.scales
    return converted


def _open(folder: Path) -> Mapping[str, Tensor]:
    try:
        if files := sorted(folder.glob("*.safetensors")):
            return _Merged([TensorFile(file) for file in files])
        return _Merged(
            [
                torch.load(file, map_location="cpu", mmap=True, weights_only=True)
                for file in sorted(folder.glob("pytorch_model*.bin"))
            ]
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise Incompatible(f"the weights in {folder} cannot be read: {error}") from error


class _Merged(Mapping[str, Tensor]):
    """Several files' tensors."""

    def __init__(self, parts: list[Mapping[str, Tensor]]) -> None:
        self._where = {name: part for part in parts for name in part}

    def __getitem__(self, name: str) -> Tensor:
        return self._where[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)


def _modern(name: str) -> str:
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _ancient(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
