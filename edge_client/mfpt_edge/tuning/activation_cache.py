"""Lower activations on disk: what the frozen layers below the prompt make of a set of texts, computed once.

A file holds one set of texts, and is named after everything that its content depends on: the backbone's weights, how
they are held, the layer, and the tokens of the texts. It is mapped into memory, so that processes share its pages.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from mfpt_edge.backbone.fourbit import compute_dtype
from mfpt_edge.backbone.tensorfile import TensorFile, opened, rows_size, write_rows
from mfpt_edge.data.example import Example
from mfpt_edge.storage.cache import make_room
from mfpt_edge.tuning.batches import CACHE_BYTES, Encoded, activations, encode
from mfpt_edge.tuning.model import PromptModel

# Of what the layers compute; a change of theirs, and files that are there no longer fit.
_FORM: Final = 4
_NAME: Final = "hidden"

_log = logging.getLogger(__name__)


def encode_splits(
    model: PromptModel, splits: Iterable[Sequence[Example]], cache: Path, budget: int, *, held_bytes: int = CACHE_BYTES
) -> list[Encoded]:
    """Encode the examples of a device with what of their activations fits into the cache, the first splits first.

    Args:
        model: see `encode_cached`.
        splits: see `encode_cached`.
        cache: folder; one that cannot be written to is no failure.
        budget: bytes that all files there may take. Others are removed to make room; what does not fit all the same is
            computed anew for every batch.
        held_bytes: may be held in memory of each split, where there is nothing for the cache or it cannot be used.
    """
    encoded: list[Encoded] = []
    in_use: set[Path] = set()
    failed = False
    for examples in splits:
        try:
            encoded.append(encode_cached(model, examples, cache, budget=budget, in_use=in_use, held_bytes=held_bytes))
        except OSError as error:
            if not failed:
                _log.warning("nothing can be kept in %s (%s): memory has to do", cache, error.strerror)
            failed = True
            encoded.append(encode(model, examples, cache_bytes=held_bytes))
    return encoded


def encode_cached(
    model: PromptModel,
    examples: Sequence[Example],
    cache: Path,
    *,
    budget: int | None = None,
    in_use: set[Path] | None = None,
    held_bytes: int = CACHE_BYTES,
) -> Encoded:
    """Return what `encode` does, from the cache if it is there, and keep it if it is not.

    Args:
        model: method `late`; other methods have no lower layers worth keeping.
        examples: in an order that stays the same: batches are made of neighbours, and the last bits depend on them.
        cache: folder.
        budget: bytes that all files in it may take, see `encode_splits`; None: no limit.
        in_use: files that are not removed to make room; the one of these examples is added.
        held_bytes: may be held in memory with other methods.

    Raises:
        OSError: the cache cannot be read or written.
    """
    if model.plan.prompt.method != "late" or not examples:
        return encode(model, examples, cache_bytes=held_bytes)
    encoded = encode(model, examples, cache_bytes=0)
    shape = (sum(map(len, encoded.ids)), model.backbone.width)
    size = rows_size(_NAME, shape)
    if budget is not None and size > budget:
        return encoded
    file, in_use = cache / f"{_key(model, encoded)}.safetensors", set() if in_use is None else in_use
    kept = opened(file)
    if kept is not None:
        with contextlib.suppress(OSError):  # of another user, or on a disk that is only read
            os.utime(file)
    elif budget is None or make_room(cache, size, budget, in_use):
        try:
            write_rows(file, _NAME, shape, activations(model, encoded))
        except OverflowError:
            return encoded
        kept = TensorFile(file)
    else:
        return encoded
    in_use.add(file)
    return encoded._replace(hidden=kept[_NAME].to(model.backbone.device))


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
