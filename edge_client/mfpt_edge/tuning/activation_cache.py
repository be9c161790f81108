"""Lower activations on disk: what the frozen layers below the prompt make of a set of texts, computed once.

A file holds one set of texts, and is named after everything that its content depends on: the backbone's weights, how
they are held, the layer, and the tokens of the texts. It is mapped into memory, so that processes share its pages.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from mfpt_edge.backbone.fourbit import compute_dtype
from mfpt_edge.backbone.tensorfile import TensorFile, opened, rows_size, write_rows
from mfpt_edge.storage.cache import make_room
from mfpt_edge.tuning.batches import Encoded
from mfpt_edge.tuning.encoding import HELD_BYTES, activations, with_activations
from mfpt_edge.tuning.model import PromptModel

# Version of what the layers compute: raised when that changes, so that older files no longer fit.
_FORM: Final = 4
_NAME: Final = "hidden"

_log = logging.getLogger(__name__)


def encode_splits(
    model: PromptModel, splits: Iterable[Encoded], cache: Path, budget: int | None, *, held_bytes: int = HELD_BYTES
) -> list[Encoded]:
    """Add what fits into the cache of a device's lower activations, the first splits first.

    Args:
        model: See `with_cached_activations`.
        splits: Tokenised examples.
        cache: Folder; if it cannot be written to, memory has to do.
        budget: Bytes that all files there may take. Others are removed to make room; what still does not fit is
            computed again for every batch. None: no limit.
        held_bytes: Bytes of memory that each split may take where the cache cannot be used.
    """
    found: list[Encoded] = []
    in_use: set[Path] = set()
    failed = False
    for encoded in splits:
        try:
            found.append(
                with_cached_activations(model, encoded, cache, budget=budget, in_use=in_use, held_bytes=held_bytes)
            )
        except OSError as error:
            if not failed:
                _log.warning("nothing can be kept in %s (%s): activations are held in memory", cache, error.strerror)
            failed = True
            found.append(with_activations(model, encoded, held_bytes))
    return found


def with_cached_activations(
    model: PromptModel,
    encoded: Encoded,
    cache: Path,
    *,
    budget: int | None = None,
    in_use: set[Path] | None = None,
    held_bytes: int = HELD_BYTES,
) -> Encoded:
    """Return what `with_activations` does: from the cache if it is there, otherwise computed and kept there.

    Args:
        model: Backbone and prompt. Only method `late` has lower layers worth keeping.
        encoded: Tokenised examples, in an order that stays the same: batches are made of neighbours, and the last bits
            of the activations depend on them.
        cache: Folder.
        budget: Bytes that all files in it may take, see `encode_splits`; None: no limit.
        in_use: Files that are not removed to make room; the file of these examples is added.
        held_bytes: Bytes of memory that the activations may take with other methods.

    Raises:
        OSError: The cache cannot be read or written.
    """
    if model.plan.prompt.method != "late" or not encoded.ids:
        return with_activations(model, encoded, held_bytes)
    shape = (sum(map(len, encoded.ids)), model.backbone.width)
    size = rows_size(_NAME, shape)
    if budget is not None and size > budget:
        return encoded
    in_use = set() if in_use is None else in_use
    file = cache / f"{_key(model, encoded)}.safetensors"
    kept = _touched(file)
    if kept is None and (budget is None or make_room(cache, size, budget, in_use)):
        kept = _written(model, encoded, file, shape)
    if kept is None:
        return encoded
    in_use.add(file)
    return encoded._replace(hidden=kept[_NAME].to(model.backbone.device))


def _touched(file: Path) -> TensorFile | None:
    """Return a file that is there, as one that was just used."""
    kept = opened(file)
    if kept is not None:
        # The file may belong to another user, or lie on a disk that is only read.
        with contextlib.suppress(OSError):
            os.utime(file)
    return kept


def _written(model: PromptModel, encoded: Encoded, file: Path, shape: tuple[int, int]) -> TensorFile | None:
    """Compute activations of all tokens, [tokens, width], into a file; None if one is beyond float16."""
    try:
        write_rows(file, _NAME, shape, activations(model, encoded))
    except OverflowError:
        return None
    return TensorFile(file)


def _key(model: PromptModel, encoded: Encoded) -> str:
    plan, backbone = model.plan, model.backbone
    facts = (
        *(_FORM, backbone.fingerprint, plan.backbone.quantisation, str(compute_dtype(backbone.device))),
        *(backbone.device.type, plan.late_layer, [len(ids) for ids in encoded.ids]),
    )
    digest = hashlib.sha256(json.dumps(facts).encode())
    for ids in encoded.ids:
        digest.update(np.array(ids, np.int64).tobytes())
    return digest.hexdigest()[:32]
