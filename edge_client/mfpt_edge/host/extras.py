"""Which optional libraries are installed, found out without importing them."""

import importlib.util
from collections.abc import Sequence
from typing import Final

from mfpt_shared.errors import NotInstalled

_ENGINE: Final = ("torch", "transformers", "peft", "bitsandbytes", "sentencepiece")
_ONNX: Final = ("onnxruntime", "onnx", "sentencepiece")


def require_engine() -> None:
    """Check that the libraries of the prompt engine are there, without importing them.

    Raises:
        NotInstalled: this is an installation for a server, or for a device that only predicts.
    """
    if library := _missing(_ENGINE):
        raise NotInstalled(f"{library} is not installed, which a device needs: pip install 'mfpt[edge]'")


def has_onnx() -> bool:
    """Tell whether the libraries to predict with ONNX Runtime are there, without importing them."""
    return _missing(_ONNX) is None


def require_onnx() -> None:
    """Check that the libraries to predict with ONNX Runtime are there, without importing them.

    Raises:
        NotInstalled: they are not.
    """
    if library := _missing(_ONNX):
        raise NotInstalled(f"{library} is not installed, which --runtime onnx needs: pip install 'mfpt[onnx]'")


def _missing(libraries: Sequence[str]) -> str | None:
    return next((name for name in libraries if importlib.util.find_spec(name) is None), None)
