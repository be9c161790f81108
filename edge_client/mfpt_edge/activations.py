"""Lower activations on disk: what the frozen layers below the prompt make of a set of texts, computed once.

A file holds one set of texts, and is named after everything that its content depends on: the backbone's weights, how
they are held, the layer, and the texts with their prefix. It is mapped into memory, so that processes share its pages.
"""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch

from mfpt_edge.encoded import Encoded, encode
from mfpt_edge.fourbit import compute_dtype
from mfpt_edge.prompt import PromptModel
from mfpt_edge.splits import Example

# Of what the layers compute; a change of theirs, and files that are there no longer fit.
_FORM: Final = 2


def encode_cached(model: PromptModel, examples: Sequence[Example], cache: Path) -> Encoded:
    """Return what `encode` does, from the cache if it is there, and keep it if it is not.

    Args:
        model: method `late`; other methods have no lower layers worth keeping.
        examples: in an order that stays the same: batches are made of neighbours, and the last bits depend on them.
        cache: folder.
    """
    if model.plan.prompt.method != "late" or not examples:
        return encode(model, examples)
    file = cache / f"{_key(model, examples)}.npy"
    if not file.exists():
        hidden = encode(model, examples, cache_bytes=2**62).hidden
        assert hidden is not None
        _write(file, hidden.cpu().numpy())
    # Copy on write: torch wants arrays that it may write to, and nobody does.
    hidden = torch.from_numpy(np.load(file, mmap_mode="c")).to(model.backbone.device)
    return encode(model, examples, cache_bytes=0)._replace(hidden=hidden)


def _key(model: PromptModel, examples: Sequence[Example]) -> str:
    plan, backbone = model.plan, model.backbone
    facts = (
        *(_FORM, backbone.fingerprint, plan.backbone.quantisation, str(compute_dtype(backbone.device))),
        *(backbone.device.type, plan.late_layer, model.max_tokens, plan.backbone.prefix),
    )
    digest = hashlib.sha256(json.dumps(facts).encode())
    for example in examples:
        digest.update(hashlib.sha256(example.text.encode()).digest())
    return digest.hexdigest()[:32]


def _write(file: Path, hidden: "np.ndarray[tuple[int, ...], np.dtype[np.float16]]") -> None:
    """Write a file so that no other process ever sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as part:
        np.save(part, hidden)
    Path(part.name).replace(file)
