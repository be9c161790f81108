"""Lower activations on disk: what the frozen layers below the prompt make of a set of texts, computed once.

A file holds one set of texts, and is named after everything that its content depends on: the backbone's weights, how
they are held, the layer, and the texts with their prefix. It is mapped into memory, so that processes share its pages.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mfpt_edge.encoded import Encoded, encode
from mfpt_edge.fourbit import compute_dtype
from mfpt_edge.prompt import PromptModel
from mfpt_edge.splits import Example
from mfpt_edge.tensorfile import TensorFile, write

# Of what the layers compute; a change of theirs, and files that are there no longer fit.
_FORM: Final = 3
_NAME: Final = "hidden"


def encode_cached(model: PromptModel, examples: Sequence[Example], cache: Path) -> Encoded:
    """Return what `encode` does, from the cache if it is there, and keep it if it is not.

    Args:
        model: method `late`; other methods have no lower layers worth keeping.
        examples: in an order that stays the same: batches are made of neighbours, and the last bits depend on them.
        cache: folder.
    """
    if model.plan.prompt.method != "late" or not examples:
        return encode(model, examples)
    file = cache / f"{_key(model, examples)}.safetensors"
    if not file.exists():
        hidden = encode(model, examples, cache_bytes=2**62).hidden
        assert hidden is not None
        write(file, {_NAME: hidden.cpu()}, {})
    hidden = TensorFile(file)[_NAME].to(model.backbone.device)
    return encode(model, examples, cache_bytes=0)._replace(hidden=hidden)


def _key(model: PromptModel, examples: Sequence[Example]) -> str:
    plan, backbone = model.plan, model.backbone
    facts = (
        *(_FORM, backbone.fingerprint, plan.backbone.quantisation, str(compute_dtype(backbone.device))),
        *(backbone.device.type, plan.late_layer, model.max_tokens, plan.backbone.prefix),
    )
    digest = hashlib.sha256(json.dumps(facts).encode())
    for example in examples:
        content = f"{example.content}\0{example.completion}"
        digest.update(hashlib.sha256(content.encode()).digest())
    return digest.hexdigest()[:32]
